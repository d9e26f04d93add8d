/* SPDX-License-Identifier: Apache-2.0 */
/* What a process can see of itself: its environment, descriptors, signals, limits, identity. */
#include <dirent.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Where runtimes that use no libc look for it: right behind the environment. */
static void auxiliary_vector(char **environment)
{
	const unsigned long *entry;

	while (*environment)
		environment++;
	entry = (const unsigned long *)(environment + 1);
	while (entry[0] != AT_NULL && entry[0] != AT_PAGESZ)
		entry += 2;
	printf("page size %lu behind the environment\n", entry[0] ? entry[1] : 0);
}

static void environment(void)
{
	int count = 0;

	while (environ[count])
		count++;
	qsort(environ, count, sizeof(*environ), by_text);
	for (int i = 0; i < count; i++)
		printf("env %s\n", environ[i]);
	printf("LD_PRELOAD %s\n", getenv("LD_PRELOAD") ?: "(unset)");
}

static void descriptors(void)
{
	DIR *dir;
	struct dirent *entry;
	int open_fds[1024] = {0};

	printf("first descriptor %d\n", open("/dev/null", O_RDONLY));
	printf("second descriptor %d\n", dup(0));
	dir = opendir("/proc/self/fd");
	while ((entry = readdir(dir)))
		if (atoi(entry->d_name) < 1024)
			open_fds[atoi(entry->d_name)] = entry->d_name[0] != '.';
	closedir(dir);
	for (int fd = 0; fd < 1024; fd++)
		if (open_fds[fd])
			printf("open descriptor %d\n", fd);
}

static void status(void)
{
	static const char *const wanted[] = {"Name", "Umask", "Uid", "Gid", "Threads", "SigBlk",
		"SigIgn", "SigCgt", "NoNewPrivs", "Seccomp"};
	FILE *file = fopen("/proc/self/status", "r");
	char line[512];

	while (fgets(line, sizeof(line), file))
		for (unsigned i = 0; i < sizeof(wanted) / sizeof(*wanted); i++)
			if (!strncmp(line, wanted[i], strlen(wanted[i])) &&
				line[strlen(wanted[i])] == ':')
				fputs(line, stdout);
	fclose(file);
}

static void limits(void)
{
	struct rlimit limit;
	char cwd[4096];

	for (int i = 0; i < RLIM_NLIMITS; i++) {
		getrlimit(i, &limit);
		printf("limit %d: %lld %lld\n", i, (long long)limit.rlim_cur,
			(long long)limit.rlim_max);
	}
	printf("cwd %s, session leader %d, dumpable %d, group leader %d\n",
		getcwd(cwd, sizeof(cwd)), getsid(0) == getpid(), prctl(PR_GET_DUMPABLE),
		getpgrp() == getpid());
	printf("secure %ld, death signal %d\n", getauxval(AT_SECURE), ({
		int s = -1;
		prctl(PR_GET_PDEATHSIG, &s);
		s;
	}));
}

/* Libraries by their first name; maps must be readable and hold the program. */
static void maps(const char *self)
{
	FILE *file = fopen("/proc/self/maps", "r");
	char line[4096];
	int own = 0;

	while (fgets(line, sizeof(line), file))
		own += strstr(line, self) != NULL;
	fclose(file);
	printf("program in its maps: %s\n", own > 1 ? "yes" : "no");
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		printf("arg %s\n", argv[i]);
	auxiliary_vector(environ);
	environment();
	descriptors();
	status();
	limits();
	maps(strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0]);
	return 0;
}
