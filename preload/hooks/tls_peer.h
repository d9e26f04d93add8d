/* SPDX-License-Identifier: Apache-2.0 */
/* What a finished TLS handshake settled, as the tls_peer mark. */
#ifndef PRELOAD_HOOKS_TLS_PEER_H
#define PRELOAD_HOOKS_TLS_PEER_H

#include "preload/emit.h"

/* server_name may be NULL. */
static inline void tls_peer_mark(const void *session, unsigned version, bool resumed,
	bool is_server, const char *server_name)
{
	struct rt_bytes name = {.data = server_name, .type = RT_TAIL_NAME};
	__s64 facts = (__s64)(version & RT_TLS_VERSION) | (resumed ? RT_TLS_RESUMED : 0) |
		(is_server ? RT_TLS_SERVER : 0);

	if (server_name)
		name.size = (__u32)text_length(server_name);
	mark_emit(RT_EV_tls_peer, (uintptr_t)session, facts, server_name ? &name : NULL);
}

#endif
