/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trace event format of Chromium, which Perfetto and speedscope read too. Within a thread
 * complete events must nest; a span that overlaps another without being inside it becomes a pair of
 * asynchronous events. Folded calls have no place of their own in time: their number stands in
 * otherData.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/exports/attributes.h"
#include "analysis/exports/exporter.h"
#include "analysis/exports/span_rows.h"
#include "lib/map.h"
#include "lib/version.h"
#include "lib/words.h"

/* Of the spans open around the next one. */
struct ends {
	int64_t *items;
	size_t count, capacity;
	int64_t taken; /* up to here another program's thread has the same number: before exec */
	int64_t last;
};

/* A thread's spans, on their way out. */
struct lane {
	struct export *export;
	const struct thread_row *thread;
	struct query *attributes; /* of requests; NULL: there are none */
};

static void chrome_begin(struct export *export)
{
	export->json = (struct json){.out = &export->out.bytes};
	json_open(&export->json, '{');
	json_member_string(&export->json, "displayTimeUnit", "ns");
	json_key(&export->json, "traceEvents");
	json_open(&export->json, '[');
}

static void event_begin(struct export *export, const char *phase, int64_t pid, int64_t tid)
{
	json_open(&export->json, '{');
	json_member_string(&export->json, "ph", phase);
	json_member_int(&export->json, "pid", pid);
	json_member_int(&export->json, "tid", tid);
}

static void event_end(struct export *export)
{
	json_close(&export->json, '}');
	buf_puts(&export->out.bytes, "\n");
	output_flush(&export->out);
}

static void put_name(
	struct export *export, const char *what, const struct thread_row *thread, const char *name)
{
	event_begin(export, "M", thread->pid, thread->tid);
	json_member_string(&export->json, "name", what);
	json_key(&export->json, "args");
	json_open(&export->json, '{');
	json_member_string(&export->json, "name", name);
	json_close(&export->json, '}');
	event_end(export);
}

/* Microseconds, exact to the nanosecond: a double would round. */
static void put_us(struct json *json, const char *key, int64_t ns)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld.%03d", (long long)(ns / 1000), (int)(ns % 1000));
	json_key(json, key);
	json_number(json, text);
}

/* Of a request all that is known, of a call what it did. */
static void put_args(const struct lane *lane, const struct span_row *row)
{
	struct json *json = &lane->export->json;

	json_key(json, "args");
	json_open(json, '{');
	json_member_int(json, "id", row->id);
	if (row->parent)
		json_member_int(json, "parent", row->parent);
	else
		json_member_null(json, "parent");
	json_member_string(json, "evidence", word_name("evidence", row->evidence));
	if (row->object_name)
		json_member_string(json, "object", row->object_name);
	if (row->module)
		json_member_string(json, "module", row->module);
	if (row->operation && row->has_status && row->status)
		json_member_int(json, "errno", row->status);
	if (row->has_result)
		json_member_int(json, "result", row->result);
	if (row->unfinished)
		json_member_bool(json, "unfinished", true);
	if (row->kind == RT_SPAN_request && lane->attributes)
		put_attributes(json, row, lane->attributes, lane->export->semconv);
	json_close(json, '}');
}

static void put_span(
	const struct lane *lane, const struct span_row *row, const char *name, const char *phase)
{
	struct json *json = &lane->export->json;

	event_begin(lane->export, phase, lane->thread->pid, lane->thread->tid);
	json_member_string(json, "name", name);
	json_member_string(json, "cat",
		row->operation ? word_name("family", (uint32_t)row->family)
			       : word_name("kind", row->kind));
	put_us(json, "ts", *phase == 'e' ? row->end_ns : row->start_ns);
	if (*phase == 'X')
		put_us(json, "dur", row->end_ns - row->start_ns);
	else
		json_member_int(json, "id", row->id);
	if (*phase != 'e')
		put_args(lane, row);
	event_end(lane->export);
}

static void put_pair(const struct lane *lane, const struct span_row *row, const char *name)
{
	put_span(lane, row, name, "b");
	put_span(lane, row, name, "e");
}

/* Whether the span lies inside what is open around it; if so, it is open from here on. */
static int nests(struct ends *ends, const struct span_row *row, bool *inside)
{
	while (ends->count && ends->items[ends->count - 1] <= row->start_ns)
		ends->count--;
	*inside = ends->count ? row->end_ns <= ends->items[ends->count - 1]
			      : row->start_ns >= ends->taken;
	if (!*inside)
		return 0;
	if (row->end_ns > ends->last)
		ends->last = row->end_ns;
	if (ends->count == ends->capacity) {
		size_t capacity = ends->capacity ? ends->capacity * 2 : 64;
		int64_t *items = realloc(ends->items, capacity * sizeof(*items));

		if (!items)
			return -ENOMEM;
		ends->items = items;
		ends->capacity = capacity;
	}
	ends->items[ends->count++] = row->end_ns;
	return 0;
}

static void put_process(struct export *export, struct model *model, const struct run *run,
	const struct thread_row *thread)
{
	struct query *query = span_rows_process(model, run, thread->process);
	const char *name = thread->program ? basename(thread->program) : "process";
	struct lane lane = {.export = export, .thread = thread};
	struct span_row row;

	put_name(export, "process_name", thread, name);
	/* it has no thread: as a complete event it would have to nest in one */
	while (span_rows_next(query, run, &row))
		put_pair(&lane, &row, name);
	query_free(query);
}

static int put_thread(
	const struct lane *lane, struct model *model, const struct run *run, struct map *taken)
{
	const struct thread_row *thread = lane->thread;
	uint64_t *place =
		map_at(taken, (uint64_t)thread->pid << 32 | (uint64_t)(uint32_t)thread->tid);
	struct query *query = span_rows(model, run, thread->id);
	struct ends ends = {.taken = place ? (int64_t)*place : 0};
	struct span_row row;
	int err = place ? 0 : -ENOMEM;

	put_name(lane->export, "thread_name", thread, thread->name ? thread->name : "thread");
	while (!err && !lane->export->out.error && span_rows_next(query, run, &row)) {
		const char *name = row.name ? row.name : thread->name ? thread->name : "thread";
		bool inside;

		err = nests(&ends, &row, &inside);
		if (!err && inside)
			put_span(lane, &row, name, "X");
		else if (!err)
			put_pair(lane, &row, name);
	}
	if (place && ends.last > ends.taken)
		*place = (uint64_t)ends.last;
	query_free(query);
	free(ends.items);
	return err;
}

static int chrome_run(struct export *export, struct model *model, const struct run *run)
{
	struct query *query = thread_rows(model, run);
	struct thread_row thread;
	struct lane lane = {.export = export, .thread = &thread};
	struct map taken = {0};
	int err = 0;

	if (model_number(model, "SELECT EXISTS (SELECT 1 FROM attribute)", 0, 0))
		lane.attributes = model_query(
			model, "SELECT key, value FROM attribute WHERE span = ? ORDER BY key");

	while (!err && thread_rows_next(query, &thread)) {
		if (thread.first)
			put_process(export, model, run, &thread);
		err = put_thread(&lane, model, run, &taken);
	}
	map_free(&taken);
	query_free(query);
	query_free(lane.attributes);
	export->folded_calls +=
		model_number(model, "SELECT SUM(folded) FROM profile WHERE run = ?", run->id, 0);
	return err;
}

static void chrome_end(struct export *export)
{
	struct json *json = &export->json;

	json_close(json, ']');
	json_key(json, "otherData");
	json_open(json, '{');
	json_member_string(json, "ragtime", RAGTIME_VERSION);
	json_member_int(json, "folded_calls_not_shown", export->folded_calls);
	json_close(json, '}');
	json_close(json, '}');
	buf_puts(&export->out.bytes, "\n");
}

const struct exporter exporter_chrome = {
	.name = "chrome",
	.rows = "auto",
	.begin = chrome_begin,
	.run = chrome_run,
	.end = chrome_end,
};
