/* SPDX-License-Identifier: Apache-2.0 */
#include "loader/stream/known.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int known_init(struct known *known)
{
	memset(known, 0, sizeof(*known));
	operations_init(&known->operations);
	known->texts = texts_new();
	return known->texts ? 0 : -ENOMEM;
}

void known_free(struct known *known)
{
	for (size_t i = 0; i < known->process_count; i++) {
		free(known->processes[i].program);
		free(known->processes[i].script);
	}
	for (size_t i = 0; i < known->thread_count; i++)
		free(known->threads[i].name);
	free(known->processes);
	free(known->threads);
	operations_free(&known->operations);
	map_free(&known->process_places);
	map_free(&known->thread_places);
	texts_free(known->texts);
}

/* Makes room for one more item. */
static int grow(void **items, size_t *capacity, size_t count, size_t size)
{
	size_t wanted = *capacity ? *capacity * 2 : 64;
	void *grown;

	if (count < *capacity)
		return 0;
	grown = realloc(*items, wanted * size);
	if (!grown)
		return -ENOMEM;
	*items = grown;
	*capacity = wanted;
	return 0;
}

/* Replaces *text by the clean form; true where that changed it. NULL leaves it alone. */
static bool set_text(struct known *known, enum redact_kind kind, char **text, const char *raw)
{
	const char *clean;
	size_t size;
	char *copy;

	if (!raw)
		return false;
	clean = texts_clean(known->texts, kind, raw, strlen(raw), &size);
	if (*text && !strcmp(*text, clean))
		return false;
	copy = strdup(clean);
	if (!copy)
		return false;
	free(*text);
	*text = copy;
	return true;
}

static struct known_process *find_process(const struct known *known, uint32_t id)
{
	const uint64_t *place = map_find(&known->process_places, id);

	return place && *place ? &known->processes[*place - 1] : NULL;
}

static struct known_process *add_process(struct known *known, uint32_t id)
{
	uint64_t *place;

	if (grow((void **)&known->processes, &known->process_capacity, known->process_count,
		    sizeof(*known->processes)))
		return NULL;
	place = map_at(&known->process_places, id);
	if (!place)
		return NULL;
	known->processes[known->process_count] = (struct known_process){.facts.id = id};
	*place = ++known->process_count;
	return &known->processes[*place - 1];
}

static bool same_process(const struct pack_process *a, const struct pack_process *b)
{
	return a->pid == b->pid && a->parent_pid == b->parent_pid && a->birth == b->birth &&
		a->start_ticks == b->start_ticks && a->end_ticks == b->end_ticks &&
		a->status == b->status && a->status_known == b->status_known;
}

int known_put_process(struct known *known, const struct pack_process *facts)
{
	struct known_process *process = find_process(known, facts->id);
	bool changed = !process;

	if (!process)
		process = add_process(known, facts->id);
	if (!process)
		return -ENOMEM;
	changed |= !same_process(&process->facts, facts);
	process->facts = *facts;
	changed |= set_text(known, REDACT_PATH, &process->program, facts->program);
	changed |= set_text(known, REDACT_PATH, &process->script, facts->script);
	process->due |= changed;
	known->due |= changed;
	return 0;
}

struct known_thread *known_thread(struct known *known, uint32_t id)
{
	uint64_t *place = map_at(&known->thread_places, id);

	if (!place)
		return NULL;
	if (*place)
		return &known->threads[*place - 1];
	if (grow((void **)&known->threads, &known->thread_capacity, known->thread_count,
		    sizeof(*known->threads)))
		return NULL;
	known->threads[known->thread_count] = (struct known_thread){
		.facts.id = id,
		.rate = 1,
		.due = true,
	};
	known->due = true;
	*place = ++known->thread_count;
	return &known->threads[*place - 1];
}

static bool same_thread(const struct pack_thread *a, const struct pack_thread *b)
{
	return a->process == b->process && a->tid == b->tid && a->creator_tid == b->creator_tid &&
		a->start_ticks == b->start_ticks && a->end_ticks == b->end_ticks;
}

static void count_thread(struct known *known, uint32_t process_id, int change)
{
	struct known_process *process = find_process(known, process_id);

	if (process)
		process->threads += (uint32_t)change;
}

int known_put_thread(struct known *known, const struct pack_thread *facts)
{
	struct known_thread *thread = known_thread(known, facts->id);
	bool changed;

	if (!thread)
		return -ENOMEM;
	if (thread->facts.process != facts->process) {
		count_thread(known, thread->facts.process, -1);
		count_thread(known, facts->process, 1);
	}
	changed = !same_thread(&thread->facts, facts);
	thread->facts = *facts;
	changed |= set_text(known, REDACT_NAME, &thread->name, facts->name);
	thread->due |= changed;
	known->due |= changed;
	return 0;
}

static void drop_thread(struct known *known, size_t index)
{
	struct known_thread *thread = &known->threads[index];
	struct known_thread *last = &known->threads[--known->thread_count];

	count_thread(known, thread->facts.process, -1);
	map_remove(&known->thread_places, thread->facts.id);
	free(thread->name);
	if (thread == last)
		return;
	*thread = *last;
	*map_find(&known->thread_places, thread->facts.id) = index + 1;
}

void known_forget_thread(struct known *known, uint32_t id)
{
	uint64_t *place = map_find(&known->thread_places, id);
	struct known_thread *thread;

	if (!place || !*place)
		return;
	thread = &known->threads[*place - 1];
	if (thread->due || thread->section)
		thread->ended = true;
	else
		drop_thread(known, *place - 1);
}

void known_use_thread(struct known *known, uint32_t id)
{
	struct known_thread *thread = id ? known_thread(known, id) : NULL;

	if (thread)
		thread->due = true;
}

void known_use_process(struct known *known, uint32_t id)
{
	struct known_process *process = find_process(known, id);

	if (process)
		process->due = true;
}

void known_repeat_all(struct known *known)
{
	for (size_t i = 0; i < known->process_count; i++)
		known->processes[i].due = true;
	for (size_t i = 0; i < known->thread_count; i++)
		known->threads[i].due = true;
}

static uint32_t text_of(struct batch *batch, const char *text)
{
	return text ? batch_text(batch, text, strlen(text)) : 0;
}

static void fill_process(struct known_process *process, struct batch *batch)
{
	Ragtime__Raw__Process row = RAGTIME__RAW__PROCESS__INIT;
	const struct pack_process *facts = &process->facts;

	row.id = facts->id;
	row.pid = facts->pid;
	row.parent_pid = facts->parent_pid;
	row.program = text_of(batch, process->program);
	row.script = text_of(batch, process->script);
	row.birth = facts->birth;
	row.start_ticks = facts->start_ticks;
	row.end_ticks = facts->end_ticks;
	row.status = facts->status;
	row.known = facts->status_known;
	batch_row(batch, TABLE_PROCESS, &row);
	process->due = false;
}

static void fill_thread(struct known_thread *thread, struct batch *batch)
{
	Ragtime__Raw__Thread row = RAGTIME__RAW__THREAD__INIT;
	const struct pack_thread *facts = &thread->facts;

	row.id = facts->id;
	row.process = facts->process;
	row.tid = facts->tid;
	row.name = text_of(batch, thread->name);
	row.start_ticks = facts->start_ticks;
	row.end_ticks = facts->end_ticks;
	row.creator_tid = facts->creator_tid;
	batch_row(batch, TABLE_THREAD, &row);
	thread->due = false;
}

void known_fill(struct known *known, struct batch *batch)
{
	for (size_t i = 0; i < known->thread_count; i++) {
		struct known_thread *thread = &known->threads[i];
		struct known_process *process;

		if (!thread->due && !thread->section)
			continue;
		process = find_process(known, thread->facts.process);
		if (process)
			process->due = true;
		fill_thread(thread, batch);
	}
	for (size_t i = 0; i < known->process_count; i++) {
		if (known->processes[i].due)
			fill_process(&known->processes[i], batch);
	}
	operations_fill(&known->operations, batch);
}

static void drop_process(struct known *known, size_t index)
{
	struct known_process *process = &known->processes[index];
	struct known_process *last = &known->processes[--known->process_count];

	map_remove(&known->process_places, process->facts.id);
	free(process->program);
	free(process->script);
	if (process == last)
		return;
	*process = *last;
	*map_find(&known->process_places, process->facts.id) = index + 1;
}

void known_sweep(struct known *known)
{
	for (size_t i = known->thread_count; i-- > 0;) {
		struct known_thread *thread = &known->threads[i];

		known_look_back(thread);
		thread->section = NULL;
		if (thread->ended)
			drop_thread(known, i);
	}
	for (size_t i = known->process_count; i-- > 0;) {
		if (known->processes[i].facts.end_ticks && !known->processes[i].threads)
			drop_process(known, i);
	}
	known->due = false;
}
