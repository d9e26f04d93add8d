/* SPDX-License-Identifier: Apache-2.0 */
#include "loader/stream/peers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/map.h"

/* Descriptors that are remembered, of all processes together. */
#define PEERS_MAX (1u << 16)

struct known {
	struct peer peer;
	uint64_t since; /* ticks of the call that said so */
	int listener;	/* whose port it is; -1: none */
};

struct peers {
	struct map by_fd; /* process << 32 | fd: place + 1 */
	struct known *list;
	uint32_t count, capacity;
};

struct peers *peers_new(void)
{
	return calloc(1, sizeof(struct peers));
}

void peers_free(struct peers *peers)
{
	if (!peers)
		return;
	map_free(&peers->by_fd);
	free(peers->list);
	free(peers);
}

static uint64_t key_of(uint32_t process, uint32_t fd)
{
	return (uint64_t)process << 32 | fd;
}

static struct known *find(const struct peers *peers, uint64_t key)
{
	const uint64_t *place = map_find(&peers->by_fd, key);

	return place && *place ? &peers->list[*place - 1] : NULL;
}

/* NULL when there is no room: the descriptor's peer stays unknown. */
static struct known *make(struct peers *peers, uint64_t key)
{
	uint32_t capacity = peers->capacity ? peers->capacity * 2 : 16;
	struct known *known = find(peers, key), *list;
	uint64_t *place;

	if (known || peers->count == PEERS_MAX)
		return known;
	if (peers->count == peers->capacity) {
		list = realloc(peers->list, capacity * sizeof(*list));
		if (!list)
			return NULL;
		peers->list = list;
		peers->capacity = capacity;
	}
	place = map_at(&peers->by_fd, key);
	if (!place)
		return NULL;
	*place = ++peers->count;
	return &peers->list[peers->count - 1];
}

static struct peer peer_of(const uint8_t *bytes, size_t size)
{
	struct peer peer = {.port = 0};
	struct sockaddr_in6 inet6;
	struct sockaddr_in inet;
	sa_family_t family = AF_UNSPEC;

	if (size >= sizeof(family))
		memcpy(&family, bytes, sizeof(family));
	if (family == AF_INET && size >= sizeof(inet)) {
		memcpy(&inet, bytes, sizeof(inet));
		inet_ntop(AF_INET, &inet.sin_addr, peer.name, sizeof(peer.name));
		peer.port = ntohs(inet.sin_port);
	} else if (family == AF_INET6 && size >= offsetof(struct sockaddr_in6, sin6_scope_id)) {
		memcpy(&inet6, bytes, offsetof(struct sockaddr_in6, sin6_scope_id));
		inet_ntop(AF_INET6, &inet6.sin6_addr, peer.name, sizeof(peer.name));
		peer.port = ntohs(inet6.sin6_port);
	}
	return peer;
}

void peers_call(struct peers *peers, uint32_t process, const struct rt_record *record,
	const uint8_t *bytes, size_t size)
{
	uint32_t fd = (uint32_t)record->arg, made = (uint32_t)(record->arg >> 32);
	bool accepts = record->kind == RT_EV_accept;
	struct known *known = peers ? make(peers, key_of(process, accepts ? made : fd)) : NULL;

	if (!known)
		return;
	*known = (struct known){.since = record->start, .listener = accepts ? (int)fd : -1};
	if (accepts)
		return;
	known->peer = peer_of(bytes, size);
	if (record->kind == RT_EV_bind)
		known->peer.name[0] = '\0';
}

bool peers_find(
	const struct peers *peers, uint32_t process, int fd, uint64_t ticks, struct peer *peer)
{
	const struct known *known =
		peers && fd >= 0 ? find(peers, key_of(process, (uint32_t)fd)) : NULL;
	const struct known *listener;

	if (!known || known->since > ticks)
		return false;
	*peer = known->peer;
	/* another thread may have told of its port later */
	listener = known->listener >= 0 ? find(peers, key_of(process, (uint32_t)known->listener))
					: NULL;
	if (listener)
		peer->port = listener->peer.port;
	return true;
}
