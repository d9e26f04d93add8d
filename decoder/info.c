/* SPDX-License-Identifier: Apache-2.0 */
/* A summary for people. */
#include "decoder/info.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/table.h"
#include "lib/units.h"
#include "lib/words.h"

#define LABEL_WIDTH 10
#define TEXT_WIDTH 200
#define LIMITS_SHOWN 20
#define LOSSES_SHOWN 20

static bool find_metric(const struct summary *summary, const char *name, int64_t *value)
{
	for (size_t i = 0; i < summary->metrics.capacity; i++) {
		const struct map_entry *entry = &summary->metrics.entries[i];

		if (!entry->used || strcmp(summary_text(summary, (uint32_t)entry->key), name))
			continue;
		*value = (int64_t)entry->value;
		return true;
	}
	return false;
}

static void label(struct buf *out, const char *name)
{
	buf_printf(out, "%-*s", LABEL_WIDTH, name);
}

static void put(struct buf *out, const char *text)
{
	table_put_text(out, text, TEXT_WIDTH);
}

static void put_many(struct buf *out, uint64_t count, const char *one, const char *many)
{
	char number[UNITS_SIZE];

	buf_printf(out, "%s %s", units_count(number, (int64_t)count), count == 1 ? one : many);
}

static void line(struct buf *out, const char *name, const char *text)
{
	label(out, name);
	put(out, text);
	buf_puts(out, "\n");
}

static void tell_run(struct buf *out, const char *name, const struct summary *summary)
{
	char when[UNITS_SIZE], length[UNITS_SIZE], run[SUMMARY_RUN_SIZE];
	int64_t epoch = summary->clock.epoch_ns;

	label(out, "trace");
	put(out, strcmp(name, "-") ? name : "standard input");
	buf_printf(out, " (%s", summary_state(summary));
	if (summary->totals.parts > 1)
		buf_printf(out, ", %" PRIu64 " parts", summary->totals.parts);
	buf_printf(out, "%s)\n",
		summary->content ? ", RECORDED WITH CONTENT: prompts, answers and bodies are in it"
				 : "");
	line(out, "run", summary_run(summary, run));
	if (summary->started) {
		line(out, "command", summary_text(summary, summary->command));
		label(out, "host");
		put(out, summary_text(summary, summary->host));
		buf_puts(out, ", ");
		put(out, summary_text(summary, summary->kernel));
		buf_printf(out, ", %u x ", summary->processors);
		put(out, summary_text(summary, summary->cpu_model));
		buf_puts(out, "\n");
		label(out, "tracer");
		buf_puts(out, "ragtime ");
		put(out, summary_text(summary, summary->version));
		buf_puts(out, ", mode ");
		put(out, summary_text(summary, summary->mode));
		buf_printf(out, ", pid %u\n", summary->tracer_pid);
	}
	label(out, "time");
	if (summary->clock.count)
		buf_printf(out, "%s, for %s\n",
			units_time(when, epoch + (int64_t)summary->first_ns),
			units_duration(length, (int64_t)(summary->last_ns - summary->first_ns)));
	else
		buf_puts(out, "not known\n");
	label(out, "ended");
	if (!summary->ended)
		buf_puts(out, "not known: the end of the stream is not there\n");
	else if (summary->target_alive)
		buf_printf(out, "%s; the target went on\n", summary_text(summary, summary->reason));
	else if (summary->status_unknown)
		buf_printf(out, "%s, status not known\n", summary_text(summary, summary->reason));
	else
		buf_printf(out, "%s, status %d\n", summary_text(summary, summary->reason),
			summary->status);
}

static void tell_contents(struct buf *out, const struct summary *summary)
{
	const struct trace_totals *totals = &summary->totals;
	char counted[UNITS_SIZE], size[UNITS_SIZE];

	label(out, "holds");
	put_many(out, totals->calls, "call", "calls");
	if (summary_counted(summary))
		buf_printf(out, " and %s that are counted only",
			units_count(counted, (int64_t)summary_counted(summary)));
	buf_puts(out, ", of ");
	put_many(out, summary->threads.count, "thread", "threads");
	buf_puts(out, " in ");
	put_many(out, summary->processes.count, "process", "processes");
	if (summary->operations.count) {
		buf_puts(out, ", ");
		put_many(out, summary->operations.count, "function by pattern",
			"functions by pattern");
	}
	buf_puts(out, "\n");
	label(out, "size");
	buf_printf(out, "%s in ", units_bytes(size, (int64_t)totals->bytes));
	put_many(out, totals->blocks, "block", "blocks");
	if (totals->calls)
		buf_printf(out, ", %.2f bytes a call",
			(double)totals->packed_bytes / (double)totals->calls);
	if (totals->packed_bytes)
		buf_printf(out, ", compressed %.1f to 1",
			(double)totals->raw_bytes / (double)totals->packed_bytes);
	buf_puts(out, "\n");
}

static void tell_cost(struct buf *out, const struct summary *summary)
{
	char cpu[UNITS_SIZE], memory[UNITS_SIZE], startup[UNITS_SIZE];
	int64_t value;

	label(out, "cost");
	if (find_metric(summary, "tracer_cpu_ns", &value)) {
		buf_printf(out, "%s CPU of the tracer", units_duration(cpu, value));
		if (summary->totals.calls)
			buf_printf(out, ", %.0f ns a call",
				(double)value / (double)summary->totals.calls);
	} else {
		buf_puts(out, "not known");
	}
	if (find_metric(summary, "tracer_peak_rss_bytes", &value))
		buf_printf(out, "; %s of memory", units_bytes(memory, value));
	if (find_metric(summary, "startup_ns", &value))
		buf_printf(out, "; first call %s after the launch", units_duration(startup, value));
	buf_puts(out, "\n");
}

static void tell_clock(struct buf *out, const struct summary *summary)
{
	const struct clock_align *clock = &summary->clock;
	double finest, coarsest;

	label(out, "clock");
	if (!clock->count || !summary->ticks_per_second) {
		buf_puts(out, "not known\n");
		return;
	}
	buf_printf(
		out, "%.3f GHz, %zu points", (double)summary->ticks_per_second / 1e9, clock->count);
	if (clock->slowest > 0)
		buf_printf(out, ", rate within %.1f ppm", summary_clock_spread(summary));
	if (summary_units(summary, &finest, &coarsest)) {
		buf_printf(out, ", times rounded to %.1f", finest);
		if (coarsest > finest)
			buf_printf(out, " to %.1f", coarsest);
		buf_puts(out, " ns");
	}
	if (clock->refused)
		buf_printf(out, ", %" PRIu64 " refused because they ran backwards", clock->refused);
	if (clock->steps)
		buf_printf(out, ", realtime was set %" PRIu64 " times", clock->steps);
	buf_puts(out, "\n");
}

static void tell_stream_losses(struct buf *out, const struct summary *summary)
{
	const struct trace_totals *totals = &summary->totals;

	for (int i = 0; i < TRACE_DAMAGES; i++) {
		if (totals->damaged[i])
			buf_printf(out, "%*s%" PRIu64 " blocks damaged: %s\n", LABEL_WIDTH, "",
				totals->damaged[i], trace_damage_name((enum trace_damage)i));
	}
	if (totals->skipped_bytes || totals->torn_bytes)
		buf_printf(out, "%*s%" PRIu64 " bytes skipped, %" PRIu64 " bytes of a torn block\n",
			LABEL_WIDTH, "", totals->skipped_bytes, totals->torn_bytes);
	if (totals->duplicates || totals->late)
		buf_printf(out, "%*s%" PRIu64 " blocks twice, %" PRIu64 " out of order\n",
			LABEL_WIDTH, "", totals->duplicates, totals->late);
	if (totals->unknown_fields)
		buf_printf(out, "%*s%" PRIu64 " fields of a newer ragtime ignored\n", LABEL_WIDTH,
			"", totals->unknown_fields);
}

/* Of functions asked for by pattern. */
static void tell_limits(struct buf *out, const struct summary *summary)
{
	size_t count;
	const struct summary_limit *limits = summary_limits(summary, &count);

	for (size_t i = 0; i < count && i < LIMITS_SHOWN; i++) {
		label(out, i ? "" : "limits");
		put(out, summary_text(summary, limits[i].module));
		buf_puts(out, ": ");
		put(out, summary_text(summary, limits[i].function));
		buf_puts(out, limits[i].recorded ? ": " : ": not recorded: ");
		put(out, summary_text(summary, limits[i].reason));
		buf_puts(out, "\n");
	}
	if (count > LIMITS_SHOWN)
		buf_printf(out, "%*sand %zu functions more: --json has them all\n", LABEL_WIDTH, "",
			count - LIMITS_SHOWN);
}

static void tell_losses(struct buf *out, const struct summary *summary)
{
	char number[UNITS_SIZE], thread[128];
	size_t count;
	struct summary_loss *losses = summary_losses(summary, &count);

	label(out, "lost");
	if (!count)
		buf_puts(out,
			summary->ended
				? "nothing\n"
				: "nothing up to where it ends; what came after is not known\n");
	for (size_t i = 0; i < count && i < LOSSES_SHOWN; i++) {
		if (i)
			label(out, "");
		buf_printf(out, "%s  %s", units_count(number, (int64_t)losses[i].count),
			word_title("loss", losses[i].reason));
		summary_thread(summary, losses[i].thread, thread, sizeof(thread));
		if (*thread) {
			buf_puts(out, ": ");
			put(out, thread);
		}
		buf_puts(out, "\n");
	}
	if (count > LOSSES_SHOWN)
		buf_printf(out, "%*sand %zu lines more: --json has them all\n", LABEL_WIDTH, "",
			count - LOSSES_SHOWN);
	tell_stream_losses(out, summary);
	free(losses);
}

void info_begin(struct info_page *page, bool as_json)
{
	page->as_json = as_json;
	page->json = (struct json){.out = &page->out, .pretty = true};
	if (as_json)
		json_open(&page->json, '[');
}

void info_add(struct info_page *page, const char *name, const struct summary *summary)
{
	struct json *json = &page->json;

	if (page->as_json) {
		info_json(json, name, summary);
		return;
	}
	if (page->runs++)
		buf_puts(&page->out, "\n");
	tell_run(&page->out, name, summary);
	tell_contents(&page->out, summary);
	tell_cost(&page->out, summary);
	tell_clock(&page->out, summary);
	tell_limits(&page->out, summary);
	tell_losses(&page->out, summary);
}

void info_end(struct info_page *page)
{
	if (!page->as_json)
		return;
	json_close(&page->json, ']');
	buf_puts(&page->out, "\n");
}
