/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into a program, delays it once at each place that is named, and writes down when:
 * DELAY_LOG gets lines "pid place start_ns end_ns" (CLOCK_MONOTONIC). Places are
 *   load            before main
 *   open PATTERN    the first open of a file whose path fits
 *   code NAME       inside the first function of that name that asks for the time
 * DELAY_PLACES separates them by ';'. DELAY_PROGRAM: only programs with that in their name.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define DELAY_NS 300000000
#define PLACES 16

static char places[PLACES][256], log_path[4096];
static int done[PLACES], count;
static __thread int inside;

/* Not by functions that a tracer may have taken the place of: the first of those begins its work.
 */
static long call_kernel(long number, long first, const void *second)
{
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(first), "S"(second)
			 : "rcx", "r11", "memory");
	return result;
}

static long long now(void)
{
	struct timespec time;

	call_kernel(SYS_clock_gettime, CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ll + time.tv_nsec;
}

static void delay(int place)
{
	const struct timespec pause = {.tv_nsec = DELAY_NS};
	long long begin = now();
	FILE *log;

	if (__sync_lock_test_and_set(&done[place], 1))
		return;
	inside++;
	call_kernel(SYS_nanosleep, (long)&pause, NULL);
	log = fopen(log_path, "a");
	if (log) {
		fprintf(log, "%d\t%s\t%lld\t%lld\n", (int)getpid(), places[place], begin, now());
		fclose(log);
	}
	inside--;
}

static void opened(const char *path)
{
	for (int i = 0; i < count && path && !inside; i++) {
		if (!done[i] && !strncmp(places[i], "open ", 5) && !fnmatch(places[i] + 5, path, 0))
			delay(i);
	}
}

static int called_from(const char *name)
{
	void *frames[24];
	int depth = backtrace(frames, 24);

	for (int i = 2; i < depth; i++) {
		Dl_info info;

		if (dladdr(frames[i], &info) && info.dli_sname && strstr(info.dli_sname, name))
			return 1;
	}
	return 0;
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
	static int (*real)(clockid_t, struct timespec *);

	if (!real)
		real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
	for (int i = 0; i < count && !inside; i++) {
		if (done[i] || strncmp(places[i], "code ", 5) != 0)
			continue;
		inside++;
		if (called_from(places[i] + 5))
			delay(i);
		inside--;
	}
	return real(clock, time);
}

#define OPEN(name)                                                                       \
	int name(const char *path, int flags, ...)                                       \
	{                                                                                \
		static int (*real)(const char *, int, ...);                              \
		va_list more;                                                            \
		int mode;                                                                \
                                                                                         \
		va_start(more, flags);                                                   \
		mode = va_arg(more, int);                                                \
		va_end(more);                                                            \
		if (!real)                                                               \
			real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, #name); \
		opened(path);                                                            \
		return real(path, flags, mode);                                          \
	}
OPEN(open)
OPEN(open64)

#define FOPEN(name)                                                                              \
	FILE *name(const char *path, const char *mode)                                           \
	{                                                                                        \
		static FILE *(*real)(const char *, const char *);                                \
                                                                                                 \
		if (!real)                                                                       \
			real = (FILE * (*)(const char *, const char *)) dlsym(RTLD_NEXT, #name); \
		opened(path);                                                                    \
		return real(path, mode);                                                         \
	}
FOPEN(fopen)
FOPEN(fopen64)

static const char *setting(char **environment, const char *name)
{
	size_t size = strlen(name);

	for (; *environment; environment++) {
		if (!strncmp(*environment, name, size) && (*environment)[size] == '=')
			return *environment + size + 1;
	}
	return "";
}

/* Linked to be the first of all constructors: libc does not know its environment yet. */
__attribute__((constructor)) static void begin(int words, char **arguments, char **environment)
{
	char list[4096], *rest = list, *place;

	(void)words;
	snprintf(log_path, sizeof(log_path), "%s", setting(environment, "DELAY_LOG"));
	snprintf(list, sizeof(list), "%s", setting(environment, "DELAY_PLACES"));
	if (!*log_path || !*list || !strstr(arguments[0], setting(environment, "DELAY_PROGRAM")))
		return;
	while (count < PLACES && (place = strsep(&rest, ";")))
		snprintf(places[count++], sizeof(places[0]), "%s", place);
	for (int i = 0; i < count; i++) {
		if (!strcmp(places[i], "load"))
			delay(i);
	}
}
