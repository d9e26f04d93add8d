/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which socket a TLS session rides on, where its library does not know: over memory (asyncio), or
 * over an interface of the program's own (libpq, GnuTLS).
 *
 * A handshake begins with a ClientHello in plain text, and the 32 random bytes in it are the
 * session's alone. They are seen on the socket, and the library tells those of a session.
 */
#ifndef PRELOAD_TLS_JOIN_H
#define PRELOAD_TLS_JOIN_H

#include "preload/payload.h"

#define TLS_RANDOM_SIZE 32

/* Bytes of a socket: a ClientHello among them is remembered. */
COLD void tls_join_hello(int fd, enum payload_way way, const __u8 *data);

/* Is this the beginning of a record that holds a ClientHello? */
static inline bool tls_is_hello(const __u8 *data, size_t size)
{
	return unlikely(size >= 11 + TLS_RANDOM_SIZE && data[0] == 22 && data[1] == 3) &&
		data[5] == 1;
}

/*
 * The session has sent (as a client) or read (as a server) the ClientHello with this random. Where
 * a socket saw it, the session's bytes count as that socket's from now on.
 */
COLD void tls_join(const void *session, const __u8 random[TLS_RANDOM_SIZE], enum payload_way way);

/* The same where it is not known which. A program that talks to itself is left alone. */
COLD void tls_join_either(const void *session, const __u8 random[TLS_RANDOM_SIZE]);

/* The session is that of a socket, as somebody knows; fd -1: nobody does. */
COLD void tls_join_socket(const void *session, int fd);

#endif
