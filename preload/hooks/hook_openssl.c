/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenSSL 1.1 and 3, as loaded by anybody and as often as it is: reads, writes, handshakes and
 * their facts (version, server name, resumption), which socket a session rides on.
 *
 * Types are opaque here: the library's headers are not needed. A copy that is linked into the
 * program (Node's) is hooked where it exports its functions; where it does not, it is not seen.
 */
#include "preload/binding.h"
#include "preload/emit.h"
#include "preload/hooks/tls_peer.h"
#include "preload/patch/linked.h"
#include "preload/payload.h"
#include "preload/tls_join.h"

#include <errno.h>

typedef struct ssl SSL;

/* The results of a call that could not be made: no such function but our own. */
enum { MISSING = -1 };

/* What SSL_get_error says, by its documented numbers. */
enum { WANT_READ = 2, WANT_WRITE = 3, SYSCALL = 5, ZERO_RETURN = 6 };

/*
 * A failed call as records hold it. On a non-blocking socket and over memory most "failures" only
 * want more bytes. SSL_get_error looks and takes nothing away: the program asks it again.
 */
static __attribute__((noinline, cold)) __s64 failure_of(const SSL *ssl, int result, void *caller)
{
	static struct binding get_error = {.name = "SSL_get_error"};
	int (*function)(const SSL *, int) = binding_at(&get_error, caller);
	int saved = *__errno_location();
	int reason = function ? function(ssl, result) : 0;

	*__errno_location() = saved;
	switch (reason) {
	case WANT_READ:
	case WANT_WRITE:
		return -EAGAIN;
	case ZERO_RETURN:
		return 0;
	case SYSCALL:
		return saved ? -(__s64)saved : -ECONNRESET;
	default:
		return -EPROTO;
	}
}

/* The socket that the session rides on; -1 for memory BIOs. */
static int socket_of(const SSL *ssl, void *caller)
{
	static struct binding get_fd = {.name = "SSL_get_fd"};
	int (*function)(const SSL *) = binding_at(&get_fd, caller);

	return function ? function(ssl) : -1;
}

/* Over memory the library knows no socket; the ClientHello that it made or read tells it. */
static __attribute__((noinline, cold)) void join_socket(const SSL *ssl, void *caller)
{
	static struct binding get_random = {.name = "SSL_get_client_random"};
	static struct binding is_server = {.name = "SSL_is_server"};
	size_t (*random_of)(const SSL *, unsigned char *, size_t) = binding_at(&get_random, caller);
	int (*serves)(const SSL *) = binding_at(&is_server, caller);
	__u8 random[TLS_RANDOM_SIZE];

	if (random_of && serves && random_of(ssl, random, sizeof(random)) == sizeof(random))
		tls_join(ssl, random, serves(ssl) ? PAYLOAD_IN : PAYLOAD_OUT);
}

/* What the handshake settled, asked of the very library that made it. */
static void say_peer(const SSL *ssl, uintptr_t site)
{
	int (*version)(const SSL *) = binding_find("SSL_version", NULL, site);
	int (*reused)(const SSL *) = binding_find("SSL_session_reused", NULL, site);
	int (*is_server)(const SSL *) = binding_find("SSL_is_server", NULL, site);
	const char *(*server_name)(const SSL *, int) =
		binding_find("SSL_get_servername", NULL, site);

	if (!version || !reused || !is_server || !server_name)
		return;
	tls_peer_mark(
		ssl, (unsigned)version(ssl), reused(ssl), is_server(ssl), server_name(ssl, 0));
}

/* The program itself has said whose session begins next (preload/node/). */
static __attribute__((noinline, cold)) void session_begins(const SSL *ssl)
{
	tls_join_socket(ssl, rt_self.session_fd);
	rt_self.session_fd = 0;
}

/* Reads and writes may do the handshake by the way: then the first plain text says it is done. */
static inline void copy_payload(const SSL *ssl, enum payload_way way, const void *data,
	ssize_t done, void *caller, const struct rt_call *call)
{
	if (unlikely(rt_self.session_fd))
		session_begins(ssl);
	if (payload_wanted() && done > 0) {
		int fd = socket_of(ssl, caller);

		if (payload_tls_begins(ssl, fd)) {
			if (fd < 0)
				join_socket(ssl, caller);
			say_peer(ssl, (uintptr_t)caller);
		}
		payload_tls(ssl, fd, way, data, done, way == PAYLOAD_OUT ? call->start : 0);
	}
}

/* The first step of a client makes the ClientHello: the next one finds where it went. */
static __attribute__((noinline, cold)) void handshake_step(const SSL *ssl, void *caller)
{
	if (payload_wanted() && socket_of(ssl, caller) < 0)
		join_socket(ssl, caller);
}

static __attribute__((noinline, cold)) void handshake_done(const SSL *ssl, void *caller)
{
	handshake_step(ssl, caller);
	payload_tls_begins(ssl, socket_of(ssl, caller));
	say_peer(ssl, (uintptr_t)caller);
}

/*
 * Each function twice: as what others' calls are bound to, with the original of its call site, and
 * as what stands at the entry of the program's own.
 */
#define BOTH(hook, type, symbol, ...)                                                 \
	EXPORT type symbol(__VA_ARGS__);                                              \
	BOUND(symbol);                                                                \
	hook(symbol, symbol, ,                                                        \
		binding_at(&bound_##symbol, CALLER)) static const void *own_##symbol; \
	hook(symbol, linked_##symbol, static, (void *)(uintptr_t)own_##symbol)

/* One function: its original, the call, its record. */
#define TLS_IO(symbol, name, storage, original, kind, way, data_type)                  \
	storage int name(SSL *ssl, data_type data, int size)                           \
	{                                                                              \
		int (*real)(SSL *, data_type, int) = original;                         \
		struct rt_call call;                                                   \
		int result;                                                            \
                                                                                       \
		if (unlikely(!real))                                                   \
			return MISSING;                                                \
		if (!call_enter(&call, RT_EV_##kind, RT_FAMILY_tls, (uintptr_t)ssl))   \
			return real(ssl, data, size);                                  \
		result = real(ssl, data, size);                                        \
		call_leave(&call, (uintptr_t)ssl,                                      \
			result > 0 ? (__s64)result : failure_of(ssl, result, CALLER)); \
		copy_payload(ssl, way, data, result, CALLER, &call);                   \
		return result;                                                         \
	}

/* The same for the forms that return success and the size apart. */
#define TLS_IO_EX(symbol, name, storage, original, kind, way, data_type)                       \
	storage int name(SSL *ssl, data_type data, size_t size, size_t *done)                  \
	{                                                                                      \
		int (*real)(SSL *, data_type, size_t, size_t *) = original;                    \
		struct rt_call call;                                                           \
		int result;                                                                    \
                                                                                               \
		if (unlikely(!real))                                                           \
			return 0;                                                              \
		if (!call_enter(&call, RT_EV_##kind, RT_FAMILY_tls, (uintptr_t)ssl))           \
			return real(ssl, data, size, done);                                    \
		result = real(ssl, data, size, done);                                          \
		call_leave(&call, (uintptr_t)ssl,                                              \
			result > 0 ? (__s64)*done : failure_of(ssl, result, CALLER));          \
		copy_payload(ssl, way, data, result > 0 ? (ssize_t)*done : -1, CALLER, &call); \
		return result;                                                                 \
	}

/* A handshake over a non-blocking socket takes several calls; only the last one returns 1. */
#define TLS_STEP(symbol, name, storage, original, failed, before, on_success)                      \
	storage int name(SSL *ssl)                                                                 \
	{                                                                                          \
		int (*real)(SSL *) = original;                                                     \
		struct rt_call call;                                                               \
		int result;                                                                        \
                                                                                                   \
		if (unlikely(!real))                                                               \
			return MISSING;                                                            \
		if (!call_enter(&call, RT_EV_##symbol, RT_FAMILY_tls, (uintptr_t)ssl))             \
			return real(ssl);                                                          \
		before;                                                                            \
		result = real(ssl);                                                                \
		call_leave(&call, (uintptr_t)ssl, (failed) ? failure_of(ssl, result, CALLER) : 0); \
		if (result == 1)                                                                   \
			on_success;                                                                \
		return result;                                                                     \
	}

#define TLS_READ(...) TLS_IO(__VA_ARGS__, SSL_read, PAYLOAD_IN, void *)
#define TLS_WRITE(...) TLS_IO(__VA_ARGS__, SSL_write, PAYLOAD_OUT, const void *)
#define TLS_READ_EX(...) TLS_IO_EX(__VA_ARGS__, SSL_read, PAYLOAD_IN, void *)
#define TLS_WRITE_EX(...) TLS_IO_EX(__VA_ARGS__, SSL_write, PAYLOAD_OUT, const void *)
#define TLS_HANDSHAKE(...) \
	TLS_STEP(__VA_ARGS__, result != 1, handshake_step(ssl, CALLER), handshake_done(ssl, CALLER))
#define TLS_END(...) TLS_STEP(__VA_ARGS__, result < 0, (void)0, (void)0)

#define TLS_FREE(symbol, name, storage, original)                                                \
	storage void name(SSL *ssl)                                                              \
	{                                                                                        \
		void (*real)(SSL *) = original;                                                  \
		struct rt_call call;                                                             \
                                                                                                 \
		if (unlikely(!real))                                                             \
			return;                                                                  \
		if (!ssl || !call_enter(&call, RT_EV_SSL_free, RT_FAMILY_tls, (uintptr_t)ssl)) { \
			real(ssl);                                                               \
			return;                                                                  \
		}                                                                                \
		payload_tls_close(ssl);                                                          \
		real(ssl);                                                                       \
		call_leave(&call, (uintptr_t)ssl, 0);                                            \
	}

BOTH(TLS_READ, int, SSL_read, SSL *ssl, void *data, int size)
BOTH(TLS_WRITE, int, SSL_write, SSL *ssl, const void *data, int size)
BOTH(TLS_READ_EX, int, SSL_read_ex, SSL *ssl, void *data, size_t size, size_t *done)
BOTH(TLS_WRITE_EX, int, SSL_write_ex, SSL *ssl, const void *data, size_t size, size_t *done)
BOTH(TLS_HANDSHAKE, int, SSL_do_handshake, SSL *ssl)
BOTH(TLS_END, int, SSL_shutdown, SSL *ssl)
BOTH(TLS_FREE, void, SSL_free, SSL *ssl)

/* In the program itself these two come to its SSL_do_handshake. */
EXPORT int SSL_connect(SSL *ssl);
EXPORT int SSL_accept(SSL *ssl);
BOUND(SSL_connect);
BOUND(SSL_accept);
TLS_HANDSHAKE(SSL_connect, SSL_connect, , binding_at(&bound_SSL_connect, CALLER))
TLS_HANDSHAKE(SSL_accept, SSL_accept, , binding_at(&bound_SSL_accept, CALLER))

#define LINKED(symbol)                                                           \
	{                                                                        \
#symbol, (const void *)(uintptr_t)linked_##symbol, &own_##symbol \
	}

const struct linked_hook linked_hooks[LINKED_HOOKS] = {LINKED(SSL_read), LINKED(SSL_write),
	LINKED(SSL_read_ex), LINKED(SSL_write_ex), LINKED(SSL_do_handshake), LINKED(SSL_shutdown),
	LINKED(SSL_free)};

EXPORT int SSL_set_fd(SSL *ssl, int fd);
BOUND(SSL_set_fd);

int SSL_set_fd(SSL *ssl, int fd)
{
	int (*real)(SSL *, int) = binding_at(&bound_SSL_set_fd, CALLER);
	struct rt_call call;
	int result;

	if (unlikely(!real))
		return 0;
	if (!call_enter(&call, RT_EV_SSL_set_fd, RT_FAMILY_tls, (uintptr_t)ssl))
		return real(ssl, fd);
	result = real(ssl, fd);
	call_leave(&call, (uintptr_t)ssl, result == 1 ? fd : -EINVAL);
	return result;
}
