/* SPDX-License-Identifier: Apache-2.0 */
/* Reports for a terminal, and for a file: there without colour, at a fixed width. */
#include <stdio.h>
#include <string.h>

#include "analysis/views/text_tree.h"
#include "analysis/views/view.h"
#include "lib/term.h"
#include "lib/units.h"

static void text_begin(struct page *page)
{
	page->width = term_width();
}

static void text_end(struct page *page)
{
	output_flush(&page->out);
}

void text_run(struct page *page, const char *input, const struct run *run)
{
	char space[UNITS_SIZE];
	struct buf *bytes = &page->out.bytes;

	if (page->any)
		buf_puts(bytes, "\n");
	page->any = true;
	buf_puts(bytes, term_start(TERM_BOLD));
	table_put_text(bytes, run->command ? run->command : basename(input), page->width / 3);
	if (run->script) {
		buf_puts(bytes, " ");
		table_put_text(bytes, run->script, page->width / 3);
	}
	buf_printf(bytes, "%s  %s", term_end(), units_duration(space, run->end_ns - run->start_ns));
	if (run->has_epoch)
		buf_printf(bytes, "  %s", units_time(space, run->start_ns + run->epoch_ns));
	buf_puts(bytes, "\n");
	if (run->content)
		buf_printf(bytes,
			"%sRecorded with content: prompts, answers and bodies are in it%s\n",
			term_start(TERM_BOLD), term_end());
}

static void put_end(struct buf *bytes, const struct run *run)
{
	if (!run->reason)
		buf_puts(bytes, "the trace has no end: it is still being written, or was cut off");
	else if (!run->has_status && !strcmp(run->reason, "exit"))
		buf_puts(bytes, "ended, with a status not known");
	else if (!run->has_status)
		buf_puts(bytes, "the program went on when tracing ended");
	else if (run->signal)
		buf_printf(bytes, "ended by signal %d (%s)", run->signal, strsignal(run->signal));
	else
		buf_printf(bytes, "ended with status %d", (int)run->status);
	if (run->reason && strcmp(run->reason, "exit") != 0)
		buf_printf(bytes, " (tracing ended by %s)", run->reason);
}

static void put_counted(struct buf *bytes, int64_t count, const char *one, const char *many)
{
	char space[UNITS_SIZE];

	buf_printf(bytes, "%s %s", units_count(space, count), count == 1 ? one : many);
}

static void put_facts(struct page *page, const struct report *report)
{
	const struct run *run = report->run;
	struct buf *bytes = &page->out.bytes;

	buf_puts(bytes, "  ");
	put_counted(bytes, report->processes, "process, ", "processes, ");
	put_counted(bytes, report->threads, "thread, ", "threads, ");
	put_counted(bytes, report->calls, "call recorded", "calls recorded");
	if (report->counted_calls) {
		buf_puts(bytes, ", ");
		put_counted(bytes, report->counted_calls, "more counted", "more counted");
	}
	buf_printf(bytes, "; %s",
		!run->mode			   ? ""
			: strcmp(run->mode, "bpf") ? "captured by the "
						   : "captured by ");
	buf_printf(bytes, "%s\n  ", run->mode ? run->mode : "captured in a way not known");
	put_end(bytes, run);
	if (report->sampled_calls > 0) {
		buf_puts(bytes, "; sampled, standing for ");
		put_counted(bytes, report->sampled_calls, "call more", "calls more");
	}
	buf_printf(bytes, "\n  on %s", run->host ? run->host : "a host not known");
	if (run->kernel)
		buf_printf(bytes, ", %s", run->kernel);
	if (run->processors > 0)
		buf_printf(bytes, ", %lld x %s", (long long)run->processors,
			run->cpu_model ? run->cpu_model : "processor");
	buf_puts(bytes, "\n");
}

static void put_notes(struct page *page, struct section *section)
{
	const char *line = buf_string(&section->notes);

	while (*line) {
		size_t length = strcspn(line, "\n");

		buf_printf(&page->out.bytes, "  %.*s\n", (int)length, line);
		line += length + (line[length] == '\n');
	}
}

/* "key: text", the keys in a column of their own. */
static void put_verdict(struct page *page, const struct report *report)
{
	struct buf *out = &page->out.bytes;
	const char *line = report->verdict ? report->verdict : "";
	char text[1024];

	buf_puts(out, *line ? "\n" : "");
	while (*line) {
		size_t length = strcspn(line, "\n"), key = strcspn(line, ":");

		snprintf(text, sizeof(text), "%.*s", (int)(length - key - 2), line + key + 2);
		buf_printf(out, "  %s%-13.*s%s", term_start(TERM_BOLD), (int)key, line, term_end());
		table_put_text(out, text, page->width > 40 ? page->width - 15 : 25);
		buf_puts(out, "\n");
		line += length + (line[length] == '\n');
	}
}

static void text_report(struct page *page, const struct report *report)
{
	text_run(page, report->input, report->run);
	put_facts(page, report);
	put_verdict(page, report);
	for (size_t i = 0; i < report->section_count; i++) {
		struct section *section = &report->sections[i];
		bool empty = !table_rows(section->table);

		if (empty && !section->empty && !section->notes.size)
			continue;
		buf_printf(&page->out.bytes, "\n%s%s%s\n", term_start(TERM_BOLD), section->title,
			term_end());
		if (!empty)
			table_text(section->table, 2, page->width, &page->out.bytes);
		else if (section->empty && !section->notes.size)
			buf_printf(&page->out.bytes, "  %s\n", section->empty);
		put_notes(page, section);
	}
	output_flush(&page->out);
}

const struct view view_text = {
	.name = "text",
	.begin = text_begin,
	.end = text_end,
	.report = text_report,
	.tree_begin = text_tree_begin,
	.tree_open = text_tree_open,
	.tree_close = text_tree_close,
	.tree_end = text_tree_end,
};
