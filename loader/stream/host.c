/* SPDX-License-Identifier: Apache-2.0 */
#include "loader/stream/host.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static void read_cpu_model(char *model, size_t size)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[512];

	while (file && fgets(line, sizeof(line), file)) {
		char *value = strchr(line, ':');

		if (strncmp(line, "model name", 10) || !value)
			continue;
		value += strspn(value, ": \t");
		snprintf(model, size, "%.*s", (int)strcspn(value, "\n"), value);
		break;
	}
	if (file)
		fclose(file);
}

static uint64_t read_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void host_read(struct host *host)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	struct utsname names;

	memset(host, 0, sizeof(*host));
	if (!uname(&names)) {
		snprintf(host->name, sizeof(host->name), "%s", names.nodename);
		snprintf(host->kernel, sizeof(host->kernel), "%s %s", names.sysname, names.release);
	}
	read_cpu_model(host->cpu_model, sizeof(host->cpu_model));
	host->processors = processors > 0 ? (uint32_t)processors : 0;
	host->boot_realtime_ns = read_clock(CLOCK_REALTIME) - read_clock(CLOCK_MONOTONIC);
}
