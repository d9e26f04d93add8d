// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Where traced threads are when a timer of the processor fires: the kernel's stack, the frames of
 * Python as the interpreter keeps them, and the top of the native stack for the loader to walk.
 */
#include "bpf/core.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define STACK_PIECE 2048
#define LAST_PIECE 128
#define THREADS_MAX 128 /* steps through lists of interpreters and threads */
#define KERNEL_STACK 16384

struct thread_struct {
	unsigned long fsbase;
} KERNEL_TYPE;

struct sched_entity {
	__u64 sum_exec_runtime;
} KERNEL_TYPE;

struct task_struct___here {
	void *stack;
	struct sched_entity se;
	struct thread_struct thread;
} KERNEL_TYPE;

/* What an interrupt of the program leaves at the kernel stack's end. */
struct program_registers {
	__u64 r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax;
	__u64 ip, cs, flags, sp, ss;
};

/* What a program at a timer is given (struct bpf_perf_event_data). */
struct at_timer {
	struct program_registers registers;
	__u64 period, address;
};

/* By process: interpreters that the loader knows the layout of. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct rk_python);
} pythons SEC(".maps");

/* By thread: its state in the interpreter, checked before it is believed. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u32);
	__type(value, __u64);
} python_threads SEC(".maps");

/* By thread: the processor time it had had at its last sample. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u32);
	__type(value, __u64);
} sampled SEC(".maps");

/*
 * What a sample stands for: the time that the thread has had since the one before, by the kernel's
 * own account, in which there are no interrupts and nothing that a hypervisor took. Of a first one
 * all that is known is how often they come.
 */
static __always_inline __u64 weight_of(struct task_struct *task, __u32 tid, __u64 period)
{
	struct task_struct___here *here = (void *)task;
	__u64 now = BPF_CORE_READ(here, se.sum_exec_runtime);
	__u64 *last = bpf_map_lookup_elem(&sampled, &tid), weight = period;

	if (!last) {
		bpf_map_update_elem(&sampled, &tid, &now, BPF_ANY);
	} else {
		/* nothing where the account has not been brought up to date since */
		weight = now > *last ? now - *last : 0;
		*last = now;
	}
	return weight;
}

static __always_inline __u64 read_word(__u64 address)
{
	__u64 word = 0;

	if (bpf_probe_read_user(&word, sizeof(word), (const void *)address))
		return 0;
	return word;
}

/* Steps through the threads of each interpreter. */
static __noinline __u64 python_search(const struct rk_python *python, __u64 self)
{
	__u64 interpreter, thread;

	if (!python)
		return 0;
	interpreter = read_word(python->interpreters);
	thread = interpreter ? read_word(interpreter + python->interpreter_threads) : 0;
	for (int step = 0; step < THREADS_MAX && interpreter; step++) {
		if (!thread) {
			interpreter = read_word(interpreter + python->interpreter_next);
			thread = interpreter ? read_word(interpreter + python->interpreter_threads)
					     : 0;
			continue;
		}
		if (read_word(thread + python->thread_id) == self)
			return thread;
		thread = read_word(thread + python->thread_next);
	}
	return 0;
}

static __always_inline __u64 python_thread(const struct rk_python *python, __u32 tid, __u64 self)
{
	__u64 *known = bpf_map_lookup_elem(&python_threads, &tid);
	__u64 thread = known ? *known : 0;

	if (thread && read_word(thread + python->thread_id) == self)
		return thread;
	thread = python_search(python, self);
	if (thread)
		bpf_map_update_elem(&python_threads, &tid, &thread, BPF_ANY);
	return thread;
}

static __always_inline __u64 begins(const struct rk_python *python, __u64 frame)
{
	__u8 entry = 0;

	if (python->frame_entry == RK_PYTHON_NONE)
		return 1;
	bpf_probe_read_user(&entry, sizeof(entry), (const void *)(frame + python->frame_entry));
	return entry >= python->entry_from;
}

/*
 * From the innermost frame out, each where its number says: what differs between frames stays out
 * of the verifier's sight, or it would follow every combination.
 */
static __noinline int python_walk(
	const struct rk_python *python, __u64 frame, struct rk_sample *sample)
{
	if (!python || !sample)
		return 0;
	for (int step = 0; step < RK_SAMPLE_PYTHON && frame; step++) {
		__u64 code = read_word(frame + python->frame_code);

		sample->python[step].name = read_word(code + python->code_name);
		sample->python[step].code = code | begins(python, frame);
		sample->python_frames = step + 1;
		frame = read_word(frame + python->frame_back);
	}
	return 0;
}

static __always_inline void take_python(
	struct rk_sample *sample, struct task_struct *task, __u32 pid)
{
	struct rk_python *python = bpf_map_lookup_elem(&pythons, &pid);
	struct task_struct___here *here = (void *)task;
	__u64 thread, frame;

	if (!python)
		return;
	thread = python_thread(
		python, (__u32)bpf_get_current_pid_tgid(), BPF_CORE_READ(here, thread.fsbase));
	if (!thread)
		return;
	frame = read_word(thread + python->thread_frame);
	if (frame && python->holder != RK_PYTHON_NONE)
		frame = read_word(frame + python->holder);
	python_walk(python, frame, sample);
}

/* The program's registers, where the kernel was interrupted. */
static __always_inline void take_entry(struct rk_sample *sample, struct task_struct *task)
{
	struct task_struct___here *here = (void *)task;
	struct program_registers saved;
	const char *stack = BPF_CORE_READ(here, stack);

	if (bpf_probe_read_kernel(&saved, sizeof(saved), stack + KERNEL_STACK - sizeof(saved)) ||
		(saved.cs & 3) != 3)
		return;
	sample->ip = saved.ip;
	sample->sp = saved.sp;
	sample->bp = saved.bp;
}

/* Further pieces of the stack, from `size` on: as far as there is one. */
static __always_inline __u32 take_pieces(struct rk_sample *sample, __u32 size, __u32 piece)
{
	for (int i = 0; i < RK_SAMPLE_STACK / STACK_PIECE; i++) {
		barrier_var(size);
		if (size > RK_SAMPLE_STACK - piece ||
			bpf_probe_read_user(
				sample->stack + size, piece, (const void *)(sample->sp + size)))
			break;
		size += piece;
	}
	return size;
}

static __noinline __u32 take_stack(struct rk_sample *sample)
{
	if (!sample || !sample->sp)
		return 0;
	return take_pieces(sample, take_pieces(sample, 0, STACK_PIECE), LAST_PIECE);
}

SEC("perf_event")
int sample(struct at_timer *context)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct task_struct *task;
	struct rk_sample *sample;
	struct rk_note *note;
	long size = 0;

	if (!traced(id >> 32))
		return 0;
	note = note_new(sizeof(*sample), RK_SAMPLE, bpf_ktime_get_ns());
	if (!note)
		return 0;
	sample = (void *)note->bytes;
	task = (struct task_struct *)bpf_get_current_task();
	note->a = weight_of(task, (__u32)id, context->period);
	sample->sp = sample->ip = sample->bp = 0;
	sample->python_frames = 0;
	if (context->registers.cs & 3) {
		sample->ip = context->registers.ip;
		sample->sp = context->registers.sp;
		sample->bp = context->registers.bp;
	} else {
		size = bpf_get_stack(context, sample->kernel, sizeof(sample->kernel), 0);
		take_entry(sample, task);
	}
	sample->kernel_frames = size > 0 ? (__u32)size / 8 : 0;
	take_python(sample, task, id >> 32);
	note->size = sizeof(*sample) - RK_SAMPLE_STACK + take_stack(sample);
	note_send(note);
	return 0;
}
