/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/PID/stat, io and task/TID/schedstat, and the process's CPU clock, which is finer than
 * stat's. */
#include "loader/capture/usage.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "loader/target/procfs.h"

#define NS 1000000000ull

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	if (clock_gettime(clock, &now) < 0)
		return 0;
	return (uint64_t)now.tv_sec * NS + (uint64_t)now.tv_nsec;
}

static void read_io(pid_t pid, struct pack_usage *usage)
{
	char text[512];
	const char *at;
	unsigned long long value;

	if (procfs_read(pid, "io", text, sizeof(text)) <= 0)
		return;
	at = strstr(text, "\nread_bytes: ");
	if (at && sscanf(at, " read_bytes: %llu", &value) == 1)
		usage->read_bytes = value;
	at = strstr(text, "\nwrite_bytes: ");
	if (at && sscanf(at, " write_bytes: %llu", &value) == 1)
		usage->written_bytes = value;
}

bool usage_read(pid_t pid, struct pack_usage *usage)
{
	unsigned long long minor, major, threads, pages;
	char text[1024];
	const char *after_name;
	clockid_t clock;

	usage->at_ns = clock_ns(CLOCK_MONOTONIC);
	if (procfs_read(pid, "stat", text, sizeof(text)) <= 0)
		return false;
	after_name = strrchr(text, ')');
	/* from the third field on: state ppid pgrp session tty tpgid flags minflt cminflt majflt
	 * cmajflt utime stime cutime cstime priority nice threads itrealvalue starttime vsize rss
	 */
	if (!after_name ||
		sscanf(after_name,
			") %*c %*d %*d %*d %*d %*d %*u %llu %*u %llu %*u %*u %*u %*d "
			"%*d %*d %*d %llu %*d %*u %*u %llu",
			&minor, &major, &threads, &pages) != 4)
		return false;
	usage->minor_faults = minor;
	usage->major_faults = major;
	usage->threads = (uint32_t)threads;
	usage->rss_bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
	if (!clock_getcpuclockid(pid, &clock))
		usage->cpu_ns = clock_ns(clock);
	read_io(pid, usage);
	return true;
}

bool usage_read_thread(pid_t pid, pid_t tid, struct pack_usage *usage)
{
	unsigned long long cpu_ns, runqueue_ns;
	char name[64], text[128];

	usage->at_ns = clock_ns(CLOCK_MONOTONIC);
	snprintf(name, sizeof(name), "task/%d/schedstat", (int)tid);
	if (procfs_read(pid, name, text, sizeof(text)) <= 0 ||
		sscanf(text, "%llu %llu", &cpu_ns, &runqueue_ns) != 2 || !cpu_ns)
		return false;
	usage->cpu_ns = cpu_ns;
	usage->runqueue_ns = runqueue_ns;
	return true;
}

uint64_t usage_own_cpu_ns(void)
{
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

uint64_t usage_own_peak_rss(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (uint64_t)usage.ru_maxrss * 1024;
}
