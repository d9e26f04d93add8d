/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timing records, nested: operation_name, start_time and end_time in seconds since 1970,
 * duration_ms, metadata, children, error. One list, its records the processes.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/exports/attributes.h"
#include "analysis/exports/exporter.h"
#include "analysis/exports/span_rows.h"
#include "lib/words.h"

/* A damaged database may go in circles. */
#define DEPTH_MAX 512

struct work {
	struct export *export;
	const struct run *run;
	struct query *attributes, *fallback;
	struct query *children[DEPTH_MAX]; /* of each record that is open */
	int depth;
};

static void records_begin(struct export *export)
{
	export->json = (struct json){.out = &export->out.bytes};
	json_open(&export->json, '[');
}

/* Billionths as a decimal: a double would round them. */
static void put_decimal(struct json *json, const char *key, int64_t value, int64_t unit, int digits)
{
	char text[48];

	snprintf(text, sizeof(text), "%" PRId64 ".%0*" PRId64, value / unit, digits, value % unit);
	json_key(json, key);
	json_number(json, text);
}

/* Of a root: the program or the thread. */
static const char *name_of(struct work *work, const struct span_row *row)
{
	const char *name;

	if (row->name)
		return row->name;
	query_bind(work->fallback, 1, row->id);
	name = query_next(work->fallback) ? query_text(work->fallback, 0) : NULL;
	return name ? basename(name) : word_name("kind", row->kind);
}

static void record_begin(struct work *work, const struct span_row *row)
{
	struct json *json = &work->export->json;
	bool failed = row->operation && row->has_status && row->status > 0;

	json_open(json, '{');
	json_member_string(json, "operation_name", name_of(work, row));
	put_decimal(json, "start_time", row->start_ns + work->run->epoch_ns, 1000000000, 9);
	if (row->unfinished) {
		json_member_null(json, "end_time");
		json_member_null(json, "duration_ms");
	} else {
		put_decimal(json, "end_time", row->end_ns + work->run->epoch_ns, 1000000000, 9);
		put_decimal(json, "duration_ms", row->end_ns - row->start_ns, 1000000, 6);
	}
	json_member_string(json, "error", failed ? strerrordesc_np((int)row->status) : NULL);
	json_key(json, "metadata");
	json_open(json, '{');
	json_member_int(json, "id", row->id);
	if (row->class_number)
		json_member_string(json, "class", word_name("class", (uint32_t)row->class_number));
	put_attributes(json, row, work->attributes, work->export->semconv);
	json_close(json, '}');
	json_key(json, "children");
	json_open(json, '[');
	output_flush(&work->export->out);
}

static void record_end(struct json *json)
{
	json_close(json, ']');
	json_close(json, '}');
}

static void put_tree(struct work *work, struct model *model)
{
	struct span_row row;

	while (work->depth && !work->export->out.error) {
		struct query *children = work->children[work->depth - 1];

		if (!span_rows_next(children, work->run, &row)) {
			query_free(children);
			if (--work->depth)
				record_end(&work->export->json);
			continue;
		}
		record_begin(work, &row);
		if (work->depth == DEPTH_MAX) {
			record_end(&work->export->json);
			continue;
		}
		work->children[work->depth++] = span_rows_below(model, work->run, row.id);
	}
	while (work->depth)
		query_free(work->children[--work->depth]);
}

static int records_run(struct export *export, struct model *model, const struct run *run)
{
	struct work *work = calloc(1, sizeof(*work));

	if (!work)
		return -ENOMEM;
	*work = (struct work){.export = export, .run = run};
	work->attributes =
		model_query(model, "SELECT key, value FROM attribute WHERE span = ? ORDER BY key");
	work->fallback = model_query(model,
		"SELECT COALESCE((SELECT COALESCE(script, program) FROM process WHERE span = ?1),"
		" (SELECT name FROM thread WHERE span = ?1))");
	work->children[work->depth++] = span_rows_below(model, run, 0);
	put_tree(work, model);
	query_free(work->attributes);
	query_free(work->fallback);
	free(work);
	return 0;
}

static void records_end(struct export *export)
{
	json_close(&export->json, ']');
	buf_puts(&export->out.bytes, "\n");
}

const struct exporter exporter_timing_records = {
	.name = "timing-records",
	.rows = "auto",
	.begin = records_begin,
	.run = records_run,
	.end = records_end,
};
