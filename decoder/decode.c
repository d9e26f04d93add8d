/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder/decode.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decoder/decode_state.h"
#include "decoder/traits.h"

/* Room for one more element in a growing array; false when memory is out. */
static bool grow(void **array, size_t count, size_t *capacity, size_t size)
{
	size_t more = *capacity ? *capacity * 2 : 64;
	void *bigger;

	if (count < *capacity)
		return true;
	bigger = realloc(*array, more * size);
	if (!bigger)
		return false;
	*array = bigger;
	*capacity = more;
	return true;
}

static const char *text_of(const struct decode *decode, uint32_t number)
{
	return trace_text(&decode->batch, number);
}

/* ---- the tables of a block ---- */

static void take_start(struct decode *decode, const Ragtime__Raw__Start *start)
{
	if (!start)
		return;
	if (start->ticks_per_second)
		clock_align_nominal(&decode->clock, start->ticks_per_second);
	actors_set_text(&decode->version, start->version);
	actors_set_text(&decode->host, start->host);
	actors_set_text(&decode->kernel, start->kernel);
	actors_set_text(&decode->mode, start->mode);
	actors_set_text(&decode->command, start->command);
	actors_set_text(&decode->cpu_model, start->cpu_model);
	decode->processors = start->processors;
}

static void take_end(struct decode *decode, const Ragtime__Raw__End *end)
{
	if (!end)
		return;
	decode->ended = true;
	decode->has_status = !end->target_alive && !end->status_unknown;
	decode->status = end->status;
	if (end->monotonic_ns > decode->last_ns)
		decode->last_ns = end->monotonic_ns;
	actors_set_text(&decode->reason, *end->reason ? end->reason : "end");
}

static void take_process(struct decode *decode, const Ragtime__Raw__Process *raw)
{
	bool made;
	struct process *process = actors_process(&decode->actors, raw->id, &made);

	if (!process) {
		decode->failed = true;
		return;
	}
	if (raw->end_ticks)
		process->end = raw->end_ticks;
	if (raw->known) {
		process->status = raw->status;
		process->status_known = true;
	}
	actors_set_text(&process->program, text_of(decode, raw->program));
	actors_set_text(&process->script, text_of(decode, raw->script));
	if (!made)
		return;
	process->pid = raw->pid;
	process->parent_pid = raw->parent_pid;
	process->birth = raw->birth;
	process->start = raw->start_ticks;
	process->row = decode->process_base + raw->id;
	process->span = ++decode->weave.last_span;
	actors_place(&decode->actors, process);
	if (!grow((void **)&decode->births, decode->birth_count, &decode->birth_capacity,
		    sizeof(*decode->births))) {
		decode->failed = true;
		return;
	}
	decode->births[decode->birth_count++] =
		(struct resolve_birth){.process = process, .time = process->start};
}

static void take_thread(struct decode *decode, const Ragtime__Raw__Thread *raw)
{
	struct process *process = actors_find_process(&decode->actors, raw->process);
	struct thread *thread;
	bool made;

	if (!process)
		return; /* its calls count as stray */
	thread = actors_thread(&decode->actors, raw->id, &made);
	if (!thread) {
		decode->failed = true;
		return;
	}
	if (raw->end_ticks)
		thread->end = raw->end_ticks;
	actors_set_text(&thread->name, text_of(decode, raw->name));
	if (!made)
		return;
	thread->process = process;
	thread->tid = raw->tid;
	thread->creator_tid = raw->creator_tid;
	thread->start = raw->start_ticks;
	thread->row = decode->thread_base + raw->id;
	thread->span = ++decode->weave.last_span;
}

uint32_t decode_class(
	const struct decode *decode, const char *name, const char *module, uint32_t given)
{
	struct class_facts facts = {.text = {[CLASS_FIELD_name] = name,
					    [CLASS_FIELD_function] = module ? name : NULL,
					    [CLASS_FIELD_module] = module}};
	const struct class_rule *rule = class_rules_pick(decode->rules, &facts, given);

	return rule ? rule->class : given;
}

static void take_operation(struct decode *decode, const Ragtime__Raw__Operation *raw)
{
	const char *name = text_of(decode, raw->name);
	char none[32];

	if (raw->kind < RT_KIND_FUNCTION || raw->kind >= RT_KIND_LIMIT ||
		decode->weave.kind_used[raw->kind] & WEAVE_KIND_STORED)
		return;
	decode->weave.kind_used[raw->kind] |= WEAVE_KIND_STORED;
	snprintf(none, sizeof(none), "function %u", raw->kind - RT_KIND_FUNCTION);

	struct value row[] = {
		value_int(weave_operation(&decode->weave, raw->kind)),
		value_text(*name ? name : none),
		value_text(text_of(decode, raw->module)),
		value_text(text_of(decode, raw->symbol)),
		value_int(raw->kind < RT_KIND_RUNTIME ? RT_FAMILY_function : RT_FAMILY_runtime),
		value_int(RT_WAIT_none),
		value_int(decode_class(decode, name, text_of(decode, raw->module), raw->class_)),
	};
	store_put(decode->store, STORE_OPERATION, row);
	decode_function(decode, raw);
}

static void take_loss(struct decode *decode, const Ragtime__Raw__Loss *raw)
{
	const struct thread *thread = actors_find_thread(&decode->actors, raw->thread);
	struct value row[] = {
		value_int(decode->run_row),
		value_known(thread ? thread->row : 0),
		value_int(raw->reason),
		value_int((int64_t)raw->count),
		value_known((int64_t)raw->from_ns),
		value_known((int64_t)raw->to_ns),
	};

	store_put(decode->store, STORE_LOSS, row);
}

static void take_counter(struct decode *decode, const Ragtime__Raw__Counter *raw)
{
	uint64_t *place = map_at(&decode->counter_by_key, (uint64_t)raw->thread << 32 | raw->kind);
	struct decode_counter *counter;

	if (!place || raw->kind >= RT_KIND_LIMIT)
		return;
	if (!*place) {
		if (!grow((void **)&decode->counters, decode->counter_count,
			    &decode->counter_capacity, sizeof(*decode->counters))) {
			decode->failed = true;
			return;
		}
		*place = ++decode->counter_count;
		decode->counters[*place - 1] = (struct decode_counter){0};
	}
	counter = &decode->counters[*place - 1];
	counter->thread = raw->thread;
	counter->kind = raw->kind;
	/* totals so far: a block out of order brings older ones */
	if (raw->calls > counter->calls)
		counter->calls = raw->calls;
	if (raw->bytes > counter->bytes)
		counter->bytes = raw->bytes;
}

/* Calls that were too many to be recorded: a number beside those that were. */
static void take_counted(struct decode *decode, const Ragtime__Raw__Counted *raw)
{
	Ragtime__Raw__Counter counter = RAGTIME__RAW__COUNTER__INIT;
	uint64_t *place =
		map_at(&decode->uncounted, (uint64_t)raw->thread << 32 | (raw->kind & 0xffffffff));

	if (!place)
		return;
	*place += raw->calls;
	counter.thread = raw->thread;
	counter.kind = raw->kind;
	counter.calls = *place;
	take_counter(decode, &counter);
}

static void take_metric(struct decode *decode, const Ragtime__Raw__Metric *raw)
{
	uint32_t name = strtab_adds(decode->metric_names, text_of(decode, raw->name));
	uint64_t *place = name ? map_at(&decode->metrics, name) : NULL;

	if (place)
		*place = (uint64_t)raw->value;
}

static void take_thread_usage(struct decode *decode, const Ragtime__Raw__Usage *raw)
{
	const struct thread *thread = actors_find_thread(&decode->actors, raw->thread);

	if (!thread)
		return;

	struct value row[] = {
		value_int(thread->row),
		value_int((int64_t)raw->at_ns),
		value_int((int64_t)raw->cpu_ns),
		value_int((int64_t)raw->runqueue_ns),
	};
	store_put(decode->store, STORE_THREAD_USAGE, row);
}

static void take_usage(struct decode *decode, const Ragtime__Raw__Usage *raw)
{
	const struct process *process = actors_find_process(&decode->actors, raw->process);

	if (raw->thread) {
		take_thread_usage(decode, raw);
		return;
	}
	if (!process)
		return;

	struct value row[] = {
		value_int(process->row),
		value_int((int64_t)raw->at_ns),
		value_int((int64_t)raw->cpu_ns),
		value_int((int64_t)raw->rss_bytes),
		value_int(raw->threads),
		value_int((int64_t)raw->minor_faults),
		value_int((int64_t)raw->major_faults),
		value_int((int64_t)raw->read_bytes),
		value_int((int64_t)raw->written_bytes),
	};
	store_put(decode->store, STORE_USAGE, row);
}

#define TAKE(decode, what, tables)                      \
	for (size_t i = 0; i < (tables)->n_##what; i++) \
	take_one_##what(decode, (tables)->what[i])
#define take_one_processes take_process
#define take_one_threads take_thread
#define take_one_operations take_operation
#define take_one_losses take_loss
#define take_one_counters take_counter
#define take_one_metrics take_metric
#define take_one_usages take_usage
#define take_one_counted take_counted
#define take_one_runtimes decode_runtime

/* ---- calls ---- */

static int by_thread_and_depth(const void *left, const void *right)
{
	const Ragtime__Raw__OpenCall *a = *(Ragtime__Raw__OpenCall *const *)left;
	const Ragtime__Raw__OpenCall *b = *(Ragtime__Raw__OpenCall *const *)right;

	if (a->thread != b->thread)
		return a->thread < b->thread ? -1 : 1;
	return a->depth < b->depth ? -1 : a->depth > b->depth;
}

static void take_open_calls(struct decode *decode)
{
	const Ragtime__Raw__Batch *tables = decode->batch.tables;
	struct weave_open calls[NEST_DEPTHS];

	/* the tables are ours until the next block */
	if (tables->n_open)
		qsort(tables->open, tables->n_open, sizeof(*tables->open), by_thread_and_depth);
	for (size_t i = 0, next; i < tables->n_open; i = next) {
		uint32_t id = tables->open[i]->thread;
		struct thread *thread = actors_find_thread(&decode->actors, id);
		size_t count = 0;

		for (next = i; next < tables->n_open && tables->open[next]->thread == id; next++) {
			const Ragtime__Raw__OpenCall *raw = tables->open[next];

			if (raw->kind >= RT_KIND_LIMIT || raw->depth >= NEST_DEPTHS - 1 ||
				count == NEST_DEPTHS)
				continue;
			calls[count++] = (struct weave_open){.kind = raw->kind,
				.depth = raw->depth,
				.start = raw->start_ticks,
				.arg = raw->arg};
		}
		if (thread)
			weave_open_calls(&decode->weave, thread, calls, count);
	}
}

/* Blocks after which nothing more is expected of who has ended. */
#define QUIET_BLOCKS 64

static bool is_over(const struct decode *decode, uint64_t ended, uint32_t block)
{
	return ended && block + QUIET_BLOCKS < decode->changes.block;
}

/*
 * What ended threads and processes hold makes room for others. Should one come back all the same,
 * its call tree begins anew and its descriptors are unknown.
 */
static void relieve(struct decode *decode)
{
	if (decode->changes.block % QUIET_BLOCKS)
		return;
	for (size_t i = 0; i < decode->actors.thread_count; i++) {
		struct thread *thread = decode->actors.threads[i];

		if (thread->fold && is_over(decode, thread->end, thread->block))
			decode_release_thread(decode, thread);
	}
	for (size_t i = 0; i < decode->actors.process_count; i++) {
		struct process *process = decode->actors.processes[i];

		if (!process->descriptors || !is_over(decode, process->end, process->block))
			continue;
		descriptors_free(process->descriptors);
		process->descriptors = NULL;
	}
}

static void take_calls(struct decode *decode)
{
	struct weave *weave = &decode->weave;

	if (sections_decode(&decode->sections, &decode->batch) ||
		resolve_replay(weave, &decode->actors, &decode->sections, decode->births,
			decode->birth_count)) {
		decode->failed = true;
		return;
	}
	for (size_t i = 0; i < decode->sections.count && !decode->failed; i++) {
		const struct section *section = &decode->sections.sections[i];
		struct thread *thread = actors_find_thread(&decode->actors, section->thread);

		if (!thread)
			decode->stray += section->count;
		else if (weave_section(
				 weave, thread, section, decode->sections.calls + section->first))
			decode->failed = true;
	}
}

/* ---- exchanges ---- */

static struct exchange_actor exchange_actor(void *context, uint32_t id)
{
	const struct decode *decode = context;
	const struct thread *thread = actors_find_thread(&decode->actors, id);

	return thread ? (struct exchange_actor){thread->row, thread->span}
		      : (struct exchange_actor){0};
}

/* What the program tells of a connection is known before the exchanges on it are. */
static void take_exchanges(struct decode *decode)
{
	if (told_take(decode->told, &decode->batch, &decode->actors))
		decode->failed = true;
	if (exchanges_take(decode->weave.exchanges, &decode->batch, exchange_actor, decode,
		    &decode->weave.last_span))
		decode->failed = true;
}

static void take_batch(struct decode *decode)
{
	const Ragtime__Raw__Batch *tables = decode->batch.tables;

	take_start(decode, tables->start);
	for (size_t i = 0; i < tables->n_clocks; i++) {
		const Ragtime__Raw__Clock *clock = tables->clocks[i];

		if (clock_align_add(
			    &decode->clock, clock->ticks, clock->monotonic_ns, clock->realtime_ns))
			decode->failed = true;
	}
	if (decode->batch.first_ns &&
		(!decode->first_ns || decode->batch.first_ns < decode->first_ns))
		decode->first_ns = decode->batch.first_ns;
	if (decode->batch.last_ns > decode->last_ns)
		decode->last_ns = decode->batch.last_ns;
	decode->content |= (decode->batch.flags & RT_BLOCK_CONTENT) != 0;
	decode->birth_count = 0;
	relieve(decode);
	TAKE(decode, processes, tables);
	TAKE(decode, threads, tables);
	TAKE(decode, operations, tables);
	segments_link(decode->weave.segments, &decode->batch);
	take_calls(decode);
	segments_end(decode->weave.segments, &decode->batch);
	take_open_calls(decode);
	take_exchanges(decode);
	TAKE(decode, losses, tables);
	TAKE(decode, counters, tables);
	TAKE(decode, metrics, tables);
	TAKE(decode, usages, tables);
	TAKE(decode, counted, tables);
	TAKE(decode, runtimes, tables);
	decode_samples(decode);
	take_end(decode, tables->end);
	decode->failed |= decode->weave.failed || decode->folds.failed;
}

/* ---- the run ---- */

static int begin(struct decode *decode, struct store *store, const struct decode_options *options)
{
	static const struct class_rules no_rules;
	int64_t last_operation = store_last_id(store, STORE_OPERATION);

	traits_init();
	decode->store = store;
	decode->rules = options->rules ? options->rules : &no_rules;
	clock_align_init(&decode->clock, 0);
	folds_init(&decode->folds, store_last_id(store, STORE_FOLD));
	decode->objects = objtab_new();
	decode->metric_names = strtab_new();
	decode->run_row = store_last_id(store, STORE_RUN) + 1;
	decode->process_base = store_last_id(store, STORE_PROCESS);
	decode->thread_base = store_last_id(store, STORE_THREAD);
	decode->object_base = store_last_id(store, STORE_OBJECT);
	decode->frame_base = store_last_id(store, STORE_FRAME);
	decode->weave = (struct weave){
		.store = store,
		.objects = decode->objects,
		.folds = &decode->folds,
		.clock = &decode->clock,
		.changes = &decode->changes,
		.batch = &decode->batch,
		.row_limit = options->row_limit,
		.last_span = store_last_span(store),
		.first_object = decode->object_base,
		.first_function =
			last_operation < RT_KIND_FUNCTION ? RT_KIND_FUNCTION : last_operation + 1,
		.kind_used = calloc(RT_KIND_LIMIT, 1),
	};
	decode->weave.timeline = timeline_new();
	decode->joins = joins_new();
	decode->weave.segments = segments_new(store, &decode->clock, &decode->weave.last_span);
	decode->weave.serves = serves_new();
	decode->weave.exchanges = exchanges_new(store, &decode->clock, decode->rules,
		decode->weave.timeline, decode->joins, decode->weave.first_function + RT_KIND_LIMIT,
		decode->object_base);
	decode->told = told_new(&(struct told_context){
		.store = store,
		.clock = &decode->clock,
		.rules = decode->rules,
		.segments = decode->weave.segments,
		.last_span = &decode->weave.last_span,
		.first_operation = decode->weave.first_function + TOLD_OPERATIONS,
	});
	if (decode->weave.exchanges) {
		exchanges_know(decode->weave.exchanges, decode->told);
		exchanges_serve(
			decode->weave.exchanges, decode->weave.segments, decode->weave.serves);
	}
	return decode->told && decode->objects && decode->metric_names && decode->weave.kind_used &&
			decode->weave.exchanges && decode->weave.timeline && decode->joins &&
			decode->weave.segments && decode->weave.serves
		? 0
		: -ENOMEM;
}

static void end(struct decode *decode)
{
	char **texts[] = {&decode->version, &decode->host, &decode->kernel, &decode->mode,
		&decode->command, &decode->cpu_model, &decode->reason};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		free(*texts[i]);
	exchanges_free(decode->weave.exchanges);
	timeline_free(decode->weave.timeline);
	joins_free(decode->joins);
	segments_free(decode->weave.segments);
	told_free(decode->told);
	serves_free(decode->weave.serves);
	weave_free(&decode->weave);
	free(decode->weave.kind_used);
	sections_free(&decode->sections);
	changes_free(&decode->changes);
	folds_free(&decode->folds);
	actors_free(&decode->actors);
	objtab_free(decode->objects);
	clock_align_free(&decode->clock);
	strtab_free(decode->metric_names);
	map_free(&decode->metrics);
	map_free(&decode->counter_by_key);
	map_free(&decode->frames);
	map_free(&decode->uncounted);
	free(decode->counters);
	free(decode->births);
	buf_free(&decode->hist);
	buf_free(&decode->folded_hist);
	trace_reader_free(decode->reader);
}

static void summarise(const struct decode *decode, struct decode_summary *summary)
{
	trace_reader_totals(decode->reader, &summary->trace);
	summary->processes = decode->actors.process_count;
	summary->threads = decode->actors.thread_count;
	summary->objects = objtab_count(decode->objects);
	summary->folds = (uint64_t)decode->folds.last_id;
	summary->rows = store_spans(decode->store);
	summary->stray = decode->stray;
	for (size_t i = 0; i < decode->actors.thread_count; i++) {
		const struct thread *thread = decode->actors.threads[i];

		summary->unpaired += thread->unpaired;
		summary->unfinished += thread->unfinished;
		summary->unknown_kinds += thread->unknown_kinds;
	}
}

static int read_blocks(
	struct decode *decode, const struct decode_options *options, struct trace_error *error)
{
	uint64_t done, total;
	int err = 0;

	while (!decode->failed && !store_failed(decode->store)) {
		err = trace_reader_next(decode->reader, &decode->batch);
		if (err <= 0)
			break;
		take_batch(decode);
		trace_reader_progress(decode->reader, &done, &total);
		if (options->progress)
			options->progress(done, total);
	}
	if (err < 0)
		snprintf(error->text, sizeof(error->text), "cannot read the trace: %s",
			strerror(-err));
	else if (decode->failed)
		snprintf(error->text, sizeof(error->text), "cannot decode: out of memory");
	return err < 0 || decode->failed ? -1 : 0;
}

int decode_run(struct store *store, const char *const *paths, size_t count,
	const struct decode_options *options, struct decode_summary *summary,
	struct trace_error *error)
{
	struct decode decode = {.reader = trace_reader_open(paths, count, error)};
	int err = -1;

	*summary = (struct decode_summary){0};
	if (!decode.reader)
		return -1;
	for (int i = 0; i < 16; i++)
		sprintf(summary->run + 2 * i, "%02x", trace_reader_header(decode.reader)->run[i]);
	if (store_has_run(store, summary->run)) {
		snprintf(error->text, sizeof(error->text),
			"run %s is in the database already; leave out --append to write it anew",
			summary->run);
		goto out;
	}
	if (begin(&decode, store, options)) {
		snprintf(error->text, sizeof(error->text), "cannot decode: out of memory");
		goto out;
	}
	err = read_blocks(&decode, options, error);
	if (!err) {
		decode_finish(&decode);
		summarise(&decode, summary);
	}
out:
	end(&decode);
	return err;
}
