/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A limit of one byte: too small for any file, and the value by which the kernel lets a handler
 * that cores are piped to go without (coredump(5) knows 0 for files alone). A process that is not
 * dumpable leaves none either, but closes its /proc entries to other processes of its user, through
 * which the target finds the region; root's may pass all the same.
 */
#include "loader/target/secrecy.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

void secrecy_begin(void)
{
	struct rlimit limit;

	if (!getrlimit(RLIMIT_CORE, &limit)) {
		limit.rlim_cur = limit.rlim_max < 1 ? 0 : 1;
		(void)setrlimit(RLIMIT_CORE, &limit);
	}
	if (geteuid() == 0)
		prctl(PR_SET_DUMPABLE, 0);
}
