/* SPDX-License-Identifier: Apache-2.0 */
/* The passes over the shared region. */
#include "loader/capture/drain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loader/capture/thread.h"
#include "loader/capture/usage.h"

/* A thread may not keep a pass to itself. */
#define READS_A_PASS 64
#define USAGES_A_SECOND 64
#define EXIT_TAKES_NS 2000000000ull

struct drain {
	struct region *region;
	struct ticks *ticks;
	struct pack *pack;
	struct processes processes;
	struct thread *by_slot[RT_SLOTS_MAX];
	struct thread *live[RT_SLOTS_MAX];
	uint32_t live_count;
	uint32_t adopted; /* since the last look at the living */
	uint32_t last_thread_id;
	struct thread *current; /* whose records the pack is reading */
	pid_t follow_only;	/* 0: all */
	uint64_t pid_space;	/* of our own PID namespace */
	uint64_t now_ns;
	uint64_t told_no_slot, told_untraced, told_refused;
	uint64_t told_ns;
	pid_t last_sampled;
	struct drain_totals totals;
	struct rt_record records[RT_CHUNK_RECORDS]; /* out of the target's reach */
};

struct drain *drain_new(struct region *region, struct ticks *ticks)
{
	struct drain *drain = calloc(1, sizeof(*drain));
	struct stat space;

	if (!drain)
		return NULL;
	drain->region = region;
	drain->ticks = ticks;
	drain->told_ns = monotonic_ns();
	if (!stat("/proc/self/ns/pid", &space))
		drain->pid_space = space.st_ino;
	return drain;
}

void drain_free(struct drain *drain)
{
	if (!drain)
		return;
	for (uint32_t i = 0; i < drain->live_count; i++)
		free(drain->live[i]);
	processes_free(&drain->processes);
	free(drain);
}

void drain_set_pack(struct drain *drain, struct pack *pack)
{
	drain->pack = pack;
}

void drain_follow_only(struct drain *drain, pid_t pid)
{
	drain->follow_only = pid;
}

/* The tail of records[0] as text of at most `size` - 1 bytes; "" where there is none. */
static void tail_text(const struct rt_record *records, size_t slots, char *text, size_t size)
{
	struct rt_tail tail;
	size_t length;

	text[0] = '\0';
	if (!(records[0].flags & RT_FLAG_TAIL) || slots < 2)
		return;
	memcpy(&tail, &records[1], sizeof(tail));
	length = tail.size;
	if (1 + RT_TAIL_SLOTS(length) > slots)
		return;
	if (length >= size)
		length = size - 1;
	memcpy(text, (const uint8_t *)&records[1] + RT_TAIL_HEAD, length);
	text[length] = '\0';
}

/* A program has taken this pid: the threads of the one before it are gone. */
static void begin_process(
	struct drain *drain, struct thread *thread, const struct rt_record *mark, const char *path)
{
	struct process *before = thread->process;
	struct process *process =
		process_announce(&drain->processes, drain->pack, &thread->of, mark, path);

	if (!process)
		return;
	if (!drain->totals.first_ticks)
		drain->totals.first_ticks = mark->start;
	thread->changed = true;
	if (process == before)
		return;
	drain->totals.processes++;
	before->threads--;
	process->threads++;
	thread->process = process;
	for (uint32_t i = drain->live_count; i-- > 0;) {
		struct thread *other = drain->live[i];

		if (other->process != before)
			continue;
		if (other->start_ticks < thread->start_ticks) {
			other->gone = true;
			if (!other->end_ticks)
				other->end_ticks = mark->start;
			continue;
		}
		before->threads--;
		process->threads++;
		other->process = process;
		other->changed = true;
	}
}

void drain_mark(void *context, uint32_t id, const struct rt_record *record, const uint8_t *tail,
	size_t tail_size, unsigned tail_type)
{
	struct drain *drain = context;
	struct thread *thread = drain->current;

	if (!thread || thread->id != id)
		return;
	switch (record->kind) {
	case RT_EV_thread_start:
		thread->creator_tid = (pid_t)record->arg;
		thread->start_ticks = record->start;
		/* fall through */
	case RT_EV_thread_name:
		if (tail && tail_type == RT_TAIL_NAME) {
			size_t size = tail_size < sizeof(thread->name) - 1
				? tail_size
				: sizeof(thread->name) - 1;

			memcpy(thread->name, tail, size);
			thread->name[size] = '\0';
		}
		thread->changed = true;
		break;
	case RT_EV_thread_exit:
		thread->end_ticks = record->start;
		break;
	case RT_EV_process_exit:
		if (thread->process) {
			process_set_status(thread->process, record->result);
			thread->process->exit_ticks = record->start;
		}
		break;
	}
}

static void take_records(struct drain *drain, struct thread *thread, size_t slots)
{
	char path[4096];

	drain->totals.records += slots;
	thread->busy = true;
	if (!thread->id)
		return;
	if (thread->fresh && drain->records[0].kind == RT_EV_process_start) {
		tail_text(drain->records, slots, path, sizeof(path));
		begin_process(drain, thread, &drain->records[0], path);
	}
	if (thread->fresh || thread->changed) {
		thread->fresh = false;
		thread->changed = false;
		thread_declare(thread, drain->pack);
	}
	drain->current = thread;
	pack_records(drain->pack, thread->id, drain->records, slots, 0);
	drain->current = NULL;
	if (thread->changed) {
		thread->changed = false;
		thread_declare(thread, drain->pack);
	}
}

/* Its ring cannot be followed any further; what its thread goes on to write is lost. */
static void tell_damage(struct drain *drain, struct thread *thread)
{
	thread->ring.damaged = true;
	if (thread->told_damage)
		return;
	thread->told_damage = true;
	drain->totals.damaged++;
	if (thread->id)
		pack_loss(drain->pack, thread->id, RT_LOSS_damaged, 1, thread->told_ns,
			drain->now_ns);
}

static uint64_t read_thread(struct drain *drain, struct thread *thread, unsigned reads)
{
	uint64_t total = 0;
	int count = 0;

	while (reads-- && !thread->ring.damaged) {
		count = ring_read(&thread->ring, drain->region, drain->records);
		if (count <= 0)
			break;
		take_records(drain, thread, (size_t)count);
		total += (uint64_t)count;
	}
	if (thread->ring.damaged)
		tell_damage(drain, thread);
	drain->totals.lost += thread_tell_losses(thread, drain->region, drain->pack, drain->now_ns);
	return total;
}

/* Its thread is gone: tells the rest and frees its slot. killed: it may have left calls open. */
/* With its process: replaced by exec, or ended as it said it would; else no later than now. */
static uint64_t end_without_mark(const struct drain *drain, const struct process *process)
{
	if (process && process->end_ticks)
		return process->end_ticks;
	if (process && process->exit_ticks)
		return process->exit_ticks;
	return ticks_now(drain->ticks);
}

static void retire_thread(struct drain *drain, struct thread *thread, bool killed)
{
	struct process *process = thread->process;

	for (uint32_t i = 0; i < drain->live_count; i++) {
		if (drain->live[i] == thread) {
			drain->live[i] = drain->live[--drain->live_count];
			break;
		}
	}
	drain->by_slot[thread->ring.slot] = NULL;
	read_thread(drain, thread, UINT32_MAX);
	thread_tell_counts(thread, drain->region, drain->pack);
	if (killed)
		thread_tell_open(thread, drain->region, drain->pack);
	if (!thread->end_ticks)
		thread->end_ticks = end_without_mark(drain, process);
	thread_declare(thread, drain->pack);
	if (thread->id)
		pack_forget_thread(drain->pack, thread->id);
	ring_release(&thread->ring, drain->region);
	if (process)
		process->threads--;
	free(thread);
}

static bool is_followed(const struct drain *drain, const struct process_name *name)
{
	return !drain->follow_only || (drain->follow_only == name->pid && !name->foreign);
}

static struct thread *adopt_thread(struct drain *drain, uint32_t index)
{
	const struct rt_slot *slot = &drain->region->slot[index];
	struct thread *thread = calloc(1, sizeof(*thread));

	if (!thread)
		return NULL;
	thread->of.pid = (pid_t)__atomic_load_n(&slot->pid, __ATOMIC_RELAXED);
	thread->of.space = __atomic_load_n(&slot->pid_space, __ATOMIC_RELAXED);
	thread->of.foreign = thread->of.space != drain->pid_space;
	thread->tid = (pid_t)__atomic_load_n(&slot->tid, __ATOMIC_RELAXED);
	thread->start_ticks = __atomic_load_n(&slot->start, __ATOMIC_RELAXED);
	thread->told_ns = drain->now_ns;
	thread->fresh = true;
	thread->busy = true;
	ring_open(&thread->ring, index, __atomic_load_n(&slot->generation, __ATOMIC_RELAXED));
	return thread;
}

/* From here on it counts: a thread of this tid that we still hold must be gone. */
static void join_thread(struct drain *drain, struct thread *thread)
{
	for (uint32_t i = 0; i < drain->live_count; i++) {
		struct thread *other = drain->live[i];

		if (other->tid == thread->tid && other->of.pid == thread->of.pid &&
			other->of.space == thread->of.space) {
			if (!other->end_ticks)
				other->end_ticks = thread->start_ticks;
			retire_thread(drain, other, false);
			break;
		}
	}
	drain->by_slot[thread->ring.slot] = thread;
	drain->live[drain->live_count++] = thread;
	drain->adopted++;
	if (!is_followed(drain, &thread->of))
		return;
	thread->id = ++drain->last_thread_id;
	drain->totals.threads++;
	if (!process_find(&drain->processes, &thread->of))
		drain->totals.processes++;
	thread->process =
		process_of(&drain->processes, drain->pack, &thread->of, thread->start_ticks);
	if (thread->process)
		thread->process->threads++;
	else
		thread->id = 0;
}

static int by_start(const void *left, const void *right)
{
	const struct thread *a = *(struct thread *const *)left;
	const struct thread *b = *(struct thread *const *)right;

	return a->start_ticks < b->start_ticks ? -1 : a->start_ticks > b->start_ticks;
}

/*
 * Takes up the slots that have gone live, oldest claim first and its records with it: so a process
 * has told its name before its other threads are met. The number found.
 */
static uint32_t adopt_new(struct drain *drain, uint64_t *records)
{
	struct thread *found[RT_SLOTS_MAX];
	uint32_t count = 0;

	for (uint32_t i = 0; i < drain->region->slots; i++) {
		uint32_t state;

		if (drain->by_slot[i])
			continue;
		state = __atomic_load_n(&drain->region->slot[i].state, __ATOMIC_ACQUIRE);
		if (state != RT_SLOT_LIVE && state != RT_SLOT_EXITED)
			continue;
		found[count] = adopt_thread(drain, i);
		if (found[count])
			count++;
	}
	qsort(found, count, sizeof(found[0]), by_start);
	for (uint32_t i = 0; i < count; i++) {
		join_thread(drain, found[i]);
		*records += read_thread(drain, found[i], 1);
	}
	return count;
}

/*
 * A pid of another namespace says nothing here. Such a thread is held to live until it has said
 * that it ends, and then for as long as it may take to.
 */
static bool lives(const struct drain *drain, const struct thread *thread)
{
	if (!thread->of.foreign)
		return thread_exists(thread->of.pid, thread->tid);
	return !thread->exits || drain->now_ns - thread->exits_ns < EXIT_TAKES_NS;
}

/*
 * Has it said that it ends, and is it gone? At a process's exit the slots of all its threads say
 * so, while some may still write: a slot must not be given away before.
 */
static bool has_exited(struct drain *drain, struct thread *thread)
{
	const struct rt_slot *slot = &drain->region->slot[thread->ring.slot];
	uint32_t state = __atomic_load_n(&slot->state, __ATOMIC_ACQUIRE);

	if (thread->gone)
		return true;
	if (state == RT_SLOT_EXITED) {
		if (!thread->exits)
			thread->exits_ns = drain->now_ns;
		thread->exits = true;
		return !lives(drain, thread);
	}
	/* nobody but us may change these */
	if (state != RT_SLOT_LIVE ||
		__atomic_load_n(&slot->generation, __ATOMIC_RELAXED) != thread->ring.generation)
		thread->ring.damaged = true;
	return false;
}

uint64_t drain_pass(struct drain *drain)
{
	uint64_t records = 0;

	drain->now_ns = monotonic_ns();
	drain->totals.passes++;
	/* again after a find: a thread that went live during the scan may be older than one seen */
	while (adopt_new(drain, &records))
		;
	/* downwards: retiring one puts the last in its place */
	for (uint32_t i = drain->live_count; i-- > 0;) {
		struct thread *thread = drain->live[i];
		bool exited = has_exited(drain, thread);

		records += read_thread(drain, thread, READS_A_PASS);
		if (exited)
			retire_thread(drain, thread, false);
	}
	return records;
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
		else if (!lives(drain, thread))
			retire_thread(drain, thread, !thread->exits);
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

void drain_sample(struct drain *drain)
{
	const struct rt_region *head = drain->region->head;

	drain->now_ns = monotonic_ns();
	sample_usages(drain);
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
}

void drain_process_ended(struct drain *drain, pid_t pid, int64_t status)
{
	struct process *process = find_own(drain, pid);

	if (process)
		process_set_status(process, status);
}

void drain_finish(struct drain *drain)
{
	while (drain_pass(drain) > RT_CHUNK_RECORDS)
		;
	drain_sample(drain);
	while (drain->live_count) {
		struct thread *thread = drain->live[drain->live_count - 1];
		bool exists = lives(drain, thread);

		if (!exists) {
			retire_thread(drain, thread, true);
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

		if (thread->id && !thread->of.foreign && lives(drain, thread))
			return true;
	}
	return false;
}
