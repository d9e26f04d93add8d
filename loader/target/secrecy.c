/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two ways, because neither serves all: a process that is not dumpable leaves no core whatever the
 * system does with cores, but closes its /proc entries to other processes of its user, through
 * which the target finds the region; root's may pass all the same. For other users the limit says
 * no to core files; where cores are piped to a handler, the administrator decides.
 */
#include "loader/target/secrecy.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

void secrecy_begin(void)
{
	struct rlimit limit;

	if (!getrlimit(RLIMIT_CORE, &limit)) {
		limit.rlim_cur = 0;
		(void)setrlimit(RLIMIT_CORE, &limit);
	}
	if (geteuid() == 0)
		prctl(PR_SET_DUMPABLE, 0);
}
