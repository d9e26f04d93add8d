// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The lives of traced processes and threads: births, new programs, ends. */
#include "bpf/core.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct linux_binprm {
	const char *filename;
} KERNEL_TYPE;

static __always_inline void set_traced(__u32 pid, __u8 how)
{
	__u32 zero = 0;
	struct rk_pids *table = bpf_map_lookup_elem(&pids, &zero);

	if (table)
		table->traced[pid & (RK_PIDS - 1)] = how;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(process_fork, struct task_struct *parent, struct task_struct *child)
{
	__u32 how = traced(parent->tgid);
	struct rk_note *note;

	if (!how)
		return 0;
	if (child->tgid != parent->tgid) {
		if (!(how & RK_FOLLOW))
			return 0;
		set_traced(child->tgid, how);
	}
	note = note_new(0, RK_FORK, bpf_ktime_get_ns());
	if (!note)
		return 0;
	note->a = child->pid;
	note->b = child->tgid;
	note_send(note);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(process_exec, struct task_struct *task, int old_pid, struct linux_binprm *program)
{
	struct rk_note *note;
	long size;

	if (!traced(task->tgid))
		return 0;
	note = note_new(RK_ROOM_SMALL, RK_EXEC, bpf_ktime_get_ns());
	if (!note)
		return 0;
	note->a = old_pid;
	size = bpf_probe_read_kernel_str(note->bytes, RK_ROOM_SMALL, program->filename);
	note->size = size > 0 ? (__u32)size - 1 : 0;
	note_send(note);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exit, struct task_struct *task)
{
	int last = BPF_CORE_READ(task, signal, live.counter) == 0;
	struct rk_note *note;

	if (!traced(task->tgid))
		return 0;
	note = note_new(0, RK_DIED, bpf_ktime_get_ns());
	if (note) {
		note->a = (__u32)task->exit_code;
		note->b = last;
		note_send(note);
	}
	/* the number may come back as somebody else's */
	if (last)
		set_traced(task->tgid, 0);
	return 0;
}
