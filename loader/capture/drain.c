/* SPDX-License-Identifier: Apache-2.0 */
/* The passes over the shared region. */
#include "loader/capture/drain.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "loader/capture/drain_state.h"
#include "loader/capture/usage.h"
#include "loader/stream/connection.h"

/* A thread may not keep a pass to itself. */
#define READS_A_PASS 64

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

void drain_set_connections(struct drain *drain, struct connections *connections)
{
	drain->connections = connections;
}

void drain_set_target(struct drain *drain, pid_t pid)
{
	drain->target = pid;
	drain->target_status = -1;
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

/*
 * The system counts a process's CPU time on over exec: what is used by now is the last of one
 * program and the first of the next, but for what the new one has used since.
 */
static void tell_usage(struct drain *drain, pid_t pid, uint32_t ended, uint32_t begun)
{
	struct pack_usage usage;

	if (!usage_read(pid, &usage))
		return;
	usage.process = ended;
	pack_usage(drain->pack, &usage);
	if (!begun)
		return;
	usage.process = begun;
	pack_usage(drain->pack, &usage);
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
	if (!process->name.foreign)
		tell_usage(drain, process->name.pid, before->id, process->id);
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
			if (!thread->process->name.foreign)
				tell_usage(
					drain, thread->process->name.pid, thread->process->id, 0);
			if (thread->process->name.pid == drain->target &&
				!thread->process->name.foreign)
				drain->target_status = (int)record->result & 0xff;
		}
		break;
	case RT_EV_tls_peer:
		if (thread->process && drain->connections)
			connections_handshake(drain->connections, thread->process->id);
		break;
	case RT_EV_data:
		if (thread->process && drain->connections)
			connections_data(drain->connections, thread->process->id, id, record, tail,
				tail_size, tail_type);
		break;
	case RT_EV_connect:
	case RT_EV_accept:
	case RT_EV_bind:
		if (thread->process && drain->connections)
			connections_address(
				drain->connections, thread->process->id, record, tail, tail_size);
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

/* With its process: replaced by exec, or ended as it said it would; else no later than now. */
static uint64_t end_without_mark(const struct drain *drain, const struct process *process)
{
	if (process && process->end_ticks)
		return process->end_ticks;
	if (process && process->exit_ticks)
		return process->exit_ticks;
	return ticks_now(drain->ticks);
}

void drain_retire(struct drain *drain, struct thread *thread, bool killed)
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
	struct thread *twin;

	for (uint32_t i = 0; i < drain->live_count; i++) {
		struct thread *other = drain->live[i];

		if (other->tid == thread->tid && other->of.pid == thread->of.pid &&
			other->of.space == thread->of.space) {
			if (!other->end_ticks)
				other->end_ticks = thread->start_ticks;
			drain_retire(drain, other, false);
			break;
		}
	}
	drain->by_slot[thread->ring.slot] = thread;
	drain->live[drain->live_count++] = thread;
	drain->adopted++;
	if (!is_followed(drain, &thread->of))
		return;
	twin = outside_find(drain, thread);
	if (twin)
		twin->guest = true;
	thread->id = twin ? twin->id : ++drain->last_thread_id;
	drain->totals.threads += !twin;
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
	struct thread **found = drain->found;
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
		return !drain_thread_lives(drain, thread);
	}
	/* nobody but us may change these */
	if (state != RT_SLOT_LIVE ||
		__atomic_load_n(&slot->generation, __ATOMIC_RELAXED) != thread->ring.generation)
		thread->ring.damaged = true;
	return false;
}

static bool sends(uint32_t kind)
{
	switch (kind) {
	case RT_EV_write:
	case RT_EV_writev:
	case RT_EV_send:
	case RT_EV_sendto:
	case RT_EV_sendmsg:
	case RT_EV_sendmmsg:
	case RT_EV_SSL_write:
	case RT_EV_gnutls_record_send:
		return true;
	default:
		return false;
	}
}

/*
 * What is sent is told when its call is over, from when it began: until then nothing later is in
 * order. `latest`, or less where a thread is in such a call. Its words are not to be trusted: who
 * sends for longer than a second is not waited for.
 */
static uint64_t sending_since(struct drain *drain, const struct thread *thread, uint64_t latest)
{
	const struct rt_slot *slot = &drain->region->slot[thread->ring.slot];
	uint64_t second = ticks_per_second(drain->ticks);
	uint32_t depth = __atomic_load_n(&slot->depth, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; i < depth && i < RT_OPEN_MAX; i++) {
		uint64_t start = __atomic_load_n(&slot->open[i].start, __ATOMIC_RELAXED);
		uint32_t kind = __atomic_load_n(&slot->open[i].kind, __ATOMIC_RELAXED);

		if (sends(kind) && start < latest && latest - start < second)
			latest = start - 1;
	}
	return latest;
}

/* A pass later, because a thread leaves its call a moment before it writes what it has sent. */
static void settle(struct drain *drain, uint64_t in_order)
{
	if (drain->connections)
		connections_settle(
			drain->connections, in_order < drain->settled ? in_order : drain->settled);
	drain->settled = in_order;
}

uint64_t drain_pass(struct drain *drain)
{
	uint64_t records = 0, in_order = ticks_now(drain->ticks);

	drain->now_ns = monotonic_ns();
	drain->totals.passes++;
	/* again after a find: a thread that went live during the scan may be older than one seen */
	while (adopt_new(drain, &records))
		;
	/* downwards: retiring one puts the last in its place */
	for (uint32_t i = drain->live_count; i-- > 0;) {
		struct thread *thread = drain->live[i];
		bool exited = has_exited(drain, thread);

		in_order = sending_since(drain, thread, in_order);
		records += read_thread(drain, thread, READS_A_PASS);
		if (exited)
			drain_retire(drain, thread, false);
	}
	if (drain->outside_settled && drain->outside_settled < in_order)
		in_order = drain->outside_settled;
	settle(drain, in_order);
	return records;
}
