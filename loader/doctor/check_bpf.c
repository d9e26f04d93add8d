/* SPDX-License-Identifier: Apache-2.0 */
/* eBPF: rights, types of the kernel, and which programs load and attach. Each is really tried. */
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "loader/doctor/btf.h"
#include "loader/doctor/doctor.h"
#include "loader/kernel/programs.h"
#include "loader/kernel/uprobe.h"
#include "loader/target/rights.h"

#define BTF_PATH "/sys/kernel/btf/vmlinux"

static const char rights[] =
	"run as root, or: setcap cap_bpf,cap_perfmon+ep $(command -v ragtime); in a container: "
	"--cap-add BPF --cap-add PERFMON";
static const char optional[] = "not needed: a fast path that ragtime can do without";

static long bpf_call(int command, union bpf_attr *attr)
{
	long result = syscall(SYS_bpf, command, attr, sizeof(*attr));

	return result < 0 ? -errno : result;
}

/* return 0 */
static const struct bpf_insn program[] = {
	{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
	{.code = BPF_JMP | BPF_EXIT},
};

static long load_program(unsigned type, unsigned attach_type, unsigned btf_id)
{
	union bpf_attr attr = {
		.prog_type = type,
		.insns = (__u64)(unsigned long)program,
		.insn_cnt = sizeof(program) / sizeof(*program),
		.license = (__u64)(unsigned long)"Dual BSD/GPL",
		.expected_attach_type = attach_type,
		.attach_btf_id = btf_id,
	};

	return bpf_call(BPF_PROG_LOAD, &attr);
}

/* Loads, attaches for a moment where `name` or a BTF id says to what, and lets go. */
static long try_program(unsigned type, unsigned attach_type, unsigned btf_id, const char *name)
{
	long fd = load_program(type, attach_type, btf_id), link = 0;
	union bpf_attr attr = {0};

	if (fd < 0)
		return fd;
	if (name || btf_id) {
		attr.raw_tracepoint.name = (__u64)(unsigned long)name;
		attr.raw_tracepoint.prog_fd = (__u32)fd;
		link = bpf_call(BPF_RAW_TRACEPOINT_OPEN, &attr);
		if (link >= 0)
			close((int)link);
	}
	close((int)fd);
	return link;
}

static long try_ringbuf(void)
{
	union bpf_attr attr = {.map_type = BPF_MAP_TYPE_RINGBUF, .max_entries = 4096};
	long fd = bpf_call(BPF_MAP_CREATE, &attr);

	if (fd >= 0)
		close((int)fd);
	return fd;
}

static void check_rights(struct doctor *doctor)
{
	bool bpf = has_capability(CAPABILITY_BPF), perfmon = has_capability(CAPABILITY_PERFMON);
	bool admin = has_capability(CAPABILITY_SYS_ADMIN);
	char level[64] = "?", lockdown[64] = "none";

	read_line("/proc/sys/kernel/unprivileged_bpf_disabled", level, sizeof(level));
	read_line("/sys/kernel/security/lockdown", lockdown, sizeof(lockdown));
	doctor_add(doctor, "rights", (bpf && perfmon) || admin ? VERDICT_YES : VERDICT_NO, rights,
		"CAP_BPF %s, CAP_PERFMON %s, CAP_SYS_ADMIN %s; unprivileged_bpf_disabled=%s; "
		"lockdown: %s",
		bpf ? "yes" : "no", perfmon ? "yes" : "no", admin ? "yes" : "no", level, lockdown);
}

static void check_fentry(struct doctor *doctor)
{
	/* one of the few functions that every kernel has and keeps */
	int id = btf_function(BTF_PATH, "vfs_read");

	if (id < 0)
		doctor_add(doctor, "fentry", VERDICT_UNKNOWN, optional,
			"not tried: the kernel's types name no vfs_read: %s", strerror(-id));
	else
		doctor_add_result(doctor, "fentry",
			try_program(BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, (unsigned)id, NULL),
			optional, "attach to the entry of vfs_read");
}

/* The programs of `ragtime attach` themselves: loaded, and attached for a moment. */
static void check_attach(struct doctor *doctor)
{
	const char *obstacle = rights_bpf_obstacle();
	struct programs *programs = programs_new();

	for (int i = 0; programs && i < PROGRAMS_FAMILIES; i++) {
		enum programs_family family = (enum programs_family)i;
		int err = programs_load(programs, family);

		doctor_add(doctor, "attach", err ? VERDICT_NO : VERDICT_YES,
			obstacle ? obstacle : rights, "%s%s%s", programs_title(family),
			err ? ": " : "", err ? programs_why(programs) : "");
	}
	programs_free(programs);
	doctor_add(doctor, "attach", uprobe_has_multi() ? VERDICT_YES : VERDICT_NO,
		obstacle
			? obstacle
			: "none before Linux 6.6: probes of functions then need CAP_SYS_ADMIN, and other processes that "
			  "use the library pay too",
		"probes of functions of one process alone (uprobe-multi)");
}

void check_bpf(struct doctor *doctor)
{
	struct stat info;

	check_rights(doctor);
	if (stat(BTF_PATH, &info))
		doctor_add(doctor, "BTF", VERDICT_NO,
			"use a kernel built with CONFIG_DEBUG_INFO_BTF=y (any distribution's since 2021)",
			"%s: %s", BTF_PATH, strerror(errno));
	else
		doctor_add(doctor, "BTF", VERDICT_YES, NULL, "%s", BTF_PATH);
	doctor_add_result(doctor, "ring buffer", try_ringbuf(), rights, "make a ring buffer map");
	doctor_add_result(doctor, "raw tracepoint",
		try_program(BPF_PROG_TYPE_RAW_TRACEPOINT, 0, 0, "sys_enter"), rights,
		"attach to sys_enter");
	doctor_add_result(doctor, "tracepoint", try_program(BPF_PROG_TYPE_TRACEPOINT, 0, 0, NULL),
		rights, "load a tracepoint program");
	doctor_add_result(doctor, "probe program", try_program(BPF_PROG_TYPE_KPROBE, 0, 0, NULL),
		rights, "load a program for kprobes and uprobes");
	check_fentry(doctor);
	check_attach(doctor);
}
