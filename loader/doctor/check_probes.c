/* SPDX-License-Identifier: Apache-2.0 */
/* Performance events: samples of the CPU, uprobes, kprobes, tracepoints. Opened, never enabled. */
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "loader/doctor/doctor.h"

static const char paranoid_advice[] =
	"sysctl kernel.perf_event_paranoid=1, or run with CAP_PERFMON; in a container: --cap-add "
	"PERFMON and a seccomp profile that allows perf_event_open";

static long try_event(struct perf_event_attr *attr, pid_t pid, int cpu)
{
	long fd;

	attr->size = sizeof(*attr);
	attr->disabled = 1;
	fd = syscall(SYS_perf_event_open, attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return -errno;
	close((int)fd);
	return fd;
}

static void check_samples(struct doctor *doctor)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = 10000000,
		.sample_type = PERF_SAMPLE_IP,
		.exclude_kernel = 1,
	};
	struct perf_event_attr hardware = {.type = PERF_TYPE_HARDWARE,
		.config = PERF_COUNT_HW_INSTRUCTIONS,
		.exclude_kernel = 1};
	char level[32] = "?", what[96];

	read_line("/proc/sys/kernel/perf_event_paranoid", level, sizeof(level));
	snprintf(what, sizeof(what), "sample an own process (perf_event_paranoid=%s)", level);
	doctor_add_result(doctor, "CPU samples", try_event(&attr, 0, -1), paranoid_advice, what);
	attr.exclude_kernel = 0;
	doctor_add_result(doctor, "all processes", try_event(&attr, -1, 0), paranoid_advice,
		"sample everything on one processor, the kernel too");
	doctor_add_result(doctor, "hardware counters", try_event(&hardware, 0, -1),
		"none on most virtual machines: ask for a virtual PMU; ragtime uses software clocks",
		"count instructions");
}

/* A dynamic source of events: its type, or -errno. */
static long source_type(const char *name)
{
	char path[96], text[32];
	int err;

	snprintf(path, sizeof(path), "/sys/bus/event_source/devices/%s/type", name);
	err = read_line(path, text, sizeof(text));
	return err ? err : strtol(text, NULL, 10);
}

/* Where this file's code lies in its own file: offset of `address`, or 0. */
static unsigned long file_offset(unsigned long address)
{
	FILE *file = fopen("/proc/self/maps", "re");
	unsigned long start, end, offset, found = 0;
	char line[512];

	if (!file)
		return 0;
	while (!found && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx %*s %lx", &start, &end, &offset) == 3 &&
			address >= start && address < end)
			found = address - start + offset;
	}
	fclose(file);
	return found;
}

static void check_uprobe(struct doctor *doctor)
{
	long type = source_type("uprobe");
	struct perf_event_attr attr = {
		.type = (__u32)type,
		.uprobe_path = (__u64)(unsigned long)"/proc/self/exe",
		.probe_offset = file_offset((unsigned long)file_offset),
	};

	doctor_add_result(doctor, "uprobe", type < 0 ? type : try_event(&attr, 0, -1),
		"run as root or with CAP_PERFMON and CAP_SYS_ADMIN, on a kernel with CONFIG_UPROBE_EVENTS=y",
		"probe a function of this program");
}

static void check_kprobe(struct doctor *doctor)
{
	long type = source_type("kprobe");
	struct perf_event_attr attr = {
		.type = (__u32)type,
		.kprobe_func = (__u64)(unsigned long)"vfs_read",
	};

	doctor_add_result(doctor, "kprobe", type < 0 ? type : try_event(&attr, -1, 0),
		"not needed: kprobes are a fast path that ragtime can do without "
		"(CONFIG_KPROBE_EVENTS=y gives them)",
		"probe vfs_read in the kernel");
}

static void check_tracefs(struct doctor *doctor)
{
	static const char *const places[] = {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"};
	char path[96], id[32];

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		snprintf(path, sizeof(path), "%s/events/sched/sched_switch/id", places[i]);
		if (!read_line(path, id, sizeof(id))) {
			doctor_add(
				doctor, "tracefs", VERDICT_YES, NULL, "mounted at %s", places[i]);
			return;
		}
	}
	doctor_add(doctor, "tracefs", VERDICT_NO,
		"as root: mount -t tracefs nodev /sys/kernel/tracing (raw tracepoints do not need it)",
		"not mounted, or not readable");
}

void check_probes(struct doctor *doctor)
{
	check_samples(doctor);
	check_uprobe(doctor);
	check_kprobe(doctor);
	check_tracefs(doctor);
}
