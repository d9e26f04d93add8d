/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder/summary.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/term.h"
#include "wire/event.h"

static void set(struct map *map, uint64_t key, uint64_t value)
{
	uint64_t *place = map_at(map, key);

	if (place)
		*place = value;
}

static void take_start(struct summary *summary, const Ragtime__Raw__Start *start)
{
	if (summary->started)
		return;
	summary->started = true;
	summary->version = strtab_adds(summary->texts, start->version);
	summary->host = strtab_adds(summary->texts, start->host);
	summary->kernel = strtab_adds(summary->texts, start->kernel);
	summary->mode = strtab_adds(summary->texts, start->mode);
	summary->command = strtab_adds(summary->texts, start->command);
	summary->cpu_model = strtab_adds(summary->texts, start->cpu_model);
	summary->ticks_per_second = start->ticks_per_second;
	summary->processors = start->processors;
	summary->tracer_pid = start->tracer_pid;
	clock_align_nominal(&summary->clock, start->ticks_per_second);
}

static void take_end(struct summary *summary, const Ragtime__Raw__End *end)
{
	summary->ended = true;
	summary->status = end->status;
	summary->target_alive = end->target_alive;
	summary->status_unknown = end->status_unknown;
	summary->reason = strtab_adds(summary->texts, end->reason);
	if (end->monotonic_ns > summary->last_ns)
		summary->last_ns = end->monotonic_ns;
}

static void take_threads(struct summary *summary, const struct trace_batch *batch)
{
	const Ragtime__Raw__Batch *tables = batch->tables;

	for (size_t i = 0; i < tables->n_threads; i++) {
		const Ragtime__Raw__Thread *thread = tables->threads[i];
		uint32_t name = strtab_adds(summary->texts, trace_text(batch, thread->name));

		set(&summary->threads, thread->id, thread->tid | (uint64_t)name << 32);
	}
	for (size_t i = 0; i < tables->n_processes; i++)
		set(&summary->processes, tables->processes[i]->id, 1);
	for (size_t i = 0; i < tables->n_operations; i++)
		set(&summary->operations, tables->operations[i]->kind, 1);
}

static void take_figures(struct summary *summary, const struct trace_batch *batch)
{
	const Ragtime__Raw__Batch *tables = batch->tables;

	for (size_t i = 0; i < tables->n_losses; i++) {
		const Ragtime__Raw__Loss *loss = tables->losses[i];
		uint64_t *count =
			map_at(&summary->losses, (uint64_t)loss->reason << 32 | loss->thread);

		if (count)
			*count += loss->count;
	}
	for (size_t i = 0; i < tables->n_counters; i++)
		set(&summary->counters,
			(uint64_t)tables->counters[i]->thread << 32 | tables->counters[i]->kind,
			tables->counters[i]->calls);
	for (size_t i = 0; i < tables->n_metrics; i++)
		set(&summary->metrics,
			strtab_adds(summary->texts, trace_text(batch, tables->metrics[i]->name)),
			(uint64_t)tables->metrics[i]->value);
	for (size_t i = 0; i < tables->n_limits; i++) {
		const Ragtime__Raw__Limit *limit = tables->limits[i];
		struct summary_limit row = {
			strtab_adds(summary->texts, trace_text(batch, limit->module)),
			strtab_adds(summary->texts, trace_text(batch, limit->function)),
			strtab_adds(summary->texts, trace_text(batch, limit->reason)),
			limit->recorded,
		};

		buf_append(&summary->limits, &row, sizeof(row));
	}
	summary->open_calls = tables->n_open;
}

static void take_unit(struct summary *summary, unsigned shift)
{
	if (!summary->timed || shift < summary->finest_shift)
		summary->finest_shift = shift;
	if (!summary->timed || shift > summary->coarsest_shift)
		summary->coarsest_shift = shift;
	summary->timed = true;
}

static void take_batch(struct summary *summary, const struct trace_batch *batch)
{
	const Ragtime__Raw__Batch *tables = batch->tables;

	if (tables->start)
		take_start(summary, tables->start);
	for (size_t i = 0; i < tables->n_clocks; i++)
		clock_align_add(&summary->clock, tables->clocks[i]->ticks,
			tables->clocks[i]->monotonic_ns, tables->clocks[i]->realtime_ns);
	if (!summary->first_ns || batch->first_ns < summary->first_ns)
		summary->first_ns = batch->first_ns;
	if (batch->last_ns > summary->last_ns)
		summary->last_ns = batch->last_ns;
	summary->content |= (batch->flags & RT_BLOCK_CONTENT) != 0;
	for (size_t i = 0; i < tables->n_calls; i++)
		take_unit(summary, tables->calls[i]->tick_shift);
	take_threads(summary, batch);
	take_figures(summary, batch);
	if (tables->end)
		take_end(summary, tables->end);
}

int summary_read(struct summary *summary, struct trace_reader *reader)
{
	struct trace_batch batch;
	uint64_t done, total;
	int err;

	memset(summary, 0, sizeof(*summary));
	clock_align_init(&summary->clock, 0);
	memcpy(summary->run, trace_reader_header(reader)->run, sizeof(summary->run));
	summary->texts = strtab_new();
	if (!summary->texts)
		return -ENOMEM;
	while ((err = trace_reader_next(reader, &batch)) > 0) {
		take_batch(summary, &batch);
		trace_reader_progress(reader, &done, &total);
		term_progress("reading", done, total);
	}
	term_progress_end();
	trace_reader_totals(reader, &summary->totals);
	return err;
}

const struct summary_limit *summary_limits(const struct summary *summary, size_t *count)
{
	*count = summary->limits.size / sizeof(struct summary_limit);
	return (const struct summary_limit *)summary->limits.data;
}

void summary_free(struct summary *summary)
{
	clock_align_free(&summary->clock);
	strtab_free(summary->texts);
	map_free(&summary->threads);
	map_free(&summary->processes);
	map_free(&summary->operations);
	map_free(&summary->counters);
	map_free(&summary->losses);
	map_free(&summary->metrics);
	buf_free(&summary->limits);
}

uint64_t summary_counted(const struct summary *summary)
{
	uint64_t calls = 0;

	for (size_t i = 0; i < summary->counters.capacity; i++) {
		if (summary->counters.entries[i].used)
			calls += summary->counters.entries[i].value;
	}
	return calls;
}

static int by_reason(const void *left, const void *right)
{
	const struct summary_loss *a = left, *b = right;

	if (a->reason != b->reason)
		return a->reason < b->reason ? -1 : 1;
	return a->thread < b->thread ? -1 : a->thread > b->thread;
}

struct summary_loss *summary_losses(const struct summary *summary, size_t *count)
{
	const struct map *map = &summary->losses;
	struct summary_loss *losses = calloc(map->count + 2, sizeof(*losses));
	uint64_t broken = summary->totals.missing;

	*count = 0;
	if (!losses)
		return NULL;
	for (size_t i = 0; i < map->capacity; i++) {
		if (map->entries[i].used && map->entries[i].value)
			losses[(*count)++] = (struct summary_loss){
				.reason = (uint32_t)(map->entries[i].key >> 32),
				.thread = (uint32_t)map->entries[i].key,
				.count = map->entries[i].value,
			};
	}
	/* A last block that is torn or damaged leaves no gap in the numbers. */
	if (!broken && summary->totals.torn_bytes)
		broken = 1;
	for (int i = 0; i < TRACE_DAMAGES && !broken; i++)
		broken = summary->totals.damaged[i];
	if (broken)
		losses[(*count)++] =
			(struct summary_loss){.reason = RT_LOSS_block, .count = broken};
	if (summary->open_calls)
		losses[(*count)++] = (struct summary_loss){
			.reason = RT_LOSS_unfinished, .count = summary->open_calls};
	qsort(losses, *count, sizeof(*losses), by_reason);
	return losses;
}

const char *summary_thread(const struct summary *summary, uint32_t thread, char *out, size_t size)
{
	const uint64_t *known = map_find(&summary->threads, thread);
	const char *name = known ? strtab_get(summary->texts, *known >> 32) : "";

	*out = '\0';
	if (known && *name)
		snprintf(out, size, "%s (%u)", name, (uint32_t)*known);
	else if (known)
		snprintf(out, size, "thread %u", (uint32_t)*known);
	else if (thread)
		snprintf(out, size, "thread #%u", thread);
	return out;
}

const char *summary_text(const struct summary *summary, uint32_t number)
{
	return strtab_get(summary->texts, number);
}

const char *summary_run(const struct summary *summary, char out[SUMMARY_RUN_SIZE])
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

const char *summary_state(const struct summary *summary)
{
	if (summary->totals.torn_bytes)
		return "torn";
	if (broken_blocks(summary) || summary->totals.missing)
		return summary->totals.finished ? "damaged" : "damaged and unfinished";
	return summary->totals.finished ? "finished" : "unfinished";
}

double summary_clock_spread(const struct summary *summary)
{
	const struct clock_align *clock = &summary->clock;

	return clock->slowest > 0 ? (clock->fastest / clock->slowest - 1) * 1e6 : 0;
}

bool summary_units(const struct summary *summary, double *finest, double *coarsest)
{
	double tick_ns = 1e9 / (double)summary->ticks_per_second;

	if (!summary->timed || !summary->ticks_per_second)
		return false;
	*finest = tick_ns * (double)(1ull << summary->finest_shift);
	*coarsest = tick_ns * (double)(1ull << summary->coarsest_shift);
	return true;
}
