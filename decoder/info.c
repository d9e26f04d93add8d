/* SPDX-License-Identifier: Apache-2.0 */
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
#define LOSSES_SHOWN 20

static const char *text_of(const struct summary *summary, uint32_t number)
{
	return strtab_get(summary->texts, number);
}

static const char *run_text(const struct summary *summary, char out[33])
{
	for (int i = 0; i < 16; i++)
		snprintf(out + i * 2, 3, "%02x", summary->run[i]);
	return out;
}

static uint64_t broken_blocks(const struct summary *summary)
{
	uint64_t blocks = 0;

	for (int i = 0; i < TRACE_DAMAGES; i++)
		blocks += summary->totals.damaged[i];
	return blocks;
}

/* How it came to its end, in a word. */
static const char *state_of(const struct summary *summary)
{
	if (summary->totals.torn_bytes)
		return "torn";
	if (broken_blocks(summary) || summary->totals.missing)
		return summary->totals.finished ? "damaged" : "damaged and unfinished";
	return summary->totals.finished ? "finished" : "unfinished";
}

static bool find_metric(const struct summary *summary, const char *name, int64_t *value)
{
	for (size_t i = 0; i < summary->metrics.capacity; i++) {
		const struct map_entry *entry = &summary->metrics.entries[i];

		if (!entry->used || strcmp(text_of(summary, (uint32_t)entry->key), name))
			continue;
		*value = (int64_t)entry->value;
		return true;
	}
	return false;
}

/* Steps between the slowest and the fastest stretch of the clock, parts per million. */
static double clock_spread_ppm(const struct clock_align *clock)
{
	return clock->slowest > 0 ? (clock->fastest / clock->slowest - 1) * 1e6 : 0;
}

static void label(struct buf *out, const char *name)
{
	buf_printf(out, "%-*s", LABEL_WIDTH, name);
}

static void put(struct buf *out, const char *text)
{
	table_put_text(out, text, TEXT_WIDTH);
}

static void line(struct buf *out, const char *name, const char *text)
{
	label(out, name);
	put(out, text);
	buf_puts(out, "\n");
}

static void tell_run(struct buf *out, const char *name, const struct summary *summary)
{
	char when[UNITS_SIZE], length[UNITS_SIZE], run[33];
	int64_t epoch = summary->clock.epoch_ns;

	label(out, "trace");
	put(out, strcmp(name, "-") ? name : "standard input");
	buf_printf(out, " (%s", state_of(summary));
	if (summary->totals.parts > 1)
		buf_printf(out, ", %" PRIu64 " parts", summary->totals.parts);
	buf_printf(out, "%s)\n", summary->content ? ", recorded with content" : "");
	line(out, "run", run_text(summary, run));
	if (summary->started) {
		line(out, "command", text_of(summary, summary->command));
		label(out, "host");
		put(out, text_of(summary, summary->host));
		buf_puts(out, ", ");
		put(out, text_of(summary, summary->kernel));
		buf_printf(out, ", %u x ", summary->processors);
		put(out, text_of(summary, summary->cpu_model));
		buf_puts(out, "\n");
		label(out, "tracer");
		buf_puts(out, "ragtime ");
		put(out, text_of(summary, summary->version));
		buf_puts(out, ", mode ");
		put(out, text_of(summary, summary->mode));
		buf_printf(out, ", pid %u\n", summary->tracer_pid);
	}
	label(out, "time");
	buf_printf(out, "%s",
		summary->clock.count ? units_time(when, epoch + (int64_t)summary->first_ns)
				     : "start not known");
	buf_printf(out, ", for %s\n",
		units_duration(length, (int64_t)(summary->last_ns - summary->first_ns)));
	label(out, "ended");
	if (!summary->ended)
		buf_puts(out, "not known: the end of the stream is not there\n");
	else if (summary->target_alive)
		buf_printf(out, "%s; the target went on\n", text_of(summary, summary->reason));
	else
		buf_printf(
			out, "%s, status %d\n", text_of(summary, summary->reason), summary->status);
}

static void tell_contents(struct buf *out, const struct summary *summary)
{
	const struct trace_totals *totals = &summary->totals;
	char calls[UNITS_SIZE], counted[UNITS_SIZE], size[UNITS_SIZE];

	label(out, "holds");
	buf_printf(out, "%s calls", units_count(calls, (int64_t)totals->calls));
	if (summary_counted(summary))
		buf_printf(out, " and %s that are counted only",
			units_count(counted, (int64_t)summary_counted(summary)));
	buf_printf(out, ", of %zu threads in %zu processes", summary->threads.count,
		summary->processes.count);
	if (summary->operations.count)
		buf_printf(out, ", %zu functions by pattern", summary->operations.count);
	buf_puts(out, "\n");
	label(out, "size");
	buf_printf(out, "%s in %" PRIu64 " blocks", units_bytes(size, (int64_t)totals->bytes),
		totals->blocks);
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

	label(out, "clock");
	buf_printf(
		out, "%.3f GHz, %zu points", (double)summary->ticks_per_second / 1e9, clock->count);
	if (clock->slowest > 0)
		buf_printf(out, ", rate within %.1f ppm", clock_spread_ppm(clock));
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

static void tell_losses(struct buf *out, const struct summary *summary)
{
	char number[UNITS_SIZE], thread[128];
	size_t count;
	struct summary_loss *losses = summary_losses(summary, &count);

	label(out, "lost");
	if (!count)
		buf_puts(out, "nothing\n");
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

static void json_text(struct json *json, const char *key, const char *text)
{
	json_member_string(json, key, *text ? text : NULL);
}

static void json_run(struct json *json, const char *name, const struct summary *summary)
{
	char run[33];

	json_member_string(json, "trace", name);
	json_member_string(json, "run", run_text(summary, run));
	json_member_string(json, "state", state_of(summary));
	json_member_bool(json, "finished", summary->totals.finished);
	json_member_int(json, "parts", (int64_t)summary->totals.parts);
	json_text(json, "version", text_of(summary, summary->version));
	json_text(json, "mode", text_of(summary, summary->mode));
	json_text(json, "command", text_of(summary, summary->command));
	json_text(json, "host", text_of(summary, summary->host));
	json_text(json, "kernel", text_of(summary, summary->kernel));
	json_text(json, "cpu_model", text_of(summary, summary->cpu_model));
	json_key(json, "processors");
	summary->started ? json_int(json, summary->processors) : json_null(json);
	json_member_bool(json, "content", summary->content);
	json_member_int(json, "start_ns", (int64_t)summary->first_ns);
	json_member_int(json, "end_ns", (int64_t)summary->last_ns);
	json_key(json, "epoch_ns");
	summary->clock.count ? json_int(json, summary->clock.epoch_ns) : json_null(json);
	json_text(json, "reason", text_of(summary, summary->reason));
	json_key(json, "status");
	summary->ended && !summary->target_alive ? json_int(json, summary->status)
						 : json_null(json);
	json_key(json, "target_alive");
	summary->ended ? json_bool(json, summary->target_alive) : json_null(json);
}

static void json_contents(struct json *json, const struct summary *summary)
{
	const struct trace_totals *totals = &summary->totals;

	json_member_int(json, "calls", (int64_t)totals->calls);
	json_member_int(json, "counted_calls", (int64_t)summary_counted(summary));
	json_member_int(json, "open_calls", (int64_t)summary->open_calls);
	json_member_int(json, "threads", (int64_t)summary->threads.count);
	json_member_int(json, "processes", (int64_t)summary->processes.count);
	json_member_int(json, "functions", (int64_t)summary->operations.count);
	json_member_int(json, "bytes", (int64_t)totals->bytes);
	json_member_int(json, "blocks", (int64_t)totals->blocks);
	json_member_int(json, "packed_bytes", (int64_t)totals->packed_bytes);
	json_member_int(json, "raw_bytes", (int64_t)totals->raw_bytes);
	json_key(json, "bytes_per_call");
	totals->calls ? json_double(json, (double)totals->packed_bytes / (double)totals->calls)
		      : json_null(json);
}

static void json_damage(struct json *json, const struct summary *summary)
{
	const struct trace_totals *totals = &summary->totals;

	json_key(json, "damage");
	json_open(json, '{');
	json_member_int(json, "missing_blocks", (int64_t)totals->missing);
	for (int i = 0; i < TRACE_DAMAGES; i++)
		json_member_int(
			json, trace_damage_name((enum trace_damage)i), (int64_t)totals->damaged[i]);
	json_member_int(json, "skipped_bytes", (int64_t)totals->skipped_bytes);
	json_member_int(json, "torn_bytes", (int64_t)totals->torn_bytes);
	json_member_int(json, "duplicate_blocks", (int64_t)totals->duplicates);
	json_member_int(json, "late_blocks", (int64_t)totals->late);
	json_member_int(json, "unknown_fields", (int64_t)totals->unknown_fields);
	json_close(json, '}');
}

static void json_losses(struct json *json, const struct summary *summary)
{
	size_t count;
	struct summary_loss *losses = summary_losses(summary, &count);

	json_key(json, "lost");
	json_open(json, '[');
	for (size_t i = 0; i < count; i++) {
		const uint64_t *thread = map_find(&summary->threads, losses[i].thread);

		json_open(json, '{');
		json_member_string(json, "reason", word_name("loss", losses[i].reason));
		json_member_string(json, "title", word_title("loss", losses[i].reason));
		json_key(json, "tid");
		thread ? json_int(json, (uint32_t)*thread) : json_null(json);
		json_text(
			json, "thread", thread ? text_of(summary, (uint32_t)(*thread >> 32)) : "");
		json_member_int(json, "count", (int64_t)losses[i].count);
		json_close(json, '}');
	}
	json_close(json, ']');
	free(losses);
}

static int by_text(const void *left, const void *right, void *context)
{
	return strcmp(text_of(context, *(const uint32_t *)left),
		text_of(context, *(const uint32_t *)right));
}

static void json_metrics(struct json *json, const struct summary *summary)
{
	const struct map *map = &summary->metrics;
	uint32_t *names = calloc(map->count + 1, sizeof(*names));
	size_t count = 0;

	json_key(json, "metrics");
	json_open(json, '{');
	for (size_t i = 0; i < map->capacity && names; i++) {
		if (map->entries[i].used)
			names[count++] = (uint32_t)map->entries[i].key;
	}
	if (count)
		qsort_r(names, count, sizeof(*names), by_text, (void *)summary);
	for (size_t i = 0; i < count; i++)
		json_member_int(
			json, text_of(summary, names[i]), (int64_t)*map_find(map, names[i]));
	json_close(json, '}');
	free(names);
}

static void json_clock(struct json *json, const struct summary *summary)
{
	const struct clock_align *clock = &summary->clock;

	json_key(json, "clock");
	json_open(json, '{');
	json_member_int(json, "ticks_per_second", (int64_t)summary->ticks_per_second);
	json_member_int(json, "points", (int64_t)clock->count);
	json_member_int(json, "refused_points", (int64_t)clock->refused);
	json_member_int(json, "realtime_steps", (int64_t)clock->steps);
	json_key(json, "rate_spread_ppm");
	clock->slowest > 0 ? json_double(json, clock_spread_ppm(clock)) : json_null(json);
	json_close(json, '}');
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
		json_open(json, '{');
		json_run(json, name, summary);
		json_contents(json, summary);
		json_metrics(json, summary);
		json_clock(json, summary);
		json_damage(json, summary);
		json_losses(json, summary);
		json_close(json, '}');
		return;
	}
	if (page->runs++)
		buf_puts(&page->out, "\n");
	tell_run(&page->out, name, summary);
	tell_contents(&page->out, summary);
	tell_cost(&page->out, summary);
	tell_clock(&page->out, summary);
	tell_losses(&page->out, summary);
}

void info_end(struct info_page *page)
{
	if (!page->as_json)
		return;
	json_close(&page->json, ']');
	buf_puts(&page->out, "\n");
}
