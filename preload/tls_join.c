/* SPDX-License-Identifier: Apache-2.0 */
#include "preload/tls_join.h"

/* Handshakes that may be on their way at once. A later one with the same place displaces. */
#define HELLOS 1024

/* The first eight bytes of the random and the way are the key; four more vouch for the socket. */
struct hello {
	__u64 key;
	__u64 socket;
};

static struct hello hellos[HELLOS];

static __u64 word_at(const __u8 *bytes)
{
	__u64 word;

	__builtin_memcpy(&word, bytes, sizeof(word));
	return word;
}

static __u64 key_of(const __u8 *random, enum payload_way way)
{
	return word_at(random) ^ way;
}

static __u64 socket_of(const __u8 *random, int fd)
{
	return word_at(random + 8) << 32 | (__u32)fd;
}

void tls_join_hello(int fd, enum payload_way way, const __u8 *data)
{
	const __u8 *random = data + 11; /* after the record's head, the message's, the version */
	__u64 key = key_of(random, way);
	struct hello *hello = &hellos[key % HELLOS];

	__atomic_store_n(&hello->key, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&hello->socket, socket_of(random, fd), __ATOMIC_RELEASE);
	__atomic_store_n(&hello->key, key, __ATOMIC_RELEASE);
}

static int find(const __u8 *random, enum payload_way way)
{
	__u64 key = key_of(random, way);
	struct hello *hello = &hellos[key % HELLOS];
	__u64 socket;

	if (!key || __atomic_load_n(&hello->key, __ATOMIC_ACQUIRE) != key)
		return -1;
	socket = __atomic_load_n(&hello->socket, __ATOMIC_ACQUIRE);
	return socket == socket_of(random, (int)(__u32)socket) ? (int)(__u32)socket : -1;
}

void tls_join_socket(const void *session, int fd)
{
	if (fd >= 0 && payload_tls_bind(session, fd))
		mark_emit(RT_EV_tls_socket, (uintptr_t)session, fd, NULL);
}

void tls_join(const void *session, const __u8 random[TLS_RANDOM_SIZE], enum payload_way way)
{
	tls_join_socket(session, find(random, way));
}

void tls_join_either(const void *session, const __u8 random[TLS_RANDOM_SIZE])
{
	int out = find(random, PAYLOAD_OUT), in = find(random, PAYLOAD_IN);

	if (out < 0 || in < 0)
		tls_join_socket(session, out < 0 ? in : out);
}
