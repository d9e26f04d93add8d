/* SPDX-License-Identifier: Apache-2.0 */
/* A report as GitHub reads Markdown: the first rows of each part, folded but for the first ones. */
#include <stdio.h>
#include <string.h>

#include "analysis/views/view.h"
#include "lib/markdown.h"
#include "lib/units.h"

/* Parts that are open. */
static bool is_open(size_t number)
{
	return number < 2;
}

/* A line each, ended by a hard break. */
static void put_lines(struct buf *out, const char *line)
{
	char text[1024];

	while (*line) {
		size_t length = strcspn(line, "\n");

		snprintf(text, sizeof(text), "%.*s", (int)length, line);
		markdown_text(out, text);
		buf_puts(out, "<br>\n");
		line += length + (line[length] == '\n');
	}
}

static void put_section(struct page *page, struct section *section, size_t number)
{
	struct buf *out = &page->out.bytes;

	buf_printf(out, is_open(number) ? "\n### %s\n\n" : "\n<details><summary>%s</summary>\n\n",
		section->title);
	if (table_rows(section->table))
		table_markdown(section->table, out);
	else if (section->empty)
		buf_printf(out, "%s\n", section->empty);
	if (section->notes.size) {
		buf_puts(out, "\n");
		put_lines(out, buf_string(&section->notes));
	}
	if (!is_open(number))
		buf_puts(out, "\n</details>\n");
}

static void markdown_report(struct page *page, const struct report *report)
{
	struct buf *out = &page->out.bytes;
	char space[UNITS_SIZE];

	buf_puts(out, page->any ? "\n## " : "## ");
	page->any = true;
	markdown_text(out, report->run->command ? report->run->command : "run");
	buf_printf(
		out, ", %s\n", units_duration(space, report->run->end_ns - report->run->start_ns));
	if (report->run->content)
		buf_puts(out,
			"\n**Recorded with content: prompts, answers and bodies are in it.**\n");
	buf_puts(out, "\n");
	put_lines(out, report->verdict ? report->verdict : "");
	for (size_t i = 0; i < report->section_count; i++) {
		struct section *section = &report->sections[i];

		if (table_rows(section->table) || section->empty || section->notes.size)
			put_section(page, section, i);
	}
	output_flush(&page->out);
}

const struct view view_markdown = {.name = "markdown", .report = markdown_report};
