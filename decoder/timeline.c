/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder/timeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/map.h"
#include "lib/strtab.h"

/* Lookups that are remembered. */
#define LOOKUPS 1024
/* Nobody looks a name up this long before connecting. */
#define LOOKUP_AGE_NS 60000000000ull

struct lookup {
	uint64_t start, end;
	uint32_t process, thread;
	uint32_t name; /* 0: taken, or none */
};

struct line {
	uint32_t process, thread; /* the thread that connected */
	uint32_t object;
	uint64_t connect_start, connect_end; /* 0: none */
	uint64_t other_connect;		     /* end of the one before, of the same thread */
	uint64_t tls_start, tls_end;
	uint32_t tls, server_name;
	int64_t dns_ns;
	uint64_t requests, last_end;
	uint64_t sent_ns, waited_ns, received_ns, idle_ns;
	uint64_t bytes_out, bytes_in;
	struct rt_tcp tcp;
	bool is_pending; /* connect has begun, and not told how it ended */
	bool has_tcp, is_server, looked_up, is_moved;
};

struct timeline {
	struct line *lines; /* number 0 is nobody */
	uint32_t count, capacity;
	uint32_t pending;
	struct map by_object, by_session;
	struct map last_connect; /* of a thread */
	struct strtab *texts;
	struct lookup lookups[LOOKUPS]; /* a ring */
	uint64_t looked_up;
};

struct timeline *timeline_new(void)
{
	struct timeline *all = calloc(1, sizeof(*all));

	if (!all)
		return NULL;
	all->count = 1;
	all->capacity = 64;
	all->lines = calloc(all->capacity, sizeof(*all->lines));
	all->texts = strtab_new();
	if (!all->lines || !all->texts) {
		timeline_free(all);
		return NULL;
	}
	return all;
}

void timeline_free(struct timeline *all)
{
	if (!all)
		return;
	map_free(&all->by_object);
	map_free(&all->by_session);
	map_free(&all->last_connect);
	strtab_free(all->texts);
	free(all->lines);
	free(all);
}

/* ---- lines ---- */

/* 0 when there is no room for more. */
static uint32_t make(struct timeline *all, uint32_t process, uint32_t object)
{
	if (all->count >= OBJECTS_MAX)
		return 0;
	if (all->count >= all->capacity) {
		uint32_t capacity = all->capacity * 2;
		struct line *lines = realloc(all->lines, capacity * sizeof(*lines));

		if (!lines)
			return 0;
		all->lines = lines;
		all->capacity = capacity;
	}
	all->lines[all->count] =
		(struct line){.process = process, .object = object, .dns_ns = TIMELINE_UNKNOWN};
	return all->count++;
}

static uint32_t line_in(
	struct timeline *all, struct map *map, uint64_t key, uint32_t process, uint32_t object)
{
	uint64_t *place = map_at(map, key);

	if (!place)
		return 0;
	if (!*place)
		*place = make(all, process, object);
	return (uint32_t)*place;
}

uint32_t timeline_of_object(struct timeline *all, uint32_t process, uint32_t object)
{
	return object ? line_in(all, &all->by_object, object, process, object) : 0;
}

/* Heap addresses have 47 bits and end with four zeros. */
static uint64_t session_key(uint32_t process, uint64_t handle)
{
	return (uint64_t)process << 43 ^ handle >> 4;
}

uint32_t timeline_of_session(struct timeline *all, uint32_t process, uint64_t handle)
{
	const uint64_t *place = map_find(&all->by_session, session_key(process, handle));

	return place ? (uint32_t)*place : 0;
}

/* Its socket has become known: what was told of the session is the socket's. */
static void move_session(struct line *from, struct line *to)
{
	if (to->tls_start)
		return;
	to->tls_start = from->tls_start;
	to->tls_end = from->tls_end;
	to->tls = from->tls;
	to->server_name = from->server_name;
	from->is_moved = true;
}

/* Of a call on a session: its socket's, from where that is known. */
static struct line *session_line(struct timeline *all, const struct timeline_call *call)
{
	uint64_t key = session_key(call->process, call->call->arg);
	uint64_t *place;
	uint32_t number;

	if (!call->is_connection)
		return &all->lines[line_in(all, &all->by_session, key, call->process, 0)];
	number = timeline_of_object(all, call->process, call->object);
	place = map_at(&all->by_session, key);
	if (place && number && *place && *place != number)
		move_session(&all->lines[*place], &all->lines[number]);
	if (place)
		*place = number;
	return &all->lines[number];
}

uint32_t timeline_object(const struct timeline *all, uint32_t line)
{
	return line < all->count ? all->lines[line].object : 0;
}

/* ---- calls ---- */

static void take_lookup(struct timeline *all, const struct timeline_call *at)
{
	size_t size;
	const char *name = section_text(at->batch, at->section, at->call, RT_TAIL_HOST, &size);
	struct lookup *lookup = &all->lookups[all->looked_up % LOOKUPS];

	if (at->call->result || !name || !size)
		return;
	*lookup = (struct lookup){
		.start = at->call->start,
		.end = at->call->end,
		.process = at->process,
		.thread = at->thread,
		.name = strtab_add(all->texts, name, size),
	};
	all->looked_up++;
}

static void take_connect(struct timeline *all, const struct timeline_call *at)
{
	uint32_t number = timeline_of_object(all, at->process, at->object);
	uint64_t *last = map_at(&all->last_connect, at->thread);
	const struct section_call *call = at->call;
	struct line *line;

	if (!number)
		return;
	line = &all->lines[number];
	line->thread = at->thread;
	/* asked again whether it has succeeded by now */
	if (!line->is_pending) {
		line->connect_start = call->start;
		line->other_connect = last ? *last : 0;
	}
	all->pending -= line->is_pending;
	line->is_pending = call->result == -EINPROGRESS || call->result == -EALREADY;
	all->pending += line->is_pending;
	line->connect_end = call->result == 0 || call->result == -EISCONN ? call->end : 0;
	if (last)
		*last = call->end;
}

/* Connected without saying so: the wait for it is over, or the connection is used. */
static void settle_connect(struct timeline *all, const struct timeline_call *at)
{
	const uint64_t *place = map_find(&all->by_object, at->object);
	const struct section_call *call = at->call;
	struct line *line = place ? &all->lines[*place] : NULL;

	if (!line || !line->is_pending || call->start < line->connect_start)
		return;
	if (call->kind == RT_EV_poll && call->result <= 0)
		return;
	line->is_pending = false;
	all->pending--;
	line->connect_end = call->kind == RT_EV_poll ? call->end : call->start;
}

static void take_handshake(struct timeline *all, const struct timeline_call *at)
{
	struct line *line = session_line(all, at);

	if (line != all->lines && !line->tls_start)
		line->tls_start = at->call->start;
}

static void take_peer(struct timeline *all, const struct timeline_call *at)
{
	struct line *line = session_line(all, at);
	size_t size;
	const char *name = section_text(at->batch, at->section, at->call, RT_TAIL_NAME, &size);

	if (line == all->lines)
		return;
	if (!line->tls_end)
		line->tls_end = at->call->end;
	line->tls = (uint32_t)at->call->result;
	if (name && size)
		line->server_name = strtab_add(all->texts, name, size);
}

static void take_close(struct timeline *all, const struct timeline_call *at)
{
	const uint64_t *place = map_find(&all->by_object, at->object);
	size_t size;
	const char *tcp = section_text(at->batch, at->section, at->call, RT_TAIL_TCP, &size);
	struct line *line = place ? &all->lines[*place] : NULL;

	if (!line)
		return;
	if (line->is_pending) {
		line->is_pending = false;
		all->pending--;
	}
	if (tcp && size == sizeof(line->tcp)) {
		memcpy(&line->tcp, tcp, size);
		line->has_tcp = true;
	}
}

void timeline_take(struct timeline *all, const struct timeline_call *at)
{
	switch (at->call->kind) {
	case RT_EV_getaddrinfo:
	case RT_EV_gethostbyname:
		take_lookup(all, at);
		return;
	case RT_EV_connect:
		take_connect(all, at);
		return;
	case RT_EV_SSL_do_handshake:
	case RT_EV_SSL_connect:
	case RT_EV_SSL_accept:
	case RT_EV_gnutls_handshake:
		take_handshake(all, at);
		break;
	case RT_EV_tls_peer:
		take_peer(all, at);
		return;
	case RT_EV_SSL_free:
	case RT_EV_gnutls_deinit:
		map_remove(&all->by_session, session_key(at->process, at->call->arg));
		return;
	case RT_EV_close:
		take_close(all, at);
		return;
	}
	if (all->pending && at->is_connection)
		settle_connect(all, at);
}

/* ---- requests ---- */

static int64_t span_of(uint64_t start, uint64_t end)
{
	return !start || !end ? TIMELINE_UNKNOWN : end > start ? (int64_t)(end - start) : 0;
}

/*
 * The lookup that a connection was made after: of the host it was made for, or the one its thread
 * has made since it last connected. It is taken: the next connection to that host made none.
 */
static void look_up(struct timeline *all, struct line *line, const char *host)
{
	uint64_t first = all->looked_up > LOOKUPS ? all->looked_up - LOOKUPS : 0;

	if (line->looked_up || !line->connect_start)
		return;
	line->looked_up = true;
	for (uint64_t i = all->looked_up; i-- > first;) {
		struct lookup *lookup = &all->lookups[i % LOOKUPS];
		bool is_own = lookup->thread == line->thread && lookup->end >= line->other_connect;
		bool is_named = host && !strcasecmp(strtab_get(all->texts, lookup->name), host);

		if (!lookup->name || lookup->process != line->process ||
			lookup->end > line->connect_start ||
			lookup->end + LOOKUP_AGE_NS < line->connect_start || !(is_own || is_named))
			continue;
		line->dns_ns = span_of(lookup->start, lookup->end);
		lookup->name = 0;
		return;
	}
}

static void add(uint64_t *sum, int64_t ns)
{
	if (ns > 0)
		*sum += (uint64_t)ns;
}

static void count(struct line *line, const struct timeline_request *request,
	const struct timeline_phases *phases)
{
	line->requests++;
	line->is_server = request->is_server;
	line->bytes_out += request->bytes_out;
	line->bytes_in += request->bytes_in;
	add(&line->sent_ns, phases->send_ns);
	add(&line->waited_ns, phases->wait_ns);
	add(&line->received_ns, phases->receive_ns);
	add(&line->idle_ns, phases->idle_ns);
	if (request->end > line->last_end)
		line->last_end = request->end;
}

struct timeline_phases timeline_request(
	struct timeline *all, uint32_t number, const struct timeline_request *request)
{
	struct line *line = number && number < all->count ? &all->lines[number] : NULL;
	struct timeline_phases phases = {
		.dns_ns = TIMELINE_UNKNOWN,
		.connect_ns = TIMELINE_UNKNOWN,
		.tls_ns = TIMELINE_UNKNOWN,
		.idle_ns = TIMELINE_UNKNOWN,
		.send_ns = span_of(request->start, request->request_end),
		.wait_ns = span_of(request->request_end, request->first_byte),
		.receive_ns = span_of(request->first_byte, request->end),
	};

	if (!line)
		return phases;
	if (request->is_first && !line->requests) {
		look_up(all, line, request->host);
		phases.dns_ns = line->dns_ns;
		phases.connect_ns = span_of(line->connect_start, line->connect_end);
		phases.tls_ns = span_of(line->tls_start, line->tls_end);
	}
	if (line->last_end && line->last_end <= request->start)
		phases.idle_ns = (int64_t)(request->start - line->last_end);
	phases.tls = line->tls;
	phases.server_name = line->server_name ? strtab_get(all->texts, line->server_name) : NULL;
	count(line, request, &phases);
	return phases;
}

/* ---- rows ---- */

static struct value known(int64_t ns)
{
	return ns == TIMELINE_UNKNOWN ? (struct value){.type = VALUE_NULL} : value_int(ns);
}

static struct value sum(const struct line *line, uint64_t ns)
{
	return line->requests ? value_int((int64_t)ns) : (struct value){.type = VALUE_NULL};
}

void timeline_store(
	struct timeline *all, struct store *store, int64_t first_object, int64_t first_process)
{
	const struct value none = {.type = VALUE_NULL};

	for (uint32_t number = 1; number < all->count; number++) {
		struct line *line = &all->lines[number];
		bool has_tls = line->tls != 0;

		if (line->is_moved && !line->requests)
			continue;
		look_up(all, line, NULL);

		struct value row[] = {
			line->object ? value_int(first_object + line->object) : none,
			value_int(first_process + line->process),
			line->requests ? value_text(line->is_server ? "server" : "client") : none,
			known(line->dns_ns),
			known(span_of(line->connect_start, line->connect_end)),
			known(span_of(line->tls_start, line->tls_end)),
			has_tls ? value_int(line->tls & RT_TLS_VERSION) : none,
			has_tls ? value_int((line->tls & RT_TLS_RESUMED) != 0) : none,
			value_text(strtab_get(all->texts, line->server_name)),
			value_int((int64_t)line->requests),
			sum(line, line->sent_ns),
			sum(line, line->waited_ns),
			sum(line, line->received_ns),
			line->requests > 1 ? value_int((int64_t)line->idle_ns) : none,
			sum(line, line->bytes_out),
			sum(line, line->bytes_in),
			line->has_tcp ? value_int(line->tcp.retransmits) : none,
			line->has_tcp ? value_int((int64_t)line->tcp.rtt_us * 1000) : none,
		};

		store_put(store, STORE_CONNECTION, row);
	}
}
