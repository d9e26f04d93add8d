/* SPDX-License-Identifier: Apache-2.0 */
/* Reports and trees as JSON: {"version", "runs": [...]}. Times are nanoseconds; unknown is null. */
#include <string.h>

#include "analysis/views/view.h"
#include "lib/version.h"
#include "lib/words.h"

static void json_begin(struct page *page)
{
	page->json = (struct json){.out = &page->out.bytes, .pretty = true};
	json_open(&page->json, '{');
	json_member_string(&page->json, "version", RAGTIME_VERSION);
	json_key(&page->json, "runs");
	json_open(&page->json, '[');
}

static void json_end(struct page *page)
{
	json_close(&page->json, ']');
	json_close(&page->json, '}');
	buf_puts(&page->out.bytes, "\n");
}

static void put_run(struct json *json, const struct run *run)
{
	json_key(json, "run");
	json_open(json, '{');
	json_member_string(json, "id", run->uuid);
	json_member_string(json, "command", run->command);
	json_member_string(json, "script", run->script);
	json_member_string(json, "captured_by", run->version);
	json_member_string(json, "mode", run->mode);
	json_member_string(json, "host", run->host);
	json_member_string(json, "kernel", run->kernel);
	json_member_string(json, "cpu_model", run->cpu_model);
	json_member_known(json, "processors", run->processors > 0, run->processors);
	json_member_int(json, "start_ns", run->start_ns);
	json_member_int(json, "end_ns", run->end_ns);
	json_member_known(json, "epoch_ns", run->has_epoch, run->epoch_ns);
	json_member_known(json, "status", run->has_status, run->status);
	json_member_string(json, "reason", run->reason);
	json_member_bool(json, "torn", !run->reason);
	if (run->content)
		json_member_bool(json, "content", true);
	json_close(json, '}');
}

static void json_report(struct page *page, const struct report *report)
{
	struct json *json = &page->json;

	json_open(json, '{');
	put_run(json, report->run);
	json_member_int(json, "processes", report->processes);
	json_member_int(json, "threads", report->threads);
	json_member_int(json, "calls", report->calls);
	json_member_int(json, "sampled_calls", report->sampled_calls);
	json_member_int(json, "counted_calls", report->counted_calls);
	json_key(json, "sections");
	json_open(json, '{');
	for (size_t i = 0; i < report->section_count; i++) {
		json_key(json, report->sections[i].name);
		table_json(report->sections[i].table, json);
	}
	json_close(json, '}');
	json_close(json, '}');
	output_flush(&page->out);
}

static void json_tree_begin(struct page *page, const char *input, const struct run *run)
{
	(void)input;
	json_open(&page->json, '{');
	put_run(&page->json, run);
	json_key(&page->json, "processes");
	json_open(&page->json, '[');
}

static void put_call(struct page *page, const struct tree_line *line)
{
	struct json *json = &page->json;

	json_member_string(json, "name", line->name);
	if (line->module)
		json_member_string(json, "module", line->module);
	if (line->under)
		json_member_string(json, "inside", line->under);
	json_member_string(json, "object", line->object_is_next ? NULL : line->object);
	if (line->object_is_next)
		json_member_string(json, "next_object", line->object);
	json_member_string(json, "object_kind", line->object_kind);
	if (line->story) {
		json_member_string(json, "class", line->class);
		json_member_string(json, "story", line->story + strspn(line->story, " "));
	}
	json_member_int(json, "id", line->id);
	json_member_int(json, "start_ns", line->start_ns);
	json_member_int(json, "count", line->count);
	json_member_int(json, "sum_ns", line->duration_ns);
	if (line->is_runtime)
		json_member_int(json, "active_ns", line->active_ns);
	json_member_int(json, "min_ns", line->min_ns);
	json_member_int(json, "max_ns", line->max_ns);
	json_member_known(json, "status", line->has_status, line->status);
	json_member_bool(json, "unfinished", line->unfinished);
	json_member_string(json, "evidence", word_name("evidence", (uint32_t)line->evidence));
	json_key(json, "children");
	json_open(json, '[');
}

static void json_tree_open(struct page *page, const struct tree_line *line)
{
	struct json *json = &page->json;

	json_open(json, '{');
	switch (line->kind) {
	case TREE_PROCESS:
		json_member_string(json, "kind", "process");
		json_member_string(json, "name", line->name);
		json_member_string(json, "program", line->module);
		json_member_int(json, "pid", line->pid);
		json_member_int(json, "start_ns", line->start_ns);
		json_member_int(json, "duration_ns", line->duration_ns);
		json_member_known(json, "status", line->has_status, line->status);
		json_key(json, "threads");
		json_open(json, '[');
		break;
	case TREE_THREAD:
		json_member_string(json, "kind", "thread");
		json_member_string(json, "name", line->name);
		json_member_int(json, "tid", line->tid);
		json_member_int(json, "start_ns", line->start_ns);
		json_member_int(json, "duration_ns", line->duration_ns);
		json_key(json, "children");
		json_open(json, '[');
		break;
	case TREE_CALL:
	case TREE_FOLDED:
		json_member_string(json, "kind",
			line->story			  ? "request"
				: line->kind == TREE_CALL ? "call"
							  : "folded");
		put_call(page, line);
		break;
	case TREE_MORE:
		json_member_string(json, "kind", "more");
		json_member_int(json, "count", line->count);
		json_member_known(json, "sum_ns", !line->name, line->duration_ns);
		break;
	}
}

static void json_tree_close(struct page *page, const struct tree_line *line)
{
	if (line->kind != TREE_MORE)
		json_close(&page->json, ']');
	json_close(&page->json, '}');
	output_flush(&page->out);
}

static void json_tree_end(struct page *page)
{
	json_close(&page->json, ']');
	json_close(&page->json, '}');
}

const struct view view_json = {
	.name = "json",
	.begin = json_begin,
	.end = json_end,
	.report = json_report,
	.tree_begin = json_tree_begin,
	.tree_open = json_tree_open,
	.tree_close = json_tree_close,
	.tree_end = json_tree_end,
};
