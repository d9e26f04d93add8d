/* SPDX-License-Identifier: Apache-2.0 */
/* GnuTLS: records, handshakes and their facts. */
#include "preload/binding.h"
#include "preload/emit.h"
#include "preload/hooks/tls_peer.h"
#include "preload/payload.h"
#include "preload/tls_join.h"

#include <errno.h>

typedef struct gnutls_session *gnutls_session_t;

/* GNUTLS_E_INTERNAL_ERROR: what a call gives that could not be made */
enum { MISSING = -59 };

/* GNUTLS_E_AGAIN and GNUTLS_E_INTERRUPTED are no failures; of the rest the number does not matter.
 */
static __s64 failure_of(ssize_t result)
{
	return result == -28 ? -EAGAIN : result == -52 ? -EINTR : -EPROTO;
}

#define RECORD_IO(symbol, way, data_type)                                                         \
	EXPORT ssize_t symbol(gnutls_session_t session, data_type data, size_t size);             \
	BOUND(symbol);                                                                            \
	ssize_t symbol(gnutls_session_t session, data_type data, size_t size)                     \
	{                                                                                         \
		ssize_t (*real)(gnutls_session_t, data_type, size_t) =                            \
			binding_at(&bound_##symbol, CALLER);                                      \
		struct rt_call call;                                                              \
		ssize_t result;                                                                   \
                                                                                                  \
		if (unlikely(!real))                                                              \
			return MISSING;                                                           \
		if (!call_enter(&call, RT_EV_##symbol, RT_FAMILY_tls, (uintptr_t)session))        \
			return real(session, data, size);                                         \
		result = real(session, data, size);                                               \
		call_leave(&call, (uintptr_t)session, result < 0 ? failure_of(result) : result);  \
		payload_tls(session, -1, way, data, result, way == PAYLOAD_OUT ? call.start : 0); \
		return result;                                                                    \
	}

RECORD_IO(gnutls_record_recv, PAYLOAD_IN, void *)
RECORD_IO(gnutls_record_send, PAYLOAD_OUT, const void *)

/* GnuTLS counts protocol versions from 1 (SSL 3.0); on the wire that is 0x0300. */
static unsigned wire_version(int version)
{
	return version >= 1 && version <= 5 ? 0x0300u + (unsigned)version - 1 : 0;
}

/* gnutls_datum_t */
struct datum {
	unsigned char *data;
	unsigned size;
};

static void join_socket(gnutls_session_t session, uintptr_t site)
{
	void (*randoms_of)(gnutls_session_t, struct datum *, struct datum *) =
		binding_find("gnutls_session_get_random", NULL, site);
	struct datum client = {NULL, 0}, server = {NULL, 0};

	if (!randoms_of || !payload_wanted())
		return;
	randoms_of(session, &client, &server);
	if (client.data && client.size == TLS_RANDOM_SIZE)
		tls_join_either(session, client.data);
}

static void say_peer(gnutls_session_t session, uintptr_t site)
{
	int (*version)(gnutls_session_t) = binding_find("gnutls_protocol_get_version", NULL, site);
	int (*resumed)(gnutls_session_t) = binding_find("gnutls_session_is_resumed", NULL, site);

	if (version && resumed)
		tls_peer_mark(
			session, wire_version(version(session)), resumed(session), false, NULL);
}

EXPORT int gnutls_handshake(gnutls_session_t session);
BOUND(gnutls_handshake);

int gnutls_handshake(gnutls_session_t session)
{
	int (*real)(gnutls_session_t) = binding_at(&bound_gnutls_handshake, CALLER);
	struct rt_call call;
	int result;

	if (unlikely(!real))
		return MISSING;
	if (!call_enter(&call, RT_EV_gnutls_handshake, RT_FAMILY_tls, (uintptr_t)session))
		return real(session);
	result = real(session);
	call_leave(&call, (uintptr_t)session, result < 0 ? failure_of(result) : 0);
	if (!result) {
		join_socket(session, (uintptr_t)CALLER);
		say_peer(session, (uintptr_t)CALLER);
	}
	return result;
}

EXPORT int gnutls_bye(gnutls_session_t session, int how);
BOUND(gnutls_bye);

int gnutls_bye(gnutls_session_t session, int how)
{
	int (*real)(gnutls_session_t, int) = binding_at(&bound_gnutls_bye, CALLER);
	struct rt_call call;
	int result;

	if (unlikely(!real))
		return MISSING;
	if (!call_enter(&call, RT_EV_gnutls_bye, RT_FAMILY_tls, (uintptr_t)session))
		return real(session, how);
	result = real(session, how);
	call_leave(&call, (uintptr_t)session, result < 0 ? failure_of(result) : 0);
	return result;
}

EXPORT void gnutls_deinit(gnutls_session_t session);
BOUND(gnutls_deinit);

void gnutls_deinit(gnutls_session_t session)
{
	void (*real)(gnutls_session_t) = binding_at(&bound_gnutls_deinit, CALLER);
	struct rt_call call;

	if (unlikely(!real))
		return;
	if (!call_enter(&call, RT_EV_gnutls_deinit, RT_FAMILY_tls, (uintptr_t)session)) {
		real(session);
		return;
	}
	payload_tls_close(session);
	real(session);
	call_leave(&call, (uintptr_t)session, 0);
}
