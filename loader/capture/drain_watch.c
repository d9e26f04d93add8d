/* SPDX-License-Identifier: Apache-2.0 */
/* Beside the passes: who still lives, what processes use, and the end. */
#include <stdlib.h>

#include "loader/capture/drain_state.h"
#include "loader/capture/usage.h"

#define USAGES_A_SECOND 64
#define EXIT_TAKES_NS 2000000000ull

/*
 * A pid of another namespace says nothing here. Such a thread is held to live until it has said
 * that it ends, and then for as long as it may take to.
 */
bool drain_thread_lives(const struct drain *drain, const struct thread *thread)
{
	if (!thread->of.foreign)
		return thread_exists(thread->of.pid, thread->tid);
	return !thread->exits || drain->now_ns - thread->exits_ns < EXIT_TAKES_NS;
}

static bool slot_may_write(void *context, uint32_t slot, uint32_t generation)
{
	const struct drain *drain = context;
	const struct rt_slot *shared = &drain->region->slot[slot];

	return __atomic_load_n(&shared->state, __ATOMIC_ACQUIRE) != RT_SLOT_FREE &&
		__atomic_load_n(&shared->generation, __ATOMIC_RELAXED) == generation;
}

bool drain_is_tight(const struct drain *drain)
{
	return drain->adopted > drain->region->slots / 8;
}

static bool process_exists(const struct process *process)
{
	if (process->name.foreign)
		return process->threads > 0;
	return thread_exists(process->name.pid, process->name.pid);
}

void drain_check_threads(struct drain *drain)
{
	bool tight = drain_is_tight(drain);

	drain->adopted = 0;
	drain->now_ns = monotonic_ns();
	for (uint32_t i = drain->live_count; i-- > 0;) {
		struct thread *thread = drain->live[i];

		if (thread->busy && !tight)
			thread->busy = false;
		else if (!drain_thread_lives(drain, thread))
			drain_retire(drain, thread, !thread->exits);
	}
	for (struct process *at = drain->processes.first; at; at = at->next) {
		if (!at->end_ticks && !at->threads && !process_exists(at))
			process_end(at, drain->pack, ticks_now(drain->ticks));
	}
	processes_forget_ended(&drain->processes);
	region_sweep(drain->region, slot_may_write, drain);
}

static void tell_region_count(
	struct drain *drain, uint64_t *told, const __u64 *shared, uint32_t reason)
{
	uint64_t now = __atomic_load_n(shared, __ATOMIC_RELAXED);

	if (now > *told) {
		pack_loss(drain->pack, 0, reason, now - *told, drain->told_ns, drain->now_ns);
		if (reason == RT_LOSS_no_slot)
			drain->totals.lost += now - *told;
	}
	*told = now;
}

/* A run with very many processes samples them in turns. */
static void sample_usages(struct drain *drain)
{
	unsigned budget = USAGES_A_SECOND;
	struct process *at = drain->processes.first;

	while (at && drain->last_sampled && at->name.pid != drain->last_sampled)
		at = at->next;
	at = at ? at->next : NULL;
	drain->last_sampled = 0;
	for (at = at ? at : drain->processes.first; at && budget; at = at->next) {
		struct pack_usage usage = {.process = at->id};

		if (at->end_ticks || at->name.foreign || !usage_read(at->name.pid, &usage))
			continue;
		pack_usage(drain->pack, &usage);
		if (--budget == 0)
			drain->last_sampled = at->name.pid;
	}
}

static void sample_thread(struct drain *drain, const struct thread *thread)
{
	struct pack_usage usage = {.thread = thread->id};

	if (!thread->id || thread->of.foreign || !thread->process ||
		!usage_read_thread(thread->of.pid, thread->tid, &usage))
		return;
	usage.process = thread->process->id;
	pack_usage(drain->pack, &usage);
}

/* In turns too. */
static void sample_threads(struct drain *drain)
{
	uint32_t budget = drain->live_count < USAGES_A_SECOND ? drain->live_count : USAGES_A_SECOND;

	while (budget--) {
		if (drain->next_sampled >= drain->live_count)
			drain->next_sampled = 0;
		sample_thread(drain, drain->live[drain->next_sampled++]);
	}
}

void drain_sample(struct drain *drain)
{
	const struct rt_region *head = drain->region->head;

	drain->now_ns = monotonic_ns();
	sample_usages(drain);
	sample_threads(drain);
	for (uint32_t i = 0; i < drain->live_count; i++)
		thread_tell_counts(drain->live[i], drain->region, drain->pack);
	tell_region_count(drain, &drain->told_no_slot, &head->lost_no_slot, RT_LOSS_no_slot);
	tell_region_count(
		drain, &drain->told_untraced, &head->untraced_exec, RT_LOSS_untraced_exec);
	tell_region_count(drain, &drain->told_refused, &head->patch_refused, RT_LOSS_refused);
	drain->told_ns = drain->now_ns;
}

static struct process *find_own(struct drain *drain, pid_t pid)
{
	struct process_name name = {.pid = pid, .space = drain->pid_space};

	return process_find(&drain->processes, &name);
}

void drain_sample_last(struct drain *drain, pid_t pid)
{
	struct process *process;
	struct pack_usage usage = {0};

	/* a short program's first record may still lie in its ring */
	drain_pass(drain);
	process = find_own(drain, pid);
	if (!process || !usage_read(pid, &usage))
		return;
	usage.process = process->id;
	pack_usage(drain->pack, &usage);
	for (uint32_t i = 0; i < drain->live_count; i++)
		if (drain->live[i]->process == process && drain->live[i]->tid == pid)
			sample_thread(drain, drain->live[i]);
}

void drain_process_ended(struct drain *drain, pid_t pid, int64_t status)
{
	struct process *process = find_own(drain, pid);

	if (process)
		process_set_status(process, status);
}

int drain_target_status(const struct drain *drain)
{
	return drain->target_status;
}

void drain_finish(struct drain *drain)
{
	while (drain_pass(drain) > RT_CHUNK_RECORDS)
		;
	drain_sample(drain);
	while (drain->live_count) {
		struct thread *thread = drain->live[drain->live_count - 1];
		bool exists = drain_thread_lives(drain, thread);

		if (!exists) {
			drain_retire(drain, thread, true);
			continue;
		}
		/* it goes on without us: its slot stays its own */
		thread_tell_open(thread, drain->region, drain->pack);
		thread_declare(thread, drain->pack);
		free(thread);
		drain->live_count--;
	}
	for (struct process *at = drain->processes.first; at; at = at->next) {
		if (!at->end_ticks && !process_exists(at))
			process_end(at, drain->pack, ticks_now(drain->ticks));
	}
}

void drain_totals(const struct drain *drain, struct drain_totals *totals)
{
	*totals = drain->totals;
	totals->live_threads = drain->live_count;
}

bool drain_has_live(const struct drain *drain)
{
	for (uint32_t i = 0; i < drain->live_count; i++) {
		const struct thread *thread = drain->live[i];

		if (thread->id && !thread->of.foreign && drain_thread_lives(drain, thread))
			return true;
	}
	return false;
}
