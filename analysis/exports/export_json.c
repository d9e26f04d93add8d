/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One JSON object a line: for each run a header, then its spans, each after those inside it, then
 * folded calls, counted calls and losses. `type` says which. Names are stable; lines and members
 * may be added.
 */
#include <errno.h>
#include <string.h>

#include "analysis/exports/attributes.h"
#include "analysis/exports/exporter.h"
#include "analysis/exports/wait_stack.h"
#include "lib/hist.h"
#include "lib/version.h"
#include "lib/words.h"

struct work {
	struct export *export;
	struct model *model;
	const struct run *run;
	struct query *attributes; /* NULL: there are none */
};

static struct json line_begin(struct buf *text, const char *type, const struct run *run)
{
	struct json json = {.out = text};

	json_open(&json, '{');
	json_member_string(&json, "type", type);
	json_member_string(&json, "trace", run->uuid);
	return json;
}

static void line_end(struct work *work, struct json *json)
{
	json_close(json, '}');
	buf_puts(json->out, "\n");
	output_flush(&work->export->out);
}

static void put_header(struct work *work)
{
	const struct run *run = work->run;
	struct json json = line_begin(&work->export->out.bytes, "header", run);

	json_member_string(&json, "version", RAGTIME_VERSION);
	json_member_known(&json, "epoch_ns", run->has_epoch, run->epoch_ns);
	json_member_int(&json, "start_ns", run->start_ns);
	json_member_int(&json, "end_ns", run->end_ns);
	json_member_string(&json, "command", run->command);
	json_member_string(&json, "host", run->host);
	json_member_string(&json, "mode", run->mode);
	json_member_known(&json, "status", run->has_status, run->status);
	json_member_string(&json, "reason", run->reason);
	json_member_bool(&json, "torn", !run->reason);
	if (run->content)
		json_member_bool(&json, "content", true);
	line_end(work, &json);
}

static double confidence(unsigned evidence)
{
	for (const struct word *word = words; word->list; word++) {
		if (word->number == evidence && !strcmp(word->list, "evidence"))
			return word->extra / 100.0;
	}
	return 0;
}

static void put_classification(struct json *json, int64_t class_number, unsigned evidence)
{
	json_member_string(json, "evidence", word_name("evidence", evidence));
	json_member_double(json, "confidence", confidence(evidence));
	json_member_string(
		json, "class", class_number ? word_name("class", (uint32_t)class_number) : NULL);
}

/* What serves a request is one, for who reads this. */
static const char *kind_name(unsigned kind)
{
	return word_name("kind", kind == RT_SPAN_root ? RT_SPAN_request : kind);
}

static const char *status_of(const struct span_row *row)
{
	return row->unfinished || !row->has_status ? NULL : row->status ? "error" : "ok";
}

/* Roots have the name of their process or thread; one without a name is told by what it is. */
static const char *span_name(const struct span_row *row, const struct thread_row *thread)
{
	if (row->name)
		return row->name;
	if (row->kind == RT_SPAN_process)
		return thread->program ? basename(thread->program) : "process";
	return thread->name ? thread->name : thread->pid == thread->tid ? "main" : "thread";
}

/* All of a span but its waits, which are known at its end. */
static void put_span(struct work *work, struct buf *text, const struct span_row *row,
	const struct thread_row *thread)
{
	struct json json = line_begin(text, "span", work->run);

	json_member_int(&json, "id", row->id);
	json_member_known(&json, "parent", row->parent != 0, row->parent);
	put_classification(&json, row->class_number, row->evidence);
	json_member_string(&json, "name", span_name(row, thread));
	json_member_string(&json, "kind", kind_name(row->kind));
	json_member_int(&json, "pid", thread->pid);
	json_member_known(&json, "tid", row->kind != RT_SPAN_process, thread->tid);
	json_member_int(&json, "start_ns", row->start_ns);
	json_member_known(&json, "end_ns", !row->unfinished, row->end_ns);
	json_member_null(&json, "cpu_ns");
	json_member_string(&json, "status", status_of(row));
	json_key(&json, "attrs");
	json_open(&json, '{');
	put_attributes(&json, row, work->attributes, work->export->semconv);
	if (row->kind == RT_SPAN_process && row->has_status)
		json_member_int(&json, "process.exit.code", row->status);
	json_close(&json, '}');
}

static void put_waits(struct json *json, const int64_t *waits)
{
	json_key(json, "waits");
	json_open(json, '{');
	for (unsigned i = 1; i < WAIT_CLASSES; i++) {
		if (waits[i])
			json_member_int(json, word_name("wait", i), waits[i]);
	}
	json_close(json, '}');
}

static void finish_span(struct wait_frame *frame, void *context)
{
	struct work *work = context;
	struct json json = {.out = &frame->text, .depth = 1, .after_value = true};

	put_waits(&json, frame->waits);
	json_close(&json, '}');
	buf_puts(&frame->text, "\n");
	work->export->out.bytes.failed |= frame->text.failed;
	buf_append(&work->export->out.bytes, frame->text.data, frame->text.size);
	output_flush(&work->export->out);
}

static void put_process(struct work *work, const struct thread_row *thread)
{
	struct query *query = span_rows_process(work->model, work->run, thread->process);
	struct wait_frame frame = {0};
	struct span_row row;

	while (span_rows_next(query, work->run, &row)) {
		put_span(work, &frame.text, &row, thread);
		finish_span(&frame, work);
	}
	query_free(query);
	buf_free(&frame.text);
}

static int put_thread(
	struct work *work, const struct fold_tree *folds, const struct thread_row *thread)
{
	struct query *query = span_rows(work->model, work->run, thread->id);
	struct wait_stack stack = {.folds = folds, .end = finish_span, .context = work};
	struct span_row row;
	int err = 0;

	while (!err && !work->export->out.error && span_rows_next(query, work->run, &row)) {
		struct wait_frame *frame = wait_stack_push(&stack, &row);

		if (!frame) {
			err = -ENOMEM;
			break;
		}
		put_span(work, &frame->text, &row, thread);
		if (row.id == thread->span)
			wait_stack_add_folds(&stack, frame, FOLD_BELOW_THREAD, thread->id);
	}
	wait_stack_finish(&stack);
	wait_stack_free(&stack);
	query_free(query);
	return err;
}

static int put_threads(struct work *work)
{
	struct fold_tree *folds = fold_tree_new(work->model, work->run->id);
	struct query *query = thread_rows(work->model, work->run);
	struct thread_row thread;
	int err = folds ? 0 : -ENOMEM;

	while (!err && thread_rows_next(query, &thread)) {
		if (thread.first)
			put_process(work, &thread);
		err = put_thread(work, folds, &thread);
	}
	query_free(query);
	fold_tree_free(folds);
	return err;
}

/* Pairs of a bucket's upper end and its count. */
static void put_histogram(struct json *json, const void *blob, size_t size)
{
	struct hist hist = {0};
	uint64_t upper;

	json_key(json, "histogram");
	json_open(json, '[');
	if (blob && !hist_unpack(&hist, blob, size)) {
		for (unsigned i = 0; i < hist.span; i++) {
			uint32_t count = hist_bucket(&hist, i, &upper);

			if (!count)
				continue;
			json_open(json, '[');
			json_int(json, (int64_t)upper);
			json_int(json, count);
			json_close(json, ']');
		}
	}
	json_close(json, ']');
	hist_free(&hist);
}

static const char folded_sql[] =
	"SELECT f.id, f.parent, f.span_parent, f.name, f.module, f.family, f.object, f.object_kind,"
	" f.object_name, o.class, p.pid, t.tid, f.first_ns, f.last_ns, f.folded, f.folded_sum_ns,"
	" f.folded_min_ns, f.folded_max_ns, f.folded_histogram, f.wait_class FROM profile f"
	" JOIN operation o ON o.id = f.operation JOIN thread t ON t.id = f.thread"
	" JOIN process p ON p.id = f.process WHERE f.run = ? AND f.folded > 0 ORDER BY f.id";

static void put_fold(struct work *work, const struct query *query)
{
	struct json json = line_begin(&work->export->out.bytes, "folded", work->run);
	struct span_row row = {
		.name = query_text(query, 3),
		.module = query_text(query, 4),
		.family = query_int(query, 5),
		.object = query_int(query, 6),
		.object_kind = query_int(query, 7),
		.object_name = query_text(query, 8),
	};
	const void *blob;
	size_t size;

	json_member_int(&json, "fold", query_int(query, 0));
	json_member_known(&json, "parent_fold", !query_is_null(query, 1), query_int(query, 1));
	json_member_known(&json, "parent", !query_is_null(query, 2), query_int(query, 2));
	put_classification(&json, query_int(query, 9), RT_EVIDENCE_exact);
	json_member_string(&json, "name", row.name);
	json_member_string(&json, "kind", "call");
	json_member_int(&json, "pid", query_int(query, 10));
	json_member_int(&json, "tid", query_int(query, 11));
	json_member_int(&json, "start_ns", query_int(query, 12));
	json_member_int(&json, "end_ns", query_int(query, 13));
	json_member_string(&json, "wait", word_name("wait", (uint32_t)query_int(query, 19)));
	json_member_int(&json, "count", query_int(query, 14));
	json_member_int(&json, "sum_ns", query_int(query, 15));
	json_member_known(&json, "min_ns", !query_is_null(query, 16), query_int(query, 16));
	json_member_known(&json, "max_ns", !query_is_null(query, 17), query_int(query, 17));
	blob = query_blob(query, 18, &size);
	put_histogram(&json, blob, size);
	json_key(&json, "attrs");
	json_open(&json, '{');
	put_attributes(&json, &row, NULL, work->export->semconv);
	json_close(&json, '}');
	line_end(work, &json);
}

static void put_folds(struct work *work)
{
	struct query *query = model_query(work->model, folded_sql);

	query_bind(query, 1, work->run->id);
	while (!work->export->out.error && query_next(query))
		put_fold(work, query);
	query_free(query);
}

static void put_counters(struct work *work)
{
	struct query *query = model_query(work->model,
		"SELECT o.name, p.pid, t.tid, c.calls, c.bytes FROM counter c"
		" JOIN operation o ON o.id = c.operation JOIN thread t ON t.id = c.thread"
		" JOIN process p ON p.id = t.process WHERE p.run = ? ORDER BY t.id, o.id");

	query_bind(query, 1, work->run->id);
	while (query_next(query)) {
		struct json json = line_begin(&work->export->out.bytes, "counted", work->run);

		json_member_string(&json, "name", query_text(query, 0));
		json_member_int(&json, "pid", query_int(query, 1));
		json_member_int(&json, "tid", query_int(query, 2));
		json_member_int(&json, "count", query_int(query, 3));
		json_member_int(&json, "bytes", query_int(query, 4));
		line_end(work, &json);
	}
	query_free(query);
}

static void put_losses(struct work *work)
{
	struct query *query = model_query(work->model,
		"SELECT l.reason, l.count, p.pid, t.tid, l.from_ns, l.to_ns FROM loss l"
		" LEFT JOIN thread t ON t.id = l.thread LEFT JOIN process p ON p.id = t.process"
		" WHERE l.run = ? ORDER BY l.reason, l.thread, l.from_ns");

	query_bind(query, 1, work->run->id);
	while (query_next(query)) {
		struct json json = line_begin(&work->export->out.bytes, "loss", work->run);
		static const char *const keys[] = {"count", "pid", "tid", "from_ns", "to_ns"};

		json_member_string(
			&json, "reason", word_name("loss", (uint32_t)query_int(query, 0)));
		for (int i = 0; i < 5; i++)
			json_member_known(&json, keys[i], !query_is_null(query, i + 1),
				query_int(query, i + 1));
		line_end(work, &json);
	}
	query_free(query);
}

static int json_run(struct export *export, struct model *model, const struct run *run)
{
	struct work work = {.export = export, .model = model, .run = run};
	int err;

	if (model_number(model, "SELECT EXISTS (SELECT 1 FROM attribute)", 0, 0))
		work.attributes = model_query(
			model, "SELECT key, value FROM attribute WHERE span = ? ORDER BY key");
	put_header(&work);
	err = put_threads(&work);
	put_folds(&work);
	put_counters(&work);
	put_losses(&work);
	query_free(work.attributes);
	return err;
}

const struct exporter exporter_json = {
	.name = "json",
	.rows = "auto",
	.run = json_run,
};
