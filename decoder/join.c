/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder/join.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/keyed_hash.h"
#include "wire/event.h"

#define REQUESTS_MAX (1u << 20)
/* Clients that one server's connection may be of; and how far back they are looked for. */
#define CANDIDATES 32
#define LOOK_BACK 256

#define MAPPED "[::ffff:"

/* One request, under its address or under its traceparent. */
struct entry {
	uint64_t position, start, end;
	int64_t span;
	uint64_t key;	/* of the client's end, once known; 0: none */
	uint64_t trace; /* 0: none */
	uint32_t object;
	bool is_server;
};

struct joins {
	struct entry *entries;
	size_t count, capacity;
};

struct joins *joins_new(void)
{
	return calloc(1, sizeof(struct joins));
}

void joins_free(struct joins *joins)
{
	if (!joins)
		return;
	free(joins->entries);
	free(joins);
}

/* Of a text that both ends have; never 0. */
static uint64_t hash_of(const char *text, size_t size)
{
	static const struct keyed_hash no_key;
	uint64_t hash = keyed_hash(&no_key, text, size);

	return hash ? hash : 1;
}

int joins_add(struct joins *joins, const struct join_request *request)
{
	if (joins->count == REQUESTS_MAX)
		return 0;
	if (joins->count == joins->capacity) {
		size_t capacity = joins->capacity ? joins->capacity * 2 : 256;
		struct entry *entries = realloc(joins->entries, capacity * sizeof(*entries));

		if (!entries)
			return -ENOMEM;
		joins->entries = entries;
		joins->capacity = capacity;
	}
	joins->entries[joins->count++] = (struct entry){
		.position = request->position,
		.start = request->start,
		.end = request->end ? request->end : UINT64_MAX,
		.span = request->span,
		.object = request->object,
		.trace = request->traceparent
			? hash_of(request->traceparent, strlen(request->traceparent))
			: 0,
		.is_server = request->is_server,
	};
	return 0;
}

/* An address that both ends write alike: one of IPv4 in the dress of IPv6 is undressed. */
static uint64_t address_key(const char *text)
{
	char plain[64];
	size_t size = strlen(text);
	const char *bracket = strchr(text, ']');

	if (!size)
		return 0;
	if (strncmp(text, MAPPED, strlen(MAPPED)) != 0 || !bracket || size >= sizeof(plain))
		return hash_of(text, size);
	text += strlen(MAPPED);
	size = (size_t)(bracket - text);
	memcpy(plain, text, size);
	strcpy(plain + size, bracket + 1);
	return hash_of(plain, strlen(plain));
}

static bool is_unix(const char *address)
{
	return !strncmp(address, "unix:", 5);
}

/* The port of both texts, where both have one. */
static bool ports_differ(const char *left, const char *right)
{
	const char *a = strrchr(left, ':'), *b = strrchr(right, ':');

	return a && b && strcmp(a, b) != 0 && strcmp(a, ":0") != 0 && strcmp(b, ":0") != 0;
}

/* What both ends of a connection call it by: the client's address; of a Unix socket, its path. */
static uint64_t connection_key(struct objtab *objects, const struct entry *entry)
{
	const struct object *object = objtab_get(objects, entry->object);
	const char *name = objtab_text(objects, object->name);
	const char *local = objtab_text(objects, object->local);
	bool by_name = entry->is_server != (is_unix(name) || is_unix(local));

	return entry->object ? address_key(by_name ? name : local) : 0;
}

static int by_key(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;

	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	if (a->position != b->position)
		return a->position < b->position ? -1 : 1;
	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return a->span < b->span ? -1 : a->span > b->span;
}

static int by_connection(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;

	if (a->is_server != b->is_server)
		return a->is_server ? -1 : 1;
	if (a->object != b->object)
		return a->object < b->object ? -1 : 1;
	return a->start < b->start ? -1 : a->start > b->start;
}

/* Clients' requests alone, in the order of by_key. */
struct clients {
	const struct entry *list;
	size_t count;
	struct objtab *objects;
};

/* The number of entries before what would begin after `wanted`. */
static size_t place_of(const struct clients *clients, const struct entry *wanted)
{
	struct entry last = *wanted;
	size_t low = 0, high = clients->count;

	last.span = INT64_MAX;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (by_key(&clients->list[middle], &last) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool may_be(
	const struct clients *clients, const struct entry *client, const struct entry *server)
{
	const struct object *near = objtab_get(clients->objects, client->object);
	const struct object *far = objtab_get(clients->objects, server->object);

	return client->end >= server->start &&
		!ports_differ(objtab_text(clients->objects, near->name),
			objtab_text(clients->objects, far->local));
}

/* The requests that a server's may be, at most `room`. */
static size_t find(const struct clients *clients, const struct entry *server,
	const struct entry **found, size_t room)
{
	size_t count = 0, back = 0;

	for (size_t i = place_of(clients, server); i-- && back++ < LOOK_BACK && count < room;) {
		const struct entry *client = &clients->list[i];

		if (client->key != server->key || client->position != server->position)
			break;
		if (may_be(clients, client, server))
			found[count++] = client;
	}
	return count;
}

/* The one client's connection that fits all requests of a server's; 0: none or several do. */
static uint32_t partner(const struct clients *clients, const struct entry *servers, size_t count)
{
	const struct entry *found[CANDIDATES];
	uint32_t fits[CANDIDATES];
	size_t left = 0;

	for (size_t i = 0; i < count; i++) {
		size_t now = find(clients, &servers[i], found, CANDIDATES), kept = 0;

		for (size_t j = 0; !i && j < now; j++)
			fits[left++] = found[j]->object;
		for (size_t j = 0; i && j < left; j++) {
			for (size_t k = 0; k < now; k++) {
				if (found[k]->object == fits[j]) {
					fits[kept++] = fits[j];
					break;
				}
			}
		}
		left = i ? kept : left;
	}
	return left == 1 ? fits[0] : 0;
}

static void link_connection(
	const struct clients *clients, struct entry *servers, size_t count, struct store *store)
{
	uint32_t object = servers->key ? partner(clients, servers, count) : 0;
	const struct entry *found[CANDIDATES];
	const char *local =
		objtab_text(clients->objects, objtab_get(clients->objects, servers->object)->local);

	for (size_t i = 0; object && i < count; i++) {
		size_t now = find(clients, &servers[i], found, CANDIDATES);

		for (size_t j = 0; j < now; j++) {
			if (found[j]->object != object)
				continue;
			store_set_parent(store, servers[i].span, found[j]->span,
				is_unix(local) ? RT_EVIDENCE_strong : RT_EVIDENCE_exact);
			servers[i].span = 0;
			break;
		}
	}
}

/* Requests in the order of by_connection, servers' first. */
static size_t count_servers(const struct joins *joins)
{
	size_t count = 0;

	while (count < joins->count && joins->entries[count].is_server)
		count++;
	return count;
}

static void link_connections(
	struct entry *servers, size_t count, const struct clients *clients, struct store *store)
{
	for (size_t i = 0, next; i < count; i = next) {
		for (next = i + 1; next < count && servers[next].object == servers[i].object;)
			next++;
		link_connection(clients, servers + i, next - i, store);
	}
}

/* Those that stayed alone: by what both ends have read. */
static void link_traces(
	struct entry *servers, size_t count, const struct clients *clients, struct store *store)
{
	const struct entry *found[2];

	for (size_t i = 0; i < count; i++) {
		servers[i].key = servers[i].trace;
		servers[i].position = 0;
		if (servers[i].span && servers[i].key && find(clients, &servers[i], found, 2) == 1)
			store_set_parent(store, servers[i].span, found[0]->span, RT_EVIDENCE_exact);
	}
}

void joins_link(struct joins *joins, struct objtab *objects, struct store *store)
{
	struct clients clients = {.objects = objects};
	struct entry *list;
	size_t servers;

	for (size_t i = 0; i < joins->count; i++)
		joins->entries[i].key = connection_key(objects, &joins->entries[i]);
	if (joins->count)
		qsort(joins->entries, joins->count, sizeof(*joins->entries), by_connection);
	servers = count_servers(joins);
	clients.list = list = joins->entries + servers;
	clients.count = joins->count - servers;
	if (!servers || !clients.count)
		return;
	qsort(list, clients.count, sizeof(*list), by_key);
	link_connections(joins->entries, servers, &clients, store);
	for (size_t i = 0; i < clients.count; i++) {
		list[i].key = list[i].trace;
		list[i].position = 0;
	}
	qsort(list, clients.count, sizeof(*list), by_key);
	link_traces(joins->entries, servers, &clients, store);
}
