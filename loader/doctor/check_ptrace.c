/* SPDX-License-Identifier: Apache-2.0 */
/* ptrace: needed to bring the shim into a process that runs already. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loader/doctor/doctor.h"
#include "loader/target/rights.h"

/* Seizes a child that waits, and ends it. */
static long try_seize(void)
{
	pid_t child = fork();
	long result;

	if (child == 0) {
		pause();
		_exit(0);
	}
	if (child < 0)
		return -errno;
	result = ptrace(PTRACE_SEIZE, child, NULL, NULL) ? -errno : 0;
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return result;
}

void check_ptrace(struct doctor *doctor)
{
	static const char yama[] = "/proc/sys/kernel/yama/ptrace_scope";
	bool capable = has_capability(CAPABILITY_SYS_PTRACE);
	char scope[32] = "0";
	bool strangers;

	read_line(yama, scope, sizeof(scope));
	doctor_add_result(doctor, "own children", try_seize(),
		"allow ptrace in the container: --cap-add SYS_PTRACE", "seize a child");
	strangers = strcmp(scope, "3") != 0 && (capable || !strcmp(scope, "0"));
	doctor_add(doctor, "other processes", strangers ? VERDICT_YES : VERDICT_NO,
		"sysctl kernel.yama.ptrace_scope=0, or run as root; in a container: --cap-add SYS_PTRACE",
		"CAP_SYS_PTRACE %s; %s%s%s", capable ? "yes" : "no",
		access(yama, F_OK) ? "Yama is not there" : "ptrace_scope=",
		access(yama, F_OK) ? "" : scope,
		capable || !strangers ? "" : ": processes of the same user");
}
