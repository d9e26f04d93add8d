/* SPDX-License-Identifier: Apache-2.0 */
/* For each line of its input: COUNT system calls; prints their CPU time and their wall time, ns
 * each. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static double now_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

int main(int argc, char **argv)
{
	long count = argc > 1 ? atol(argv[1]) : 200000;
	char line[16];

	while (fgets(line, sizeof(line), stdin)) {
		double cpu = now_ns(CLOCK_THREAD_CPUTIME_ID), wall = now_ns(CLOCK_MONOTONIC);

		for (long i = 0; i < count; i++)
			syscall(SYS_getppid);
		cpu = now_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
		wall = now_ns(CLOCK_MONOTONIC) - wall;
		printf("%.1f %.1f\n", cpu / (double)count, wall / (double)count);
		fflush(stdout);
	}
	return 0;
}
