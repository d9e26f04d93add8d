/* SPDX-License-Identifier: Apache-2.0 */
/* Paths without what differs from request to request, and without what may be secret. */
#ifndef PROTOCOLS_HTTP_URL_H
#define PROTOCOLS_HTTP_URL_H

#include <stddef.h>

/* Segments that look like identifiers, hashes or tokens become {id}. Cut to `room`. */
void http_url_template(const char *path, char *out, size_t room);

#endif
