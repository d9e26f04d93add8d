/* SPDX-License-Identifier: Apache-2.0 */
#include "loader/capture/drain_outside.h"

#include <stdio.h>
#include <stdlib.h>

#include "loader/capture/drain_state.h"
#include "loader/stream/connection.h"

static struct process_name name_of(const struct drain *drain, pid_t pid)
{
	return (struct process_name){.pid = pid, .space = drain->pid_space};
}

void outside_process(struct drain *drain, const struct outside_process *facts)
{
	struct process_name name = name_of(drain, facts->pid);
	struct rt_record mark = {
		.start = facts->ticks,
		.kind = RT_EV_process_start,
		.arg = (uint64_t)facts->parent,
		.result = facts->birth,
	};

	if (process_announce(&drain->processes, drain->pack, &name, &mark, facts->program))
		drain->totals.processes++;
}

void outside_process_ended(struct drain *drain, pid_t pid, int status, uint64_t ticks)
{
	struct process_name name = name_of(drain, pid);
	struct process *process = process_find(&drain->processes, &name);

	if (!process)
		return;
	process_set_status(process, status);
	process->exit_ticks = ticks;
	if (pid == drain->target)
		drain->target_status = status < 0 ? 128 - status : status;
}

static bool is_same(const struct thread *left, const struct thread *right)
{
	return left->tid == right->tid && left->of.pid == right->of.pid &&
		left->of.space == right->of.space && !left->end_ticks;
}

struct thread *outside_find(const struct drain *drain, const struct thread *thread)
{
	struct thread *twin = drain->outside;

	while (twin && !is_same(twin, thread))
		twin = twin->next_outside;
	return twin;
}

static const struct thread *find_inside(const struct drain *drain, const struct thread *thread)
{
	for (uint32_t i = 0; i < drain->live_count; i++)
		if (drain->live[i]->id && is_same(drain->live[i], thread))
			return drain->live[i];
	return NULL;
}

struct thread *outside_begin(struct drain *drain, const struct outside_thread *facts)
{
	struct thread *thread = calloc(1, sizeof(*thread));
	const struct thread *twin;

	if (!thread)
		return NULL;
	thread->of = name_of(drain, facts->pid);
	thread->tid = facts->tid;
	thread->creator_tid = facts->creator;
	thread->start_ticks = facts->start_ticks;
	snprintf(thread->name, sizeof(thread->name), "%s", facts->name);
	thread->process =
		process_of(&drain->processes, drain->pack, &thread->of, facts->start_ticks);
	if (!thread->process) {
		free(thread);
		return NULL;
	}
	twin = find_inside(drain, thread);
	thread->guest = twin != NULL;
	thread->id = twin ? twin->id : ++drain->last_thread_id;
	thread->process->threads++;
	thread->next_outside = drain->outside;
	drain->outside = thread;
	if (twin)
		return thread;
	drain->totals.threads++;
	thread_declare(thread, drain->pack);
	return thread;
}

void outside_end(struct drain *drain, struct thread *thread, uint64_t end_ticks)
{
	struct thread **at = &drain->outside;

	while (*at && *at != thread)
		at = &(*at)->next_outside;
	if (*at)
		*at = thread->next_outside;
	thread->end_ticks = end_ticks;
	if (!thread->guest)
		thread_declare(thread, drain->pack);
	if (end_ticks && !thread->guest)
		pack_forget_thread(drain->pack, thread->id);
	thread->process->threads--;
	free(thread);
}

void outside_name(struct drain *drain, struct thread *thread, const char *name)
{
	snprintf(thread->name, sizeof(thread->name), "%s", name);
	if (!thread->guest)
		thread_declare(thread, drain->pack);
}

void outside_take(
	struct drain *drain, struct thread *thread, const struct rt_record *records, size_t slots)
{
	drain->totals.records += slots;
	if (!drain->totals.first_ticks)
		drain->totals.first_ticks = records->start;
	drain->current = thread;
	pack_records(drain->pack, thread->id, records, slots, 0);
	drain->current = NULL;
}

void outside_handshake(struct drain *drain, const struct thread *thread)
{
	if (drain->connections)
		connections_handshake(drain->connections, thread->process->id);
}

uint32_t outside_id(const struct thread *thread)
{
	return thread->id;
}

void outside_settled(struct drain *drain, uint64_t ticks)
{
	drain->outside_settled = ticks;
}
