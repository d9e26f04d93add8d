/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trees for a terminal: duration and share of the thread's life in columns at the left, so that the
 * eye runs down them; the calls indented at the right.
 */
#include "analysis/views/text_tree.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/term.h"
#include "lib/units.h"
#include "lib/words.h"

/* "  1.20 s   12.3 %  " */
#define MARGIN 22
#define OBJECT_MIN 12
#define PLACE_MAX 128
#define SUBJECT_MAX 40

/* Branches are shown down to this depth; what is deeper is indented no further. */
#define BRANCHES_MAX 40

void text_tree_begin(struct page *page, const char *input, const struct run *run)
{
	text_run(page, input, run);
	buf_clear(&page->branches);
}

void text_tree_end(struct page *page)
{
	output_flush(&page->out);
}

static void put_process(struct page *page, const struct tree_line *line)
{
	char space[UNITS_SIZE];

	buf_printf(&page->out.bytes, "\n%sprocess %lld  ", term_start(TERM_BOLD),
		(long long)line->pid);
	table_put_text(&page->out.bytes, line->name ? line->name : "?", page->width - 40);
	buf_printf(
		&page->out.bytes, "%s  %s", term_end(), units_duration(space, line->duration_ns));
	if (line->has_status && line->status < 0)
		buf_printf(&page->out.bytes, "  ended by signal %d (%s)", -line->status,
			strsignal(-line->status));
	else if (line->has_status && line->status)
		buf_printf(&page->out.bytes, "  ended with status %d", line->status);
	buf_puts(&page->out.bytes, "\n");
}

static void put_thread(struct page *page, const struct tree_line *line)
{
	const char *name = !line->name && line->tid == line->pid ? "main" : line->name;
	char space[UNITS_SIZE];

	buf_printf(&page->out.bytes, "%*s  %sthread %lld%s", 9,
		units_duration(space, line->duration_ns), term_start(TERM_BOLD),
		(long long)line->tid, name ? "  " : "");
	table_put_text(&page->out.bytes, name ? name : "", page->width - 40);
	buf_printf(&page->out.bytes, "%s\n", term_end());
}

static enum term_colour colour_of(int per_mille)
{
	return per_mille >= 200 ? TERM_RED : per_mille >= 50 ? TERM_YELLOW : TERM_COUNT;
}

static void put_margin(struct page *page, const struct tree_line *line)
{
	char duration[UNITS_SIZE], share[UNITS_SIZE] = "";
	int per_mille = 0;
	enum term_colour colour;

	units_duration(duration, line->duration_ns);
	if (line->wall_ns > 0) {
		per_mille = (int)((double)line->duration_ns / (double)line->wall_ns * 1000 + 0.5);
		units_share(share, per_mille);
	}
	colour = colour_of(per_mille);
	buf_printf(&page->out.bytes, "%s%*s  %8s%s   ",
		colour == TERM_COUNT ? "" : term_start(colour), 9, duration, share,
		colour == TERM_COUNT ? "" : term_end());
}

/* One byte a level around this one: '1' where more siblings follow. */
static size_t put_branches(struct page *page, const struct tree_line *line)
{
	size_t depth = page->branches.size, shown = depth < BRANCHES_MAX ? depth : BRANCHES_MAX;

	buf_puts(&page->out.bytes, term_start(TERM_DIM));
	for (size_t i = 0; i < shown; i++)
		buf_puts(&page->out.bytes, page->branches.data[i] == '1' ? "│  " : "   ");
	buf_puts(&page->out.bytes, line->last ? "└─ " : "├─ ");
	buf_puts(&page->out.bytes, term_end());
	return (shown + 1) * 3;
}

/* What a failed call failed with. */
static const char *failure_of(const struct tree_line *line)
{
	const char *name = strerrorname_np(line->status);

	if (line->is_runtime)
		return line->status == ECANCELED ? "cancelled" : "raised";
	return name ? name : "failed";
}

static void describe(const struct tree_line *line, bool evidence, struct buf *text)
{
	char space[UNITS_SIZE];

	if (line->story)
		buf_puts(text, line->story);
	if (line->under)
		buf_printf(text, "  inside %s", line->under);
	if (line->count > 1) {
		buf_printf(
			text, "  avg %s", units_duration(space, line->duration_ns / line->count));
		buf_printf(text, "  max %s", units_duration(space, line->max_ns));
	}
	if (line->unfinished)
		buf_puts(text, "  not ended yet");
	if (line->active_ns < line->duration_ns)
		buf_printf(text, "  active %s", units_duration(space, line->active_ns));
	if (line->has_status && line->status > 0 && !line->story) {
		buf_printf(text, "  %s", failure_of(line));
	} else if (line->errors && (line->count > 1 || !line->story)) {
		buf_printf(text, "  %s failed", units_count(space, line->errors));
	}
	if (evidence && line->evidence >= 0)
		buf_printf(text, "  [%s]", word_name("evidence", (uint32_t)line->evidence));
}

/* Where a request took place: of a Unix socket its name will do. */
static const char *place_of(const struct tree_line *line, char *space, size_t size)
{
	static const char start[] = "unix:/";
	const char *name;

	if (!line->object || !line->story || strncmp(line->object, start, sizeof(start) - 1) != 0)
		return line->object;
	name = strrchr(line->object, '/') + 1;
	if (name - line->object == sizeof(start) - 1)
		return line->object;
	snprintf(space, size, "unix:.../%s", name);
	return space;
}

static void put_call(struct page *page, const struct tree_line *line)
{
	struct buf details = {0};
	char space[UNITS_SIZE];
	size_t used = MARGIN + put_branches(page, line), room;
	const char *name = line->name ? line->name : "?", *object;
	char place[PLACE_MAX];
	bool failed = line->has_status && line->status > 0 && line->status != EINPROGRESS &&
		line->status != EAGAIN;

	object = place_of(line, place, sizeof(place));
	describe(line, page->evidence, &details);
	room = page->width > used + details.size ? page->width - used - details.size : 0;
	used = table_text_width(name);
	/* the name of a request is the subject of its story */
	if (used > room && room > OBJECT_MIN && !(line->story && used <= SUBJECT_MAX))
		used = room;
	table_put_text(&page->out.bytes, name, used);
	if (line->count > 1) {
		const char *count = units_count(space, line->count);

		buf_printf(&page->out.bytes, " x %s", count);
		used += 3 + strlen(count);
	}
	/* a story says more than where it took place: that is told whole or not at all */
	if (object && (!line->story || room >= used + 2 + table_text_width(object))) {
		room = room > used + 2 + OBJECT_MIN ? room - used - 2 : OBJECT_MIN;
		buf_printf(&page->out.bytes, "  %s%s", line->object_is_next ? "then " : "",
			term_start(TERM_BLUE));
		table_put_text(&page->out.bytes, object, room);
		buf_puts(&page->out.bytes, term_end());
	}
	buf_puts(&page->out.bytes, term_start(failed ? TERM_RED : TERM_DIM));
	table_put_text(&page->out.bytes, buf_string(&details), details.size);
	buf_printf(&page->out.bytes, "%s\n", term_end());
	buf_free(&details);
}

static void put_more(struct page *page, const struct tree_line *line)
{
	char space[UNITS_SIZE];

	if (line->name) {
		buf_printf(&page->out.bytes, "%s%*s  %s more %s; see --top%s\n",
			term_start(TERM_DIM), 9, "", units_count(space, line->count), line->name,
			term_end());
		return;
	}
	put_margin(page, line);
	put_branches(page, line);
	buf_printf(&page->out.bytes, "%s%s more%s\n", term_start(TERM_DIM),
		units_count(space, line->count), term_end());
}

void text_tree_open(struct page *page, const struct tree_line *line)
{
	switch (line->kind) {
	case TREE_PROCESS:
		put_process(page, line);
		return;
	case TREE_THREAD:
		put_thread(page, line);
		return;
	case TREE_MORE:
		put_more(page, line);
		break;
	case TREE_CALL:
	case TREE_FOLDED:
		put_margin(page, line);
		put_call(page, line);
		break;
	}
	buf_append(&page->branches, line->last ? "0" : "1", 1);
}

void text_tree_close(struct page *page, const struct tree_line *line)
{
	if (line->kind != TREE_PROCESS && line->kind != TREE_THREAD && page->branches.size)
		page->branches.size--;
	output_flush(&page->out);
}
