/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OTLP as JSON: one TracesData, each process a resource. 64-bit numbers are strings there, ids
 * hexadecimal, enumerations numbers. A run is a trace; a span's id is its number.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "analysis/exports/attributes.h"
#include "analysis/exports/exporter.h"
#include "analysis/exports/span_rows.h"
#include "lib/version.h"
#include "lib/words.h"

enum otlp_kind { KIND_INTERNAL = 1, KIND_SERVER = 2, KIND_CLIENT = 3 };
enum otlp_status { STATUS_ERROR = 2 };

struct work {
	struct export *export;
	struct model *model;
	const struct run *run;
	struct query *attributes, *side;
	struct buf scratch;
};

static void otlp_begin(struct export *export)
{
	export->json = (struct json){.out = &export->out.bytes};
	json_open(&export->json, '{');
	json_key(&export->json, "resourceSpans");
	json_open(&export->json, '[');
}

static void put_text_attribute(struct json *json, const char *key, const char *value)
{
	json_open(json, '{');
	json_member_string(json, "key", key);
	json_key(json, "value");
	json_open(json, '{');
	json_member_string(json, "stringValue", value);
	json_close(json, '}');
	json_close(json, '}');
}

static void put_long(struct json *json, const char *key, int64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRId64, value);
	json_member_string(json, key, text);
}

/* The end of a JSON string or scalar that begins at `at`. */
static const char *token_end(const char *at)
{
	if (*at != '"')
		return at + strcspn(at, ",}");
	for (at++; *at && *at != '"'; at++)
		at += *at == '\\' && at[1];
	return at + (*at == '"');
}

static void put_value(struct json *json, const char *token, size_t size)
{
	bool real = memchr(token, '.', size) || memchr(token, 'e', size);
	struct buf text = {0};

	json_open(json, '{');
	if (*token == '"') {
		json_key(json, "stringValue");
		buf_append(&text, token, size);
	} else if (*token == 't' || *token == 'f') {
		json_key(json, "boolValue");
		buf_append(&text, token, size);
	} else if (real) {
		json_key(json, "doubleValue");
		buf_append(&text, token, size);
	} else {
		json_key(json, "intValue");
		buf_printf(&text, "\"%.*s\"", (int)size, token);
	}
	json_number(json, buf_string(&text));
	json_close(json, '}');
	buf_free(&text);
}

/* A flat object that json.c has just written becomes OTLP's list of keys and typed values. */
static void put_list(struct json *json, const char *object)
{
	const char *at = object + 1;

	while (*at == '"') {
		const char *key = at, *value = token_end(at) + 1, *end = token_end(value);

		if (strncmp(value, "null", 4) != 0) {
			struct buf name = {0};

			buf_append(&name, key, (size_t)(value - 1 - key));
			json_open(json, '{');
			json_key(json, "key");
			json_number(json, buf_string(&name));
			json_key(json, "value");
			put_value(json, value, (size_t)(end - value));
			json_close(json, '}');
			buf_free(&name);
		}
		at = end + (*end == ',');
	}
}

static void put_attributes_of(struct work *work, const struct span_row *row)
{
	struct json flat = {.out = &work->scratch}, *json = &work->export->json;

	buf_clear(&work->scratch);
	json_open(&flat, '{');
	put_attributes(&flat, row, work->attributes, work->export->semconv);
	json_close(&flat, '}');
	json_key(json, "attributes");
	json_open(json, '[');
	if (row->class_number)
		put_text_attribute(
			json, "ragtime.class", word_name("class", (uint32_t)row->class_number));
	put_text_attribute(json, "ragtime.evidence", word_name("evidence", row->evidence));
	put_list(json, buf_string(&work->scratch));
	json_close(json, ']');
}

static enum otlp_kind kind_of(struct work *work, const struct span_row *row)
{
	enum otlp_kind kind = KIND_INTERNAL;

	query_bind(work->side, 1, row->id);
	if (query_next(work->side) && query_text(work->side, 0))
		kind = strcmp(query_text(work->side, 0), "server") ? KIND_CLIENT : KIND_SERVER;
	return kind;
}

static void put_span(struct work *work, const struct span_row *row, const char *name, bool failed)
{
	struct json *json = &work->export->json;
	char id[32];

	json_open(json, '{');
	json_member_string(json, "traceId", work->run->uuid);
	snprintf(id, sizeof(id), "%016" PRIx64, row->id);
	json_member_string(json, "spanId", id);
	if (row->parent) {
		snprintf(id, sizeof(id), "%016" PRIx64, row->parent);
		json_member_string(json, "parentSpanId", id);
	}
	json_member_string(json, "name", name);
	json_member_int(json, "kind", kind_of(work, row));
	put_long(json, "startTimeUnixNano", row->start_ns + work->run->epoch_ns);
	put_long(json, "endTimeUnixNano", row->end_ns + work->run->epoch_ns);
	put_attributes_of(work, row);
	json_key(json, "status");
	json_open(json, '{');
	if (failed)
		json_member_int(json, "code", STATUS_ERROR);
	json_close(json, '}');
	json_close(json, '}');
	output_flush(&work->export->out);
}

static void resource_begin(struct work *work, const struct thread_row *thread)
{
	struct json *json = &work->export->json;
	char pid[32];

	json_open(json, '{');
	json_key(json, "resource");
	json_open(json, '{');
	json_key(json, "attributes");
	json_open(json, '[');
	put_text_attribute(
		json, "service.name", thread->program ? basename(thread->program) : "process");
	if (work->run->host)
		put_text_attribute(json, "host.name", work->run->host);
	snprintf(pid, sizeof(pid), "%lld", (long long)thread->pid);
	json_open(json, '{');
	json_member_string(json, "key", "process.pid");
	json_key(json, "value");
	json_open(json, '{');
	json_member_string(json, "intValue", pid);
	json_close(json, '}');
	json_close(json, '}');
	json_close(json, ']');
	json_close(json, '}');
	json_key(json, "scopeSpans");
	json_open(json, '[');
	json_open(json, '{');
	json_key(json, "scope");
	json_open(json, '{');
	json_member_string(json, "name", "ragtime");
	json_member_string(json, "version", RAGTIME_VERSION);
	json_close(json, '}');
	json_key(json, "spans");
	json_open(json, '[');
}

static void resource_end(struct json *json)
{
	json_close(json, ']');
	json_close(json, '}');
	json_close(json, ']');
	json_close(json, '}');
}

static void put_spans(struct work *work, struct query *spans, const char *root_name)
{
	struct span_row row;

	while (!work->export->out.error && span_rows_next(spans, work->run, &row))
		put_span(work, &row, row.name ? row.name : root_name,
			row.operation && row.has_status && row.status > 0);
	query_free(spans);
}

static int otlp_run(struct export *export, struct model *model, const struct run *run)
{
	struct work work = {.export = export, .model = model, .run = run};
	struct query *threads = thread_rows(model, run);
	struct thread_row thread;
	bool any = false;

	work.attributes =
		model_query(model, "SELECT key, value FROM attribute WHERE span = ? ORDER BY key");
	work.side = model_query(
		model, "SELECT value FROM attribute WHERE span = ? AND key = 'ragtime.side'");
	while (thread_rows_next(threads, &thread)) {
		if (thread.first) {
			if (any)
				resource_end(&export->json);
			resource_begin(&work, &thread);
			put_spans(&work, span_rows_process(model, run, thread.process),
				thread.program ? basename(thread.program) : "process");
		}
		any = true;
		put_spans(&work, span_rows(model, run, thread.id),
			thread.name ? thread.name : "thread");
	}
	if (any)
		resource_end(&export->json);
	query_free(threads);
	query_free(work.attributes);
	query_free(work.side);
	buf_free(&work.scratch);
	return 0;
}

static void otlp_end(struct export *export)
{
	json_close(&export->json, ']');
	json_close(&export->json, '}');
	buf_puts(&export->out.bytes, "\n");
}

const struct exporter exporter_otlp = {
	.name = "otlp",
	.rows = "auto",
	.begin = otlp_begin,
	.run = otlp_run,
	.end = otlp_end,
};
