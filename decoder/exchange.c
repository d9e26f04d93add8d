/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder/exchange.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decoder/told.h"
#include "decoder/segment.h"
#include "decoder/serve.h"
#include "lib/map.h"
#include "lib/strtab.h"
#include "lib/words.h"
#include "wire/event.h"

/* Marks that may wait for their exchange. */
#define MARKS 65536

struct exchanges {
	struct store *store;
	struct clock_align *clock;
	const struct class_rules *rules;
	struct timeline *timeline;
	struct joins *joins;
	struct told *told;
	struct segments *segments; /* with serves: both or none */
	struct serves *serves;
	int64_t first_operation, first_object;
	struct exchange_mark *marks; /* a ring */
	uint64_t marked;
	struct map by_mark;   /* connection and mark: place in the ring + 1 */
	struct map orphaned;  /* promise: what it becomes */
	struct map moved;     /* likewise, of those that are parents all the same */
	struct strtab *names; /* class, then the name */
	bool failed;	      /* memory ran out */
};

struct exchanges *exchanges_new(struct store *store, struct clock_align *clock,
	const struct class_rules *rules, struct timeline *timeline, struct joins *joins,
	int64_t first_operation, int64_t first_object)
{
	struct exchanges *all = calloc(1, sizeof(*all));

	if (!all)
		return NULL;
	all->store = store;
	all->clock = clock;
	all->rules = rules;
	all->timeline = timeline;
	all->joins = joins;
	all->first_object = first_object;
	all->first_operation = first_operation;
	all->marks = calloc(MARKS, sizeof(*all->marks));
	all->names = strtab_new();
	if (!all->marks || !all->names) {
		exchanges_free(all);
		return NULL;
	}
	return all;
}

void exchanges_free(struct exchanges *all)
{
	if (!all)
		return;
	map_free(&all->by_mark);
	map_free(&all->orphaned);
	map_free(&all->moved);
	strtab_free(all->names);
	free(all->marks);
	free(all);
}

void exchanges_know(struct exchanges *all, struct told *told)
{
	all->told = told;
}

void exchanges_serve(struct exchanges *all, struct segments *segments, struct serves *serves)
{
	all->segments = segments;
	all->serves = serves;
}

static uint64_t mark_key(uint32_t connection, uint64_t mark)
{
	return mark ^ (uint64_t)connection << 42;
}

int exchanges_mark(struct exchanges *all, const struct exchange_mark *mark)
{
	uint64_t place = all->marked % MARKS;
	struct exchange_mark *entry = &all->marks[place];
	uint64_t *known;

	if (all->marked >= MARKS) {
		uint64_t key = mark_key(entry->connection, entry->mark);
		uint64_t *old = map_find(&all->by_mark, key);

		if (old && *old == place + 1)
			map_remove(&all->by_mark, key);
	}
	*entry = *mark;
	all->marked++;
	known = map_at(&all->by_mark, mark_key(mark->connection, mark->mark));
	if (!known)
		return -ENOMEM;
	*known = place + 1;
	return 0;
}

void exchanges_orphan(struct exchanges *all, int64_t promise, int64_t becomes)
{
	uint64_t *place = map_at(&all->orphaned, (uint64_t)promise);

	if (place)
		*place = (uint64_t)becomes;
}

void exchanges_move(struct exchanges *all, int64_t promise, int64_t becomes)
{
	uint64_t *place = map_at(&all->moved, (uint64_t)promise);

	if (place)
		*place = (uint64_t)becomes;
}

/* The program's own word stands above what the calls around the bytes say. */
static void ask_told(
	const struct exchanges *all, const Ragtime__Raw__Exchange *raw, struct exchange_mark *mark)
{
	int64_t span;

	if (raw->server) {
		mark->id = told_answerer(all->told, raw, mark->id);
		return;
	}
	span = told_sender(all->told, raw);
	if (span) {
		mark->parent = span;
		mark->evidence = RT_EVIDENCE_exact;
	}
}

/* What the mark at the exchange's begin has left; without one, the thread itself. */
static struct exchange_mark mark_of(const struct exchanges *all, const Ragtime__Raw__Exchange *raw,
	const struct exchange_actor *actor, int64_t *last_span)
{
	uint64_t *place = map_find(&all->by_mark, mark_key(raw->connection, raw->mark));
	struct exchange_mark mark = {.parent = actor->thread_span,
		.object = STORE_NULL,
		.evidence = RT_EVIDENCE_unknown};
	uint64_t *orphaned, *moved;

	if (place && all->marks[*place - 1].connection == raw->connection &&
		all->marks[*place - 1].mark == raw->mark)
		mark = all->marks[*place - 1];
	moved = map_find(&all->moved, (uint64_t)mark.parent);
	if (moved)
		mark.parent = (int64_t)*moved;
	orphaned = map_find(&all->orphaned, (uint64_t)mark.parent);
	if (orphaned) {
		mark.parent = (int64_t)*orphaned;
		mark.evidence = RT_EVIDENCE_unknown;
	}
	/* Pipelined requests share one mark: the first has taken its id. */
	if (place)
		all->marks[*place - 1].id = 0;
	if (!mark.id)
		mark.id = ++*last_span;
	if (all->told)
		ask_told(all, raw, &mark);
	return mark;
}

/* The operation's row, made where the name is new to its class. */
static int64_t operation_of(struct exchanges *all, uint32_t class, const char *name)
{
	char text[512];
	int size = snprintf(text, sizeof(text), "%u %s", class, name);
	uint32_t before = strtab_count(all->names);
	uint32_t number = strtab_add(all->names, text, (size_t)size % sizeof(text));

	if (number && number == before) {
		struct value row[] = {
			value_int(all->first_operation + number),
			value_text(name),
			value_text(NULL),
			value_text(NULL),
			value_int(RT_FAMILY_exchange),
			value_int(RT_WAIT_network),
			value_int(class),
		};

		store_put(all->store, STORE_OPERATION, row);
	}
	return all->first_operation + number;
}

static void put(struct exchanges *all, int64_t span, const char *key, struct value value)
{
	struct value row[] = {value_int(span), value_text(key), value};

	if (value.type != VALUE_NULL)
		store_put(all->store, STORE_ATTRIBUTE, row);
}

/* A moment as nanoseconds after the span's start. */
static void put_moment(
	struct exchanges *all, int64_t span, const char *key, uint64_t ticks, uint64_t start_ns)
{
	uint64_t ns = ticks ? clock_align_ns(all->clock, ticks) : 0;

	if (ticks)
		put(all, span, key, value_int(ns > start_ns ? (int64_t)(ns - start_ns) : 0));
}

static void put_own(struct exchanges *all, const Ragtime__Raw__Exchange *raw,
	const struct trace_batch *batch, int64_t span, int64_t object, uint64_t start_ns)
{
	put(all, span, "network.protocol.name", value_text(trace_text(batch, raw->protocol)));
	put(all, span, "ragtime.side", value_text(raw->server ? "server" : "client"));
	/* the number that the connection's calls have too, where it is known */
	if (object != STORE_NULL)
		put(all, span, "ragtime.connection", value_int(object));
	put(all, span, "ragtime.reused", value_int(raw->sequence > 0));
	put(all, span, "ragtime.bytes_out", value_int((int64_t)raw->bytes_out));
	put(all, span, "ragtime.bytes_in", value_int((int64_t)raw->bytes_in));
	put_moment(all, span, "ragtime.request_end_ns", raw->request_end_ticks, start_ns);
	put_moment(all, span, "ragtime.first_byte_ns", raw->first_byte_ticks, start_ns);
	put_moment(all, span, "ragtime.first_chunk_ns", raw->first_chunk_ticks, start_ns);
	put_moment(all, span, "ragtime.first_token_ns", raw->first_token_ticks, start_ns);
	put_moment(all, span, "ragtime.last_token_ns", raw->last_token_ticks, start_ns);
}

static void put_ns(struct exchanges *all, int64_t span, const char *key, int64_t ns)
{
	if (ns != TIMELINE_UNKNOWN)
		put(all, span, key, value_int(ns));
}

static void put_tls(struct exchanges *all, int64_t span, const struct timeline_phases *phases)
{
	static const char *const versions[] = {"1.0", "1.1", "1.2", "1.3"};
	uint32_t version = phases->tls & RT_TLS_VERSION;

	if (!phases->tls)
		return;
	if (version >= 0x301 && version <= 0x304)
		put(all, span, "ragtime.tls_version", value_text(versions[version - 0x301]));
	put(all, span, "ragtime.tls_resumed", value_int((phases->tls & RT_TLS_RESUMED) != 0));
	put(all, span, "tls.client.server_name", value_text(phases->server_name));
}

static uint64_t ns_of(const struct exchanges *all, uint64_t ticks)
{
	return ticks ? clock_align_ns(all->clock, ticks) : 0;
}

/* Where the exchange's time went, and what its connection had to go through before. */
static void put_phases(struct exchanges *all, const Ragtime__Raw__Exchange *raw, int64_t span,
	uint32_t line, const char *host)
{
	struct timeline_request request = {
		.start = ns_of(all, raw->begin_ticks),
		.request_end = ns_of(all, raw->request_end_ticks),
		.first_byte = ns_of(all, raw->first_byte_ticks),
		.end = ns_of(all, raw->end_ticks),
		.bytes_out = raw->bytes_out,
		.bytes_in = raw->bytes_in,
		.host = host,
		.is_server = raw->server,
		.is_first = raw->sequence == 0,
	};
	struct timeline_phases phases = timeline_request(all->timeline, line, &request);

	put_ns(all, span, "ragtime.dns_ns", phases.dns_ns);
	put_ns(all, span, "ragtime.connect_ns", phases.connect_ns);
	put_ns(all, span, "ragtime.tls_ns", phases.tls_ns);
	put_ns(all, span, "ragtime.send_ns", phases.send_ns);
	put_ns(all, span, "ragtime.wait_ns", phases.wait_ns);
	put_ns(all, span, "ragtime.receive_ns", phases.receive_ns);
	put_ns(all, span, "ragtime.idle_ns", phases.idle_ns);
	put_tls(all, span, &phases);
}

/* What is known of one exchange before its rows are written. */
struct sight {
	struct class_facts facts;
	const char *provider;		/* as its dialect says, or NULL */
	const char *host, *traceparent; /* that it names, or NULL */
	bool is_mcp, is_genai;
	int64_t span; /* 0: not written */
};

static const char *name_of(const struct trace_batch *batch, const Ragtime__Raw__Exchange *raw)
{
	const char *name = trace_text(batch, raw->name);

	return *name ? name : trace_text(batch, raw->protocol);
}

static void look(struct sight *sights, const struct trace_batch *batch)
{
	const Ragtime__Raw__Batch *tables = batch->tables;

	for (size_t i = 0; i < tables->n_exchanges; i++) {
		const Ragtime__Raw__Exchange *raw = tables->exchanges[i];
		struct class_facts *facts = &sights[i].facts;

		facts->text[CLASS_FIELD_name] = name_of(batch, raw);
		facts->text[CLASS_FIELD_protocol] = trace_text(batch, raw->protocol);
	}
	for (size_t i = 0; i < tables->n_facts; i++) {
		const Ragtime__Raw__Fact *fact = tables->facts[i];
		const char *key = trace_text(batch, fact->key);
		struct sight *sight;

		if (fact->exchange >= tables->n_exchanges || fact->type != 0)
			continue;
		sight = &sights[fact->exchange];
		class_facts_take(&sight->facts, key, trace_text(batch, fact->text));
		if (!strcmp(key, "server.address"))
			sight->host = trace_text(batch, fact->text);
		if (!strcmp(key, "ragtime.traceparent"))
			sight->traceparent = trace_text(batch, fact->text);
		if (!strcmp(key, "gen_ai.provider.name"))
			sight->provider = trace_text(batch, fact->text);
		sight->is_genai |= !strcmp(key, "gen_ai.operation.name");
		sight->is_mcp |= !strcmp(key, "mcp.method.name");
	}
}

/* Who said what class it is: a rule, or the parser that gave the exchange its class. */
static void put_class_rule(struct exchanges *all, const Ragtime__Raw__Exchange *raw,
	const struct sight *sight, const struct class_rule *rule)
{
	const char *system = sight->facts.text[CLASS_FIELD_system];
	const char *who = sight->is_mcp ? "mcp" : sight->provider;
	char text[128];

	if (rule) {
		put(all, sight->span, "ragtime.class_rule", value_text(rule->id));
		if (raw->class_)
			put(all, sight->span, "ragtime.class_given",
				value_text(word_name("class", raw->class_)));
		return;
	}
	if (!raw->class_)
		return;
	/* a database behind HTTP is known by its dialect */
	if (!who && system && !strncmp(sight->facts.text[CLASS_FIELD_protocol], "http", 4))
		who = system;
	if (!who && sight->is_genai)
		who = "of an unknown provider";
	if (who)
		snprintf(text, sizeof(text), "dialect %s", who);
	else
		snprintf(text, sizeof(text), "protocol %s",
			system ? system : sight->facts.text[CLASS_FIELD_protocol]);
	put(all, sight->span, "ragtime.class_rule", value_text(text));
}

/* It may have another side in this trace. */
static void join(struct exchanges *all, const Ragtime__Raw__Exchange *raw,
	const int64_t row[SPAN_COLUMNS], const struct sight *sight)
{
	bool has_object = row[SPAN_OBJECT] != STORE_NULL;
	struct join_request request = {
		.span = row[SPAN_ID],
		.object = has_object ? (uint32_t)(row[SPAN_OBJECT] - all->first_object) : 0,
		.position = raw->position,
		.start = (uint64_t)row[SPAN_START],
		.end = row[SPAN_END] == STORE_NULL ? 0 : (uint64_t)row[SPAN_END],
		.traceparent = sight->traceparent,
		.is_server = raw->server,
	};

	if (joins_add(all->joins, &request))
		all->failed = true;
}

static void put_exchange(struct exchanges *all, const struct trace_batch *batch,
	const Ragtime__Raw__Exchange *raw, const struct exchange_actor *actor, struct sight *sight,
	int64_t *last_span)
{
	struct exchange_mark mark = mark_of(all, raw, actor, last_span);
	uint64_t start_ns = clock_align_ns(all->clock, raw->begin_ticks);
	uint64_t end_ns = raw->end_ticks ? clock_align_ns(all->clock, raw->end_ticks) : 0;
	const struct class_rule *rule = class_rules_pick(all->rules, &sight->facts, raw->class_);
	int64_t row[SPAN_COLUMNS] = {
		[SPAN_ID] = mark.id,
		/* what others ask of us has no cause in here */
		[SPAN_PARENT] = raw->server ? STORE_NULL : mark.parent,
		[SPAN_THREAD] = actor->thread_row,
		[SPAN_OPERATION] =
			operation_of(all, rule ? rule->class : raw->class_, name_of(batch, raw)),
		[SPAN_KIND_OF] = RT_SPAN_request,
		[SPAN_START] = (int64_t)start_ns,
		[SPAN_END] = end_ns >= start_ns ? (int64_t)end_ns : STORE_NULL,
		[SPAN_EVIDENCE] = raw->server ? RT_EVIDENCE_exact : mark.evidence,
		[SPAN_STATUS] = raw->failed ? EPROTO : 0,
		[SPAN_RESULT] = STORE_NULL,
		[SPAN_OBJECT] = mark.object,
		[SPAN_FOLD] = STORE_NULL,
	};

	store_span(all->store, row);
	if (raw->server && all->serves)
		segments_answers(all->segments,
			serves_find(all->serves, raw->connection, raw->begin_ticks, raw->end_ticks),
			mark.id);
	join(all, raw, row, sight);
	put_own(all, raw, batch, mark.id, mark.object, start_ns);
	put_phases(all, raw, mark.id, mark.line, sight->host);
	sight->span = mark.id;
	put_class_rule(all, raw, sight, rule);
}

static void put_fact(struct exchanges *all, const struct trace_batch *batch,
	const Ragtime__Raw__Fact *fact, int64_t span)
{
	struct value value = value_int(fact->number);

	if (fact->type == 0)
		value = value_text(trace_text(batch, fact->text));
	else if (fact->type == 2)
		value = value_real(fact->real);
	put(all, span, trace_text(batch, fact->key), value);
}

int exchanges_take(struct exchanges *all, const struct trace_batch *batch,
	exchange_actor_fn *actor_of, void *context, int64_t *last_span)
{
	const Ragtime__Raw__Batch *tables = batch->tables;
	struct sight *sights = calloc(tables->n_exchanges + 1, sizeof(*sights));

	if (!sights)
		return -ENOMEM;
	look(sights, batch);
	for (size_t i = 0; i < tables->n_exchanges; i++) {
		struct exchange_actor actor = actor_of(context, tables->exchanges[i]->thread);

		if (actor.thread_row)
			put_exchange(
				all, batch, tables->exchanges[i], &actor, &sights[i], last_span);
	}
	for (size_t i = 0; i < tables->n_facts; i++) {
		uint32_t index = tables->facts[i]->exchange;

		if (index < tables->n_exchanges && sights[index].span)
			put_fact(all, batch, tables->facts[i], sights[index].span);
	}
	free(sights);
	return all->failed ? -ENOMEM : 0;
}
