/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a region for rings can be had, and how large it would be. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/units.h"
#include "loader/capture/rings.h"
#include "loader/doctor/doctor.h"
#include "loader/target/limits.h"

static const char *cgroup_version(void)
{
	if (!access("/sys/fs/cgroup/cgroup.controllers", F_OK))
		return "cgroup 2";
	if (!access("/sys/fs/cgroup/unified/cgroup.controllers", F_OK))
		return "cgroup 1, with 2 beside it";
	if (!access("/sys/fs/cgroup", F_OK))
		return "cgroup 1";
	return "no cgroup";
}

static void check_region(struct doctor *doctor, uint64_t limit)
{
	struct region region = {0};
	char size[UNITS_SIZE];
	int err = region_make(&region, limit);

	if (err) {
		doctor_add(doctor, "rings", VERDICT_NO,
			"allow memfd_create and mmap in the container's seccomp profile, or more memory",
			"cannot make the shared region: %s", strerror(-err));
		return;
	}
	doctor_add(doctor, "rings", VERDICT_YES, NULL,
		"%s: %u threads at once, %u chunks of records",
		units_bytes(size, (int64_t)region.size), region.slots, region.chunks);
	region_free(&region);
}

void check_memory(struct doctor *doctor)
{
	uint64_t memory = limits_memory();
	char size[UNITS_SIZE];
	struct rlimit limit;

	doctor_add(doctor, "limit", VERDICT_YES, NULL, "%s may be used (%s)",
		units_bytes(size, (int64_t)memory), cgroup_version());
	check_region(doctor, memory / MEMORY_SHARE);
	if (!getrlimit(RLIMIT_AS, &limit) && limit.rlim_cur != RLIM_INFINITY)
		doctor_add(doctor, "address space", VERDICT_NO, "ulimit -v unlimited",
			"limited to %s: a target that cannot map the rings runs on untraced",
			units_bytes(size, (int64_t)limit.rlim_cur));
}
