/* SPDX-License-Identifier: Apache-2.0 */
/* A summary for programs: wire/output.schema.json says what they may rely on. */
#include <stdlib.h>
#include <string.h>

#include "decoder/info.h"
#include "lib/words.h"

static void json_text(struct json *json, const char *key, const char *text)
{
	json_member_string(json, key, *text ? text : NULL);
}

static void json_run(struct json *json, const char *name, const struct summary *summary)
{
	char run[SUMMARY_RUN_SIZE];

	json_member_string(json, "trace", name);
	json_member_string(json, "run", summary_run(summary, run));
	json_member_string(json, "state", summary_state(summary));
	json_member_bool(json, "finished", summary->totals.finished);
	json_member_int(json, "parts", (int64_t)summary->totals.parts);
	json_text(json, "version", summary_text(summary, summary->version));
	json_text(json, "mode", summary_text(summary, summary->mode));
	json_text(json, "command", summary_text(summary, summary->command));
	json_text(json, "host", summary_text(summary, summary->host));
	json_text(json, "kernel", summary_text(summary, summary->kernel));
	json_text(json, "cpu_model", summary_text(summary, summary->cpu_model));
	json_key(json, "processors");
	summary->started ? json_int(json, summary->processors) : json_null(json);
	json_member_bool(json, "content", summary->content);
	json_member_int(json, "start_ns", (int64_t)summary->first_ns);
	json_member_int(json, "end_ns", (int64_t)summary->last_ns);
	json_key(json, "epoch_ns");
	summary->clock.count ? json_int(json, summary->clock.epoch_ns) : json_null(json);
	json_text(json, "reason", summary_text(summary, summary->reason));
	json_key(json, "status");
	summary->ended && !summary->target_alive && !summary->status_unknown
		? json_int(json, summary->status)
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
		json_text(json, "thread",
			thread ? summary_text(summary, (uint32_t)(*thread >> 32)) : "");
		json_member_int(json, "count", (int64_t)losses[i].count);
		json_close(json, '}');
	}
	json_close(json, ']');
	free(losses);
}

static int by_text(const void *left, const void *right, void *context)
{
	return strcmp(summary_text(context, *(const uint32_t *)left),
		summary_text(context, *(const uint32_t *)right));
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
			json, summary_text(summary, names[i]), (int64_t)*map_find(map, names[i]));
	json_close(json, '}');
	free(names);
}

static void json_limits(struct json *json, const struct summary *summary)
{
	size_t count;
	const struct summary_limit *limits = summary_limits(summary, &count);

	json_key(json, "limits");
	json_open(json, '[');
	for (size_t i = 0; i < count; i++) {
		json_open(json, '{');
		json_text(json, "module", summary_text(summary, limits[i].module));
		json_text(json, "function", summary_text(summary, limits[i].function));
		json_text(json, "reason", summary_text(summary, limits[i].reason));
		json_member_bool(json, "recorded", limits[i].recorded);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void json_clock(struct json *json, const struct summary *summary)
{
	const struct clock_align *clock = &summary->clock;
	double finest, coarsest;
	bool known;

	json_key(json, "clock");
	json_open(json, '{');
	json_member_int(json, "ticks_per_second", (int64_t)summary->ticks_per_second);
	json_member_int(json, "points", (int64_t)clock->count);
	json_member_int(json, "refused_points", (int64_t)clock->refused);
	json_member_int(json, "realtime_steps", (int64_t)clock->steps);
	json_key(json, "rate_spread_ppm");
	clock->slowest > 0 ? json_double(json, summary_clock_spread(summary)) : json_null(json);
	known = summary_units(summary, &finest, &coarsest);
	json_key(json, "finest_unit_ns");
	known ? json_double(json, finest) : json_null(json);
	json_key(json, "coarsest_unit_ns");
	known ? json_double(json, coarsest) : json_null(json);
	json_close(json, '}');
}

void info_json(struct json *json, const char *name, const struct summary *summary)
{
	json_open(json, '{');
	json_run(json, name, summary);
	json_contents(json, summary);
	json_metrics(json, summary);
	json_clock(json, summary);
	json_limits(json, summary);
	json_damage(json, summary);
	json_losses(json, summary);
	json_close(json, '}');
}
