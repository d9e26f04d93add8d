/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder/told.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decoder/answers.h"
#include "lib/buf.h"
#include "lib/map.h"
#include "lib/strtab.h"
#include "wire/event.h"

/* Words about connections that are kept. */
#define OWNERS 65536
/* Spans that are kept: those that younger ones may name as their parent, or that have not ended. */
#define SPANS 131072

struct span {
	uint64_t id, parent, begin, end;
	int64_t row; /* of one that answers a request: its exchange's */
	int64_t thread_row, thread_span;
	int64_t operation;
	uint32_t what;
	bool begun, ended, failed;
	bool written; /* or its exchange's row stands for it */
};

struct owner {
	uint32_t connection, stream;
	uint64_t position, ticks, span;
	uint64_t before; /* number of the one before of its connection; 0: none */
};

struct told {
	struct told_context context;
	struct map by_id;   /* to the number that it was given */
	struct span *spans; /* a ring, by number */
	uint64_t count;
	struct owner *owners; /* likewise */
	uint64_t owned;
	struct map by_connection; /* to the number of the latest */
	struct answers *answers;
	struct strtab *names; /* class, then the name */
	struct buf adopts;    /* struct store_fix: what moves below a span, at the end */
	bool failed;
};

struct told *told_new(const struct told_context *context)
{
	struct told *told = calloc(1, sizeof(*told));

	if (!told)
		return NULL;
	told->context = *context;
	told->names = strtab_new();
	told->answers = answers_new();
	told->owners = calloc(OWNERS, sizeof(*told->owners));
	told->spans = calloc(SPANS, sizeof(*told->spans));
	if (told->names && told->answers && told->owners && told->spans)
		return told;
	told_free(told);
	return NULL;
}

void told_free(struct told *told)
{
	if (!told)
		return;
	map_free(&told->by_id);
	map_free(&told->by_connection);
	strtab_free(told->names);
	answers_free(told->answers);
	buf_free(&told->adopts);
	free(told->spans);
	free(told->owners);
	free(told);
}

static struct span *span_find(const struct told *told, uint64_t id)
{
	const uint64_t *number = map_find(&told->by_id, id);

	return number ? &told->spans[*number % SPANS] : NULL;
}

static int64_t operation_of(struct told *told, uint32_t class, const char *name)
{
	uint32_t before = strtab_count(told->names), number;
	char text[1200];
	int size = snprintf(text, sizeof(text), "%u %s", class, name);

	number = strtab_add(told->names, text, (size_t)size % sizeof(text));
	if (number && number == before) {
		struct value row[] = {
			value_int(told->context.first_operation + number),
			value_text(name),
			value_text(NULL),
			value_text(NULL),
			value_int(RT_FAMILY_runtime),
			value_int(RT_WAIT_none),
			value_int(class),
		};

		store_put(told->context.store, STORE_OPERATION, row);
	}
	return told->context.first_operation + number;
}

static void put(struct told *told, int64_t row, const char *key, struct value value)
{
	struct value columns[] = {value_int(row), value_text(key), value};

	if (*key && value.type != VALUE_NULL)
		store_put(told->context.store, STORE_ATTRIBUTE, columns);
}

static void put_request(struct told *told, const struct span *span, const char *name)
{
	const char *target = strchr(name, ' ');
	char method[20];

	snprintf(method, sizeof(method), "%.*s", target ? (int)(target - name) : 0, name);
	put(told, span->row, "http.request.method", value_text(method));
	put(told, span->row, "url.template", value_text(target ? target + 1 : NULL));
	put(told, span->row, "ragtime.side",
		value_text(span->what == RT_TOLD_SERVES ? "server" : "client"));
}

/* Of one that was told, or of a function of the runtime. */
static int64_t row_of(const struct told *told, uint64_t number)
{
	const struct span *span = span_find(told, number);

	return span ? span->row : segments_row(told->context.segments, number, 0);
}

/* That, or the thread. */
static int64_t parent_of(const struct told *told, const struct span *span, uint8_t *evidence)
{
	int64_t row = span->parent ? row_of(told, span->parent) : 0;

	*evidence = RT_EVIDENCE_exact;
	return row ? row : span->thread_span;
}

static void adopt(struct told *told, const struct store_fix *fix)
{
	buf_append(&told->adopts, fix, sizeof(*fix));
	told->failed |= told->adopts.failed;
}

static void write_row(struct told *told, struct span *span)
{
	uint8_t evidence;
	int64_t parent = parent_of(told, span, &evidence);
	uint64_t start = clock_align_ns(told->context.clock, span->begin);
	uint64_t end = span->ended ? clock_align_ns(told->context.clock, span->end) : 0;
	int64_t row[SPAN_COLUMNS] = {
		[SPAN_ID] = span->row,
		[SPAN_PARENT] = parent,
		[SPAN_THREAD] = span->thread_row,
		[SPAN_OPERATION] = span->operation,
		[SPAN_KIND_OF] = span->what == RT_TOLD_SERVES ? RT_SPAN_request : RT_SPAN_call,
		[SPAN_START] = (int64_t)start,
		[SPAN_END] = end ? (int64_t)(end > start ? end : start) : STORE_NULL,
		[SPAN_EVIDENCE] = evidence,
		[SPAN_STATUS] = span->failed ? EPROTO
			: end		     ? 0
					     : STORE_NULL,
		[SPAN_RESULT] = STORE_NULL,
		[SPAN_OBJECT] = STORE_NULL,
		[SPAN_FOLD] = STORE_NULL,
	};

	store_span(told->context.store, row);
	span->written = true;
	if (span->what == RT_TOLD_FRAME)
		adopt(told,
			&(struct store_fix){.first = (int64_t)start,
				.last = end ? (int64_t)end - 1 : INT64_MAX,
				.was = parent,
				.becomes = span->row});
}

/* In a new place: who was there longest makes room, and is written as far as it is known. */
static struct span *span_make(struct told *told, uint64_t id)
{
	struct span *span = &told->spans[++told->count % SPANS];
	uint64_t *number;

	if (span->begun) {
		if (!span->written)
			write_row(told, span);
		map_remove(&told->by_id, span->id);
	}
	number = map_at(&told->by_id, id);
	if (!number) {
		told->failed = true;
		return NULL;
	}
	*number = told->count;
	*span = (struct span){.id = id, .row = ++*told->context.last_span};
	return span;
}

static void take_begin(struct told *told, const struct trace_batch *batch,
	const Ragtime__Raw__Told *raw, const struct thread *thread)
{
	const char *name = trace_text(batch, raw->text);
	struct class_facts facts = {.text = {[CLASS_FIELD_name] = name}};
	const struct class_rule *rule =
		class_rules_pick(told->context.rules, &facts, RT_CLASS_none);
	struct span *span;

	if (!raw->span || span_find(told, raw->span))
		return;
	span = span_make(told, raw->span);
	if (!span)
		return;
	span->begun = true;
	span->begin = raw->ticks;
	span->parent = raw->parent;
	span->what = raw->what;
	span->thread_row = thread->row;
	span->thread_span = thread->span;
	span->operation =
		operation_of(told, rule ? rule->class : RT_CLASS_none, *name ? name : "span");
	if (span->what == RT_TOLD_SERVES)
		put_request(told, span, name);
}

/* What answers a request waits for its exchange, which is the same thing, better known. */
static void take_end(struct told *told, const Ragtime__Raw__Told *raw)
{
	struct span *span = span_find(told, raw->span);

	if (!span || span->ended)
		return;
	span->ended = true;
	span->end = raw->ticks;
	span->failed = raw->failed;
	if (span->what != RT_TOLD_SERVES)
		write_row(told, span);
}

static void take_fact(
	struct told *told, const struct trace_batch *batch, const Ragtime__Raw__Told *raw)
{
	const struct span *span = span_find(told, raw->span);
	const char *value = trace_text(batch, raw->value);

	if (span)
		put(told, span->row, trace_text(batch, raw->text),
			raw->number ? value_int(strtoll(value, NULL, 10)) : value_text(value));
}

static void take_owner(struct told *told, const Ragtime__Raw__Told *raw)
{
	uint64_t *latest = map_at(&told->by_connection, raw->connection);

	if (!latest) {
		told->failed = true;
		return;
	}
	told->owned++;
	told->owners[told->owned % OWNERS] = (struct owner){.connection = raw->connection,
		.stream = raw->stream,
		.position = raw->position,
		.ticks = raw->ticks,
		.span = raw->span,
		.before = *latest};
	*latest = told->owned;
}

/* Comes before the span's begin. What answers an exchange that is a row already is that row. */
static void take_answer(struct told *told, const Ragtime__Raw__Told *raw)
{
	int64_t row = answers_word(told->answers, raw);
	struct span *span;

	told->failed |= row < 0;
	if (row <= 0 || !raw->span || span_find(told, raw->span))
		return;
	span = span_make(told, raw->span);
	if (!span)
		return;
	span->row = row;
	span->what = RT_TOLD_SERVES;
	span->begun = span->written = true;
}

int told_take(struct told *told, const struct trace_batch *batch, const struct actors *actors)
{
	for (size_t i = 0; i < batch->tables->n_told; i++) {
		const Ragtime__Raw__Told *raw = batch->tables->told[i];
		const struct thread *thread = actors_find_thread(actors, raw->thread);

		switch (raw->event) {
		case RT_EV_span_begin:
			if (thread)
				take_begin(told, batch, raw, thread);
			break;
		case RT_EV_span_end:
			take_end(told, raw);
			break;
		case RT_EV_span_fact:
			take_fact(told, batch, raw);
			break;
		case RT_EV_owner:
			take_owner(told, raw);
			break;
		case RT_EV_answer:
			take_answer(told, raw);
			break;
		case RT_EV_maker:
			if (thread)
				thread->process->maker = row_of(told, raw->span);
			break;
		}
	}
	return told->failed ? -ENOMEM : 0;
}

static int by_begin(const void *left, const void *right)
{
	const struct store_fix *a = left, *b = right;

	if (a->first != b->first)
		return a->first > b->first ? -1 : 1;
	return a->becomes > b->becomes ? -1 : a->becomes < b->becomes;
}

/* Those that began last are the innermost: they take first. */
static void adopt_all(struct told *told)
{
	struct store_fix *adopts = (struct store_fix *)told->adopts.data;
	size_t count = told->adopts.size / sizeof(*adopts);

	if (count)
		qsort(adopts, count, sizeof(*adopts), by_begin);
	for (size_t i = 0; i < count; i++)
		store_adopt(told->context.store, &adopts[i]);
}

int told_finish(struct told *told)
{
	for (size_t i = 0; i < SPANS; i++) {
		struct span *span = &told->spans[i];

		if (span->begun && !span->written)
			write_row(told, span);
	}
	adopt_all(told);
	return told->failed ? -ENOMEM : 0;
}

/* Numbers are of a ring: NULL where another has taken the place. */
static const struct owner *owner_at(const struct told *told, uint32_t connection, uint64_t number)
{
	const struct owner *owner = &told->owners[number % OWNERS];

	return number && number + OWNERS > told->owned && owner->connection == connection ? owner
											  : NULL;
}

static const struct owner *latest_owner(const struct told *told, uint32_t connection)
{
	const uint64_t *latest = map_find(&told->by_connection, connection);

	return latest ? owner_at(told, connection, *latest) : NULL;
}

/* Is this the word about the exchange's bytes, the latest ones being looked at first? */
static bool tells_of(const struct owner *owner, const Ragtime__Raw__Exchange *exchange)
{
	if (exchange->stream || owner->stream)
		return owner->stream == exchange->stream;
	return owner->position <= exchange->position;
}

static struct span *span_behind(const struct told *told, const Ragtime__Raw__Exchange *exchange)
{
	const struct owner *owner = latest_owner(told, exchange->connection);

	while (owner && !tells_of(owner, exchange))
		owner = owner_at(told, exchange->connection, owner->before);
	return owner ? span_find(told, owner->span) : NULL;
}

int64_t told_sender(const struct told *told, const Ragtime__Raw__Exchange *exchange)
{
	const struct span *span = span_behind(told, exchange);

	return span ? span->row : 0;
}

int64_t told_answerer(struct told *told, const Ragtime__Raw__Exchange *exchange, int64_t row)
{
	uint64_t number = answers_exchange(told->answers, exchange, row);
	struct span *span = number ? span_find(told, number) : NULL;

	if (!span || span->what != RT_TOLD_SERVES || span->written)
		return row;
	span->written = true;
	return span->row;
}
