/* SPDX-License-Identifier: Apache-2.0 */
/* The rows that can be written only when the whole trace has been seen. */
#include <inttypes.h>
#include <stdio.h>

#include "decoder/decode_state.h"
#include "decoder/suggestions.h"
#include "decoder/traits.h"
#include "lib/words.h"

/* NULL where the ticks are not known. */
static struct value time_of(struct decode *decode, uint64_t ticks)
{
	return ticks ? value_int((int64_t)clock_align_ns(&decode->clock, ticks))
		     : (struct value){.type = VALUE_NULL};
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	if (!a || !b)
		return a ? a : b;
	return a < b ? a : b;
}

/* ---- folds ---- */

static struct value packed(struct buf *buf, const struct hist *hist)
{
	buf_clear(buf);
	hist_pack(hist, buf);
	return value_blob(buf->data, buf->size);
}

struct fold_context {
	struct decode *decode;
	const struct thread *thread;
};

static void put_fold(void *context, const struct folds *folds, const struct fold *fold)
{
	const struct fold_context *place = context;
	struct decode *decode = place->decode;
	const struct tally *rows = &fold->parts[FOLD_ROWS], *folded = &fold->parts[FOLD_FOLDED];
	struct hist all = {0};
	struct value nothing = {.type = VALUE_NULL};
	bool none = !folded->calls;

	hist_merge(&all, &rows->hist);
	hist_merge(&all, &folded->hist);

	struct value row[] = {
		value_int(fold->id),
		value_known(fold_at(folds, fold->parent)->id),
		value_int(place->thread->row),
		value_int(weave_operation(&decode->weave, fold->kind)),
		fold->object ? value_int(decode->object_base + fold->object) : nothing,
		value_int((int64_t)(rows->calls + folded->calls)),
		value_int((int64_t)(rows->sum_ns + folded->sum_ns)),
		value_int((int64_t)fold->self_ns),
		value_int((int64_t)(!rows->calls || (!none && folded->min_ns < rows->min_ns)
				? folded->min_ns
				: rows->min_ns)),
		value_int((int64_t)(folded->max_ns > rows->max_ns ? folded->max_ns : rows->max_ns)),
		value_int((int64_t)fold->errors),
		value_int((int64_t)fold->bytes),
		value_int((int64_t)fold->weight),
		value_int((int64_t)fold->first_ns),
		value_int((int64_t)fold->last_ns),
		packed(&decode->hist, &all),
		value_int((int64_t)folded->calls),
		value_int((int64_t)folded->sum_ns),
		none ? nothing : value_int((int64_t)folded->min_ns),
		none ? nothing : value_int((int64_t)folded->max_ns),
		packed(&decode->folded_hist, &folded->hist),
		fold->span_parent > 0 ? value_int(fold->span_parent) : nothing,
	};
	store_put(decode->store, STORE_FOLD, row);
	hist_free(&all);
}

void decode_release_thread(struct decode *decode, struct thread *thread)
{
	struct fold_context context = {.decode = decode, .thread = thread};

	weave_end(&decode->weave, thread);
	if (thread->fold)
		folds_release(&decode->folds, thread->fold, put_fold, &context);
	thread->fold = 0;
	levels_free(&thread->levels);
}

/* ---- roots ---- */

static void put_root(struct decode *decode, int64_t id, int64_t parent, int64_t thread,
	uint8_t kind, struct value start, struct value end_time, struct value result)
{
	int64_t row[SPAN_COLUMNS] = {
		[SPAN_ID] = id,
		[SPAN_PARENT] = parent ? parent : STORE_NULL,
		[SPAN_THREAD] = thread ? thread : STORE_NULL,
		[SPAN_OPERATION] = STORE_NULL,
		[SPAN_KIND_OF] = kind,
		[SPAN_START] = start.type == VALUE_INT ? start.number : (int64_t)decode->first_ns,
		[SPAN_END] = end_time.type == VALUE_INT ? end_time.number : STORE_NULL,
		[SPAN_EVIDENCE] = RT_EVIDENCE_exact,
		[SPAN_STATUS] = STORE_NULL,
		[SPAN_RESULT] = result.type == VALUE_INT ? result.number : STORE_NULL,
		[SPAN_OBJECT] = STORE_NULL,
		[SPAN_FOLD] = STORE_NULL,
	};

	store_span(decode->store, row);
}

/* A thread ends with its process, and not before its last call. */
static void settle_thread(struct thread *thread)
{
	struct process *process = thread->process;

	if (!thread->end)
		thread->end = process->end;
	if (thread->end && thread->end < thread->last)
		thread->end = thread->last;
	thread->start = earlier(thread->start, thread->first);
	process->first = earlier(process->first, thread->start);
	if (thread->last > process->last)
		process->last = thread->last;
	if (thread->end > process->last)
		process->last = thread->end;
}

static void put_thread(struct decode *decode, struct thread *thread)
{
	struct value start = time_of(decode, thread->start);
	struct value end_time = time_of(decode, thread->end);
	struct value row[] = {
		value_int(thread->row),
		value_int(thread->process->row),
		value_int(thread->tid),
		value_text(thread->name),
		start,
		end_time,
		value_known(thread->creator_tid),
		value_int(thread->span),
		value_int((int64_t)thread->calls),
	};

	store_put(decode->store, STORE_THREAD, row);
	put_root(decode, thread->span, thread->process->span, thread->row, RT_SPAN_thread, start,
		end_time, (struct value){.type = VALUE_NULL});
}

static void put_process(struct decode *decode, struct process *process)
{
	struct value none = {.type = VALUE_NULL};
	struct value status = process->status_known ? value_int(process->status) : none;
	struct value start, end_time;

	process->start = earlier(process->start, process->first);
	if (process->end && process->end < process->last)
		process->end = process->last;
	start = time_of(decode, process->start);
	end_time = time_of(decode, process->end);

	struct value row[] = {
		value_int(process->row),
		value_int(decode->run_row),
		value_int(process->pid),
		value_known(process->parent_pid),
		value_text(process->program),
		value_text(process->script),
		value_known(process->birth),
		start,
		end_time,
		status,
		value_int(process->span),
	};
	store_put(decode->store, STORE_PROCESS, row);
	if (!process->maker && process->parent)
		process->maker = process->parent->span;
	put_root(
		decode, process->span, process->maker, 0, RT_SPAN_process, start, end_time, status);
}

/* ---- the rest ---- */

static void put_operation(struct decode *decode, uint32_t kind)
{
	const struct event_info *info = event_info(kind);
	char none[32];

	snprintf(none, sizeof(none), "%s %u", kind < RT_KIND_FUNCTION ? "event" : "function",
		kind < RT_KIND_FUNCTION ? kind : kind - RT_KIND_FUNCTION);

	struct value row[] = {
		value_int(weave_operation(&decode->weave, kind)),
		value_text(info ? info->name : none),
		value_text(NULL),
		value_text(NULL),
		value_int(info				  ? info->family
				: kind < RT_KIND_FUNCTION ? 0
							  : RT_FAMILY_function),
		value_int(info ? info->wait : RT_WAIT_none),
		value_int(info ? decode_class(decode, info->name, NULL, RT_CLASS_none)
			       : RT_CLASS_none),
	};
	store_put(decode->store, STORE_OPERATION, row);
}

static void put_objects(struct decode *decode)
{
	for (uint32_t number = 1; number <= objtab_count(decode->objects); number++) {
		const struct object *object = objtab_get(decode->objects, number);
		struct value row[] = {
			value_int(decode->object_base + number),
			value_int(decode->process_base + object->process),
			value_int(object->kind),
			value_text(objtab_text(decode->objects, object->name)),
			value_text(objtab_text(decode->objects, object->local)),
			object->fd >= 0 ? value_int(object->fd)
					: (struct value){.type = VALUE_NULL},
			value_known((int64_t)object->address),
			time_of(decode, object->opened),
			time_of(decode, object->closed),
		};

		store_put(decode->store, STORE_OBJECT, row);
	}
}

static void put_counters(struct decode *decode)
{
	for (size_t i = 0; i < decode->counter_count; i++) {
		const struct decode_counter *counter = &decode->counters[i];
		const struct thread *thread = actors_find_thread(&decode->actors, counter->thread);

		if (!thread)
			continue;
		decode->weave.kind_used[counter->kind] |= WEAVE_KIND_USED;

		struct value row[] = {
			value_int(thread->row),
			value_int(weave_operation(&decode->weave, counter->kind)),
			value_int((int64_t)counter->calls),
			value_int((int64_t)counter->bytes),
		};
		store_put(decode->store, STORE_COUNTER, row);
	}
}

static void put_loss(
	struct decode *decode, const struct thread *thread, uint32_t reason, uint64_t count)
{
	struct value row[] = {
		value_int(decode->run_row),
		value_known(thread ? thread->row : 0),
		value_int(reason),
		value_int((int64_t)count),
		value_known((int64_t)decode->first_ns),
		value_known((int64_t)decode->last_ns),
	};

	if (count)
		store_put(decode->store, STORE_LOSS, row);
}

static void put_losses(struct decode *decode)
{
	struct trace_totals totals;

	trace_reader_totals(decode->reader, &totals);
	put_loss(decode, NULL, RT_LOSS_block, totals.missing + (totals.torn_bytes != 0));
	put_loss(decode, NULL, RT_LOSS_damaged, decode->stray);
	put_loss(
		decode, NULL, RT_LOSS_runtime_orphan, decode->spans.orphans + decode->spans.strays);
	put_loss(decode, NULL, RT_LOSS_runtime_unseen, decode->unseen);
	for (size_t i = 0; i < decode->actors.thread_count; i++) {
		const struct thread *thread = decode->actors.threads[i];

		put_loss(decode, thread, RT_LOSS_unpaired, thread->unpaired);
		put_loss(decode, thread, RT_LOSS_unfinished, thread->unfinished);
		put_loss(decode, thread, RT_LOSS_unknown_kind, thread->unknown_kinds);
	}
}

static void put_metric(struct decode *decode, const char *name, int64_t number)
{
	struct value row[] = {value_int(decode->run_row), value_text(name), value_int(number)};

	store_put(decode->store, STORE_METRIC, row);
}

static void put_metrics(struct decode *decode)
{
	for (uint32_t name = 1; name < strtab_count(decode->metric_names); name++) {
		uint64_t *number = map_find(&decode->metrics, name);

		if (number)
			put_metric(
				decode, strtab_get(decode->metric_names, name), (int64_t)*number);
	}
	if (decode->spans.spans) {
		put_metric(decode, "runtime.spans", (int64_t)decode->spans.spans);
		put_metric(decode, "runtime.orphans",
			(int64_t)(decode->spans.orphans + decode->spans.strays));
		put_metric(decode, "runtime.unfinished", (int64_t)decode->spans.unfinished);
	}
	if (decode->weave.coarse)
		put_metric(decode, "decode.calls_without_place", (int64_t)decode->weave.coarse);
}

static void put_rules(struct decode *decode)
{
	const struct class_rules *rules = decode->rules;

	for (size_t i = 0; i < rules->file_count; i++) {
		const struct class_file *file = &rules->files[i];
		char hash[17];

		snprintf(hash, sizeof(hash), "%016" PRIx64, file->hash);

		struct value row[] = {value_int(decode->run_row), value_int((int64_t)i),
			value_text(file->path), value_text(hash), value_int(file->shipped)};
		store_put(decode->store, STORE_RULE_FILE, row);
	}
	for (size_t i = 0; i < rules->count; i++) {
		const struct class_rule *rule = &rules->rules[i];

		for (size_t j = 0; j < rule->pattern_count; j++) {
			const struct class_pattern *pattern = &rule->patterns[j];
			struct value row[] = {
				value_int(decode->run_row),
				value_int((int64_t)i + 1),
				value_int((int64_t)j),
				value_int(rule->file),
				value_int(rule->line),
				value_text(rule->id),
				value_int(rule->class),
				value_text(class_field_name(pattern->field)),
				value_text(pattern->glob),
			};

			store_put(decode->store, STORE_RULE, row);
		}
	}
}

static void put_run(struct decode *decode)
{
	struct value nothing = {.type = VALUE_NULL};
	struct value start = value_known((int64_t)decode->first_ns);
	char uuid[33];

	for (size_t i = 0; i < decode->actors.process_count; i++) {
		struct value born = time_of(decode, decode->actors.processes[i]->start);

		if (born.type == VALUE_INT &&
			(start.type != VALUE_INT || born.number < start.number))
			start = born;
	}

	for (int i = 0; i < 16; i++)
		sprintf(uuid + 2 * i, "%02x", trace_reader_header(decode->reader)->run[i]);

	struct value row[] = {
		value_int(decode->run_row),
		value_text(uuid),
		value_text(decode->version),
		value_text(decode->host),
		value_text(decode->kernel),
		value_text(decode->mode),
		value_text(decode->command),
		value_text(decode->cpu_model),
		value_known(decode->processors),
		start,
		value_known((int64_t)decode->last_ns),
		decode->clock.added ? value_int(decode->clock.epoch_ns) : nothing,
		decode->has_status ? value_int(decode->status) : nothing,
		value_text(decode->reason),
		value_int(decode->content),
	};
	store_put(decode->store, STORE_RUN, row);
}

static void put_word(
	struct store *store, const char *list, uint32_t number, const char *name, const char *title)
{
	struct value row[] = {
		value_text(list), value_int(number), value_text(name), value_text(title)};

	store_put(store, STORE_WORD, row);
}

static void put_words(struct store *store)
{
	for (const struct word *word = words; word->list; word++)
		put_word(store, word->list, word->number, word->name, word->title);
	for (uint32_t kind = 0; kind < RT_KIND_FUNCTION; kind++) {
		const struct event_info *info = event_info(kind);

		if (info)
			put_word(store, "event", kind, info->name, NULL);
	}
}

void decode_finish(struct decode *decode)
{
	for (size_t i = 0; i < decode->actors.thread_count; i++) {
		struct thread *thread = decode->actors.threads[i];

		decode_release_thread(decode, thread);
		settle_thread(thread);
		put_thread(decode, thread);
	}
	for (size_t i = 0; i < decode->actors.process_count; i++)
		put_process(decode, decode->actors.processes[i]);
	put_objects(decode);
	joins_link(decode->joins, decode->objects, decode->store);
	timeline_store(
		decode->weave.timeline, decode->store, decode->object_base, decode->process_base);
	put_counters(decode);
	for (uint32_t kind = 0; kind < RT_KIND_LIMIT; kind++) {
		if (decode->weave.kind_used[kind] == WEAVE_KIND_USED)
			put_operation(decode, kind);
	}
	segments_finish(decode->weave.segments, &decode->spans);
	decode->failed |= decode->spans.failed || told_finish(decode->told);
	put_losses(decode);
	put_metrics(decode);
	put_rules(decode);
	suggestions_put(decode->store, decode->run_row);
	put_run(decode);
	put_words(decode->store);
}
