/* SPDX-License-Identifier: Apache-2.0 */
#include "loader/kernel/uprobe.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/libbpf.h>

/* linux/bpf.h of 6.6; older headers do not have them. */
#define TRACE_UPROBE_MULTI 48

struct multi_attr {
	uint32_t program;
	uint32_t target;
	uint32_t attach_type;
	uint32_t flags;
	uint64_t path;
	uint64_t offsets;
	uint64_t ref_counters;
	uint64_t cookies;
	uint32_t count;
	uint32_t multi_flags;
	uint32_t pid;
	uint32_t pad;
};

static int link_create(struct multi_attr *attr)
{
	union {
		struct multi_attr attr;
		char room[128];
	} whole = {.attr = *attr};
	long fd = syscall(SYS_bpf, BPF_LINK_CREATE, &whole, sizeof(whole));

	return fd < 0 ? -errno : (int)fd;
}

int uprobe_multi(int program, const char *path, const uint64_t *offsets, size_t count, int pid)
{
	struct multi_attr attr = {
		.program = (uint32_t)program,
		.attach_type = TRACE_UPROBE_MULTI,
		.path = (uint64_t)(uintptr_t)path,
		.offsets = (uint64_t)(uintptr_t)offsets,
		.count = (uint32_t)count,
		.pid = (uint32_t)pid,
	};

	return link_create(&attr);
}

/* return 0 */
static int load_empty(void)
{
	static const struct bpf_insn code[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_KPROBE,
		.insns = (uint64_t)(uintptr_t)code,
		.insn_cnt = sizeof(code) / sizeof(*code),
		.license = (uint64_t)(uintptr_t) "Dual BSD/GPL",
		.expected_attach_type = TRACE_UPROBE_MULTI,
	};

	return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

/* A folder has no code: a kernel that says so has understood the question. */
static bool try_multi(void)
{
	uint64_t offset = 1;
	int program = load_empty(), fd;

	if (program < 0)
		return false;
	fd = uprobe_multi(program, "/", &offset, 1, 0);
	close(program);
	if (fd >= 0)
		close(fd);
	return fd == -EBADF;
}

bool uprobe_has_multi(void)
{
	static int known; /* 0: not asked yet */

	if (!known)
		known = try_multi() ? 1 : -1;
	return known > 0;
}

void uprobe_prepare(struct bpf_object *object)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, object)
	{
		if (!strncmp(bpf_program__section_name(program), "uprobe", 6) && uprobe_has_multi())
			bpf_program__set_expected_attach_type(program, TRACE_UPROBE_MULTI);
	}
}
