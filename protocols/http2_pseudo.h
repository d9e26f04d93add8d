/* SPDX-License-Identifier: Apache-2.0 */
/* The pseudo headers of an HTTP/2 block: what stands in HTTP/1's first line. */
#ifndef PROTOCOLS_HTTP2_PSEUDO_H
#define PROTOCOLS_HTTP2_PSEUDO_H

#include "protocols/http.h"

/* Texts are cut where they have no room; a size of 0 is unknown. */
struct http2_pseudo {
	unsigned status;
	size_t method_size, path_size, authority_size;
	char method[16];
	char path[1024];
	char authority[256];
};

void http2_pseudo_take(struct http2_pseudo *pseudo, const char *name, size_t name_size,
	const char *value, size_t value_size);

/* Tells http.c the request they make. */
void http2_pseudo_request(const struct http2_pseudo *pseudo, struct http_stream *http);

#endif
