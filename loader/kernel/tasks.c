/* SPDX-License-Identifier: Apache-2.0 */
/* Who there is: threads and processes, from their births to their ends. */
#include "loader/kernel/tasks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "loader/capture/drain_outside.h"
#include "loader/capture/thread.h"
#include "loader/kernel/programs.h"
#include "loader/kernel/samples.h"
#include "loader/kernel/sockets.h"
#include "loader/kernel/task_state.h"
#include "loader/target/procfs.h"

#define SENDING_MAX 1000000000ull

struct tasks *tasks_new(struct drain *drain, struct pack *pack, const struct ticks *ticks)
{
	struct tasks *tasks = calloc(1, sizeof(*tasks));

	if (!tasks)
		return NULL;
	tasks->drain = drain;
	tasks->pack = pack;
	tasks->ticks = ticks;
	return tasks;
}

void tasks_set_sockets(struct tasks *tasks, struct sockets *sockets)
{
	tasks->sockets = sockets;
}

void tasks_set_programs(struct tasks *tasks, struct programs *programs)
{
	tasks->programs = programs;
}

void tasks_set_samples(struct tasks *tasks, struct samples *samples)
{
	tasks->samples = samples;
}

void tasks_set_beside(struct tasks *tasks, bool beside)
{
	tasks->beside = beside;
}

void tasks_observe(struct tasks *tasks, const struct tasks_observer *observer)
{
	tasks->observer = *observer;
}

static struct task *entry_task(const struct map_entry *entry)
{
	return entry->used ? (struct task *)(uintptr_t)entry->value : NULL;
}

void tasks_free(struct tasks *tasks)
{
	if (!tasks)
		return;
	for (size_t i = 0; i < tasks->by_tid.capacity; i++)
		free(entry_task(&tasks->by_tid.entries[i]));
	map_free(&tasks->by_tid);
	free(tasks);
}

uint64_t tasks_ticks(const struct tasks *tasks, uint64_t ns)
{
	const struct tick_pair *last = &tasks->ticks->last;
	double per_ns;

	if (tasks->ticks->slow)
		return ns;
	per_ns = (double)ticks_per_second(tasks->ticks) / 1e9;
	return last->ticks +
		(uint64_t)(int64_t)((double)(int64_t)(ns - last->monotonic_ns) * per_ns);
}

static struct task *find(const struct tasks *tasks, uint32_t tid)
{
	uint64_t *place = map_find(&tasks->by_tid, tid);

	return place ? (struct task *)(uintptr_t)*place : NULL;
}

static void read_name(pid_t pid, pid_t tid, char *name, size_t size)
{
	char path[48];

	snprintf(path, sizeof(path), "task/%d/comm", (int)tid);
	procfs_read(pid, path, name, size);
	name[strcspn(name, "\n")] = '\0';
}

static struct task *add(struct tasks *tasks, pid_t pid, pid_t tid, pid_t creator, uint64_t ns)
{
	uint64_t *place = map_at(&tasks->by_tid, (uint64_t)tid);
	struct task *task = place && !*place ? calloc(1, sizeof(*task)) : NULL;
	struct outside_thread facts = {
		.pid = pid, .tid = tid, .creator = creator, .start_ticks = tasks_ticks(tasks, ns)};
	char name[32];

	if (!task)
		return NULL;
	read_name(pid, tid, name, sizeof(name));
	facts.name = name;
	task->thread = outside_begin(tasks->drain, &facts);
	if (!task->thread) {
		free(task);
		map_remove(&tasks->by_tid, (uint64_t)tid);
		return NULL;
	}
	task->all = tasks;
	task->tid = tid;
	task->pid = pid;
	task->known_ns = ns;
	*place = (uint64_t)(uintptr_t)task;
	return task;
}

struct adoption {
	struct tasks *tasks;
	pid_t pid;
	uint64_t ns;
};

static bool adopt_thread(void *context, int tid)
{
	struct adoption *adoption = context;
	struct task *task = find(adoption->tasks, (uint32_t)tid)
		? NULL
		: add(adoption->tasks, adoption->pid, tid, 0, adoption->ns);

	if (task)
		task->adopted = true;
	return true;
}

void tasks_adopt(struct tasks *tasks, pid_t pid, uint64_t ns)
{
	struct adoption adoption = {tasks, pid, ns};
	char program[4096];
	struct outside_process facts = {.pid = pid,
		.birth = RT_BIRTH_ATTACH,
		.program = program,
		.ticks = tasks_ticks(tasks, ns)};
	uint64_t parent = 0;

	if (!find(tasks, (uint32_t)pid) && !tasks->beside) {
		procfs_link(pid, "exe", program, sizeof(program));
		procfs_status(pid, "PPid", 10, &parent);
		facts.parent = (pid_t)parent;
		outside_process(tasks->drain, &facts);
	}
	procfs_numbers(pid, "task", adopt_thread, &adoption);
}

void task_flush(struct task *task)
{
	if (task->record_count)
		outside_take(task->all->drain, task->thread, task->records, task->record_count);
	task->record_count = 0;
}

static void put_large(
	struct task *task, const struct rt_record *record, const struct rt_bytes_of *tail)
{
	struct rt_record *large = task->all->large;
	size_t size = tail->size < RT_TAIL_MAX ? tail->size : RT_TAIL_MAX;
	struct rt_tail head = {
		.size = (uint16_t)size, .type = (uint8_t)tail->type, .info = tail->info};

	task_flush(task);
	large[0] = *record;
	large[0].flags |= RT_FLAG_TAIL;
	memcpy(&large[1], &head, RT_TAIL_HEAD);
	memcpy((uint8_t *)&large[1] + RT_TAIL_HEAD, tail->bytes, size);
	outside_take(task->all->drain, task->thread, large, 1 + RT_TAIL_SLOTS(size));
}

void task_put(struct task *task, const struct rt_record *record, const struct rt_bytes_of *tail)
{
	if (tail) {
		put_large(task, record, tail);
		return;
	}
	if (task->record_count == TASK_RECORDS)
		task_flush(task);
	task->records[task->record_count++] = *record;
	if (!task->in_flush) {
		task->in_flush = true;
		task->next_flush = task->all->flush;
		task->all->flush = task;
	}
}

void tasks_flush(struct tasks *tasks)
{
	while (tasks->flush) {
		struct task *task = tasks->flush;

		tasks->flush = task->next_flush;
		task->in_flush = false;
		task_flush(task);
	}
}

void tasks_mark(struct tasks *tasks, pid_t pid, const struct rt_record *mark,
	const struct rt_bytes_of *tail)
{
	struct task *task = find(tasks, (uint32_t)pid);

	if (task)
		task_put(task, mark, tail);
}

uint64_t tasks_sending_since(const struct tasks *tasks, uint64_t latest)
{
	uint64_t since = latest;

	for (size_t i = 0; i < tasks->by_tid.capacity; i++) {
		const struct task *task = entry_task(&tasks->by_tid.entries[i]);

		for (unsigned k = 0; task && k < task->depth; k++) {
			const struct task_call *call = &task->open[k];

			if (calls_sends(call) && call->ns < since &&
				latest - call->ns < SENDING_MAX)
				since = call->ns - 1;
		}
	}
	return since;
}

/* Those that the kernel's side keeps. */
static void tell_kernel_counts(struct task *task, bool last)
{
	static const uint16_t kinds[RK_COUNTS] = {
		[RK_COUNT_FAULT] = RT_EV_page_fault,
		[RK_COUNT_RECLAIM] = RT_EV_reclaim,
		[RK_COUNT_DISK_READ] = RT_EV_disk_read,
		[RK_COUNT_DISK_WRITE] = RT_EV_disk_write,
	};
	struct rk_counts counts;

	if (!programs_counts(task->all->programs, (uint32_t)task->tid, &counts, last))
		return;
	for (size_t i = 0; i < RK_COUNTS; i++)
		if (counts.of[i].calls)
			pack_counter(task->all->pack, outside_id(task->thread), kinds[i],
				counts.of[i].calls, counts.of[i].bytes);
}

static void tell_counts(struct task *task)
{
	for (uint32_t i = 0; task->counts_changed && i < RT_COUNTED_MAX; i++)
		if (task->counts[i].calls)
			pack_counter(task->all->pack, outside_id(task->thread),
				RT_COUNTED_FIRST + i, task->counts[i].calls, task->counts[i].bytes);
	task->counts_changed = false;
}

static void tell_open(const struct task *task)
{
	for (unsigned i = 0; i < task->depth; i++) {
		const struct task_call *call = &task->open[i];
		uint32_t kind = call->library ? call->number : calls_kind(call);

		if (kind >= RT_COUNTED_FIRST + RT_COUNTED_MAX)
			pack_open_call(task->all->pack, outside_id(task->thread), kind,
				tasks_ticks(task->all, call->ns), calls_open_arg(call), i);
	}
}

/* end_ns 0: it lives on. */
static void end_task(struct task *task, uint64_t end_ns)
{
	struct tasks *tasks = task->all;
	struct task **at = &tasks->flush;

	tell_counts(task);
	tell_kernel_counts(task, true);
	task_flush(task);
	while (task->in_flush && *at != task)
		at = &(*at)->next_flush;
	if (task->in_flush)
		*at = task->next_flush;
	outside_end(tasks->drain, task->thread, end_ns ? tasks_ticks(tasks, end_ns) : 0);
	map_remove(&tasks->by_tid, (uint64_t)task->tid);
	free(task);
}

/* Those of a process, but the one. */
static void end_others(struct tasks *tasks, pid_t pid, const struct task *but, uint64_t ns)
{
	for (size_t i = 0; i < tasks->by_tid.capacity; i++) {
		struct task *task = entry_task(&tasks->by_tid.entries[i]);

		if (!task || task->pid != pid || task == but)
			continue;
		end_task(task, ns);
		i = (size_t)-1; /* what is removed moves others up */
	}
}

static void born(struct tasks *tasks, struct task *parent, const struct rk_note *note)
{
	pid_t tid = (pid_t)note->a, pid = (pid_t)note->b;
	struct outside_process facts = {.pid = pid,
		.parent = (pid_t)note->pid,
		.birth = RT_BIRTH_FORK,
		.program = "",
		.ticks = tasks_ticks(tasks, note->ns)};
	struct task *before = find(tasks, (uint32_t)tid);
	char program[4096];

	if (before)
		end_task(before, note->ns);
	if (parent)
		parent->made_thread = pid == (pid_t)note->pid;
	if (pid != (pid_t)note->pid) {
		if (procfs_link(pid, "exe", program, sizeof(program)) > 0)
			facts.program = program;
		outside_process(tasks->drain, &facts);
		sockets_forked(tasks->sockets, (pid_t)note->pid, pid);
	}
	add(tasks, pid, tid, (pid_t)note->tid, note->ns);
	if (pid != (pid_t)note->pid)
		tasks->observer.forked(tasks->observer.context, pid);
}

/* Its other threads are gone; the one that goes on takes the process's number. */
static void new_program(struct tasks *tasks, struct task *task, const struct rk_note *note)
{
	char path[RK_ROOM_SMALL + 1];
	pid_t pid = (pid_t)note->pid;
	struct outside_process facts = {.pid = pid,
		.birth = RT_BIRTH_EXEC,
		.program = path,
		.ticks = tasks_ticks(tasks, note->ns)};
	uint64_t parent = 0;

	snprintf(path, sizeof(path), "%.*s", (int)note->size, (const char *)note->bytes);
	if (task)
		task_exec_done(task, note);
	end_others(tasks, pid, NULL, note->ns);
	procfs_status(pid, "PPid", 10, &parent);
	facts.parent = (pid_t)parent;
	outside_process(tasks->drain, &facts);
	add(tasks, pid, pid, 0, note->ns);
	tasks->observer.began(tasks->observer.context, pid);
}

static void died(struct tasks *tasks, struct task *task, const struct rk_note *note)
{
	int status = (int)note->a;

	if (note->b) {
		outside_process_ended(tasks->drain, (pid_t)note->pid,
			WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status),
			tasks_ticks(tasks, note->ns));
		sockets_ended(tasks->sockets, (pid_t)note->pid);
		tasks->observer.ended(tasks->observer.context, (pid_t)note->pid);
	}
	if (task)
		end_task(task, note->ns);
	if (note->b)
		end_others(tasks, (pid_t)note->pid, NULL, note->ns);
}

static void tell_opened(struct tasks *tasks, const struct rk_note *note)
{
	char path[RK_ROOM_MEDIUM + 1];

	snprintf(path, sizeof(path), "%.*s", (int)note->size, (const char *)note->bytes);
	tasks->observer.opened(tasks->observer.context, (pid_t)note->pid, path);
}

static struct task *of_note(struct tasks *tasks, const struct rk_note *note)
{
	struct task *task = find(tasks, note->tid);

	return task ? task : add(tasks, (pid_t)note->pid, (pid_t)note->tid, 0, note->ns);
}

void tasks_note(void *context, const struct rk_note *note)
{
	struct tasks *tasks = context;
	struct task *task;

	switch (note->type) {
	case RK_FORK:
		born(tasks, find(tasks, note->tid), note);
		return;
	case RK_EXEC:
		task = find(tasks, (uint32_t)note->a);
		new_program(tasks, task ? task : find(tasks, note->tid), note);
		return;
	case RK_DIED:
		died(tasks, find(tasks, note->tid), note);
		return;
	}
	task = of_note(tasks, note);
	if (!task)
		return;
	if (note->type == RK_CALL) {
		task_call(task, note);
		return;
	}
	if (note->type == RK_TCP) {
		task->tcp = (struct rt_tcp){(uint32_t)note->a, (uint32_t)note->b};
		task->tcp_ns = note->ns;
		return;
	}
	if (note->type == RK_SAMPLE) {
		if (tasks->samples)
			samples_take(tasks->samples, outside_id(task->thread), note,
				tasks_ticks(tasks, note->ns));
		return;
	}
	if (note->type == RK_RETURN || note->type == RK_FREED) {
		note->type == RK_RETURN ? task_return(task, note) : task_freed(task, note);
		return;
	}
	if (task->notes_ns != note->ns)
		task_forget_notes(task);
	task->notes_ns = note->ns;
	if (note->type == RK_PATH)
		tell_opened(tasks, note);
	if (note->type == RK_PATH || note->type == RK_ADDRESS)
		task->tail = note;
	else if (note->type == RK_ENDS)
		task->ends = note;
	else if (note->type == RK_DATA && task->data_count < TASK_DATA)
		task->data[task->data_count++] = note;
}

void tasks_edge(void *context, const struct rk_edge *edge)
{
	struct tasks *tasks = context;
	struct task *task = find(tasks, edge->tid);

	/* on its way out: its end has been told */
	if (!task && (edge->type == RK_OFF || edge->type == RK_ON) &&
		!thread_exists((pid_t)edge->pid, (pid_t)edge->tid))
		return;
	if (!task)
		task = add(tasks, (pid_t)edge->pid, (pid_t)edge->tid, 0, edge->ns);
	if (!task)
		return;
	if (edge->type == RK_ENTER)
		task_enter(task, edge);
	else if (edge->type == RK_EXIT)
		task_exit(task, edge);
	else if (edge->type == RK_OFF)
		task_off(task, edge);
	else if (edge->type == RK_ON)
		task_on(task, edge);
}

void tasks_sample(struct tasks *tasks)
{
	for (size_t i = 0; i < tasks->by_tid.capacity; i++) {
		struct task *task = entry_task(&tasks->by_tid.entries[i]);

		if (!task)
			continue;
		tell_counts(task);
		tell_kernel_counts(task, false);
	}
}

uint64_t tasks_tell_drops(
	struct tasks *tasks, tasks_drops_fn *drops, void *context, uint64_t from_ns, uint64_t to_ns)
{
	uint64_t told = 0;

	for (size_t i = 0; i < tasks->by_tid.capacity; i++) {
		struct task *task = entry_task(&tasks->by_tid.entries[i]);
		uint64_t count = task ? drops(context, (uint32_t)task->tid) : 0;

		if (count)
			pack_loss(tasks->pack, outside_id(task->thread), RT_LOSS_kernel_full, count,
				from_ns, to_ns);
		told += count;
	}
	return told;
}

void tasks_finish(struct tasks *tasks)
{
	for (size_t i = 0; i < tasks->by_tid.capacity; i++) {
		struct task *task = entry_task(&tasks->by_tid.entries[i]);

		if (!task)
			continue;
		tell_open(task);
		end_task(task, 0);
		i = (size_t)-1;
	}
}

void tasks_restart(struct tasks *tasks, uint64_t ns, tasks_process_fn *process, void *context)
{
	for (size_t i = 0; i < tasks->by_tid.capacity; i++) {
		struct task *task = entry_task(&tasks->by_tid.entries[i]);

		if (!task)
			continue;
		task->depth = 0;
		task->off_ns = 0;
		task->began = false;
		task->adopted = true;
		task->known_ns = ns;
		process(context, task->pid);
	}
}

uint64_t tasks_cut(const struct tasks *tasks)
{
	return tasks->cut;
}

bool tasks_have_live(const struct tasks *tasks)
{
	for (size_t i = 0; i < tasks->by_tid.capacity; i++) {
		const struct task *task = entry_task(&tasks->by_tid.entries[i]);

		if (task && thread_exists(task->pid, task->tid))
			return true;
	}
	return false;
}
