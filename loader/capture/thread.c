/* SPDX-License-Identifier: Apache-2.0 */
/* What a thread's slot says besides records. All of it is read once into locals, then judged. */
#include "loader/capture/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

void thread_declare(const struct thread *thread, struct pack *pack)
{
	struct pack_thread facts = {
		.id = thread->id,
		.process = thread->process ? thread->process->id : 0,
		.tid = (uint32_t)thread->tid,
		.creator_tid = (uint32_t)thread->creator_tid,
		.name = thread->name,
		.start_ticks = thread->start_ticks,
		.end_ticks = thread->end_ticks,
	};

	if (thread->id)
		pack_thread(pack, &facts);
}

static uint64_t grown(uint64_t *told, const __u64 *shared)
{
	uint64_t now = __atomic_load_n(shared, __ATOMIC_RELAXED);
	uint64_t more = now > *told ? now - *told : 0;

	*told = now;
	return more;
}

uint64_t thread_tell_losses(
	struct thread *thread, const struct region *region, struct pack *pack, uint64_t now_ns)
{
	const struct rt_slot *slot = &region->slot[thread->ring.slot];
	uint64_t lost = grown(&thread->told_lost, &slot->lost);
	uint64_t nested = grown(&thread->told_nested, &slot->lost_nested);
	uint64_t cut = grown(&thread->told_cut, &slot->cut_bytes);
	uint64_t from_ns = thread->told_ns;

	thread->told_ns = now_ns;
	if (!thread->id)
		return 0;
	if (lost)
		pack_loss(pack, thread->id, RT_LOSS_ring_full, lost, from_ns, now_ns);
	if (nested)
		pack_loss(pack, thread->id, RT_LOSS_nested, nested, from_ns, now_ns);
	if (cut)
		pack_loss(pack, thread->id, RT_LOSS_cut, cut, from_ns, now_ns);
	return lost + nested;
}

void thread_tell_counts(struct thread *thread, const struct region *region, struct pack *pack)
{
	const struct rt_slot *slot = &region->slot[thread->ring.slot];

	if (!thread->id)
		return;
	for (uint32_t i = 0; i < RT_COUNTED_MAX; i++) {
		struct rt_count *told = &thread->told_counts[i];
		uint64_t calls = __atomic_load_n(&slot->counts[i].calls, __ATOMIC_RELAXED);
		uint64_t bytes = __atomic_load_n(&slot->counts[i].bytes, __ATOMIC_RELAXED);

		if (calls == told->calls)
			continue;
		told->calls = calls;
		told->bytes = bytes;
		pack_counter(pack, thread->id, RT_COUNTED_FIRST + i, calls, bytes);
	}
}

void thread_tell_open(const struct thread *thread, const struct region *region, struct pack *pack)
{
	const struct rt_slot *slot = &region->slot[thread->ring.slot];
	uint32_t depth = __atomic_load_n(&slot->depth, __ATOMIC_ACQUIRE);
	uint64_t inner_frame = UINT64_MAX;

	if (!thread->id)
		return;
	if (depth > RT_OPEN_MAX)
		depth = RT_OPEN_MAX;
	for (uint32_t i = 0; i < depth; i++) {
		struct rt_open open;

		memcpy(&open, &slot->open[i], sizeof(open));
		/* stacks grow down: an entry above the one it is inside of was jumped over */
		if (!open.start || open.kind < RT_COUNTED_FIRST + RT_COUNTED_MAX ||
			open.kind >= RT_KIND_LIMIT || open.frame > inner_frame)
			continue;
		inner_frame = open.frame;
		pack_open_call(pack, thread->id, open.kind, open.start, open.arg, i);
	}
}

static bool is_zombie(pid_t pid)
{
	char path[64], text[256];
	const char *after_name;
	ssize_t size;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", (int)pid, (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT;
	size = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[size > 0 ? size : 0] = '\0';
	after_name = strrchr(text, ')');
	return after_name && (!strncmp(after_name, ") Z", 3) || !strncmp(after_name, ") X", 3));
}

bool thread_exists(pid_t pid, pid_t tid)
{
	if (pid <= 0 || tid <= 0)
		return false;
	if (syscall(SYS_tgkill, pid, tid, 0) < 0 && errno == ESRCH)
		return false;
	/* only a process's first thread waits to be reaped */
	return pid != tid || !is_zombie(pid);
}
