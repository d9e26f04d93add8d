/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workload [-c CPU] [-g] [-r CALLS_PER_SECOND] MODE ITERATIONS
 *
 * Makes cheap calls in a loop and says on standard error what they cost it, by its own clocks:
 *
 *   workload mode=fn calls=1000000 cpu_ns=3.398 rate=293083235 total_cpu_ns=4127311 \
 *           main_ns=8123456789
 *
 * cpu_ns is per call, the median over SEGMENTS equal parts of the loop, so that a neighbour's
 * disturbance of one part does not count. rate is calls per second, total_cpu_ns is the whole
 * process, main_ns is the moment at which main began. The first tenth of the calls warms up and is
 * not timed; `calls` counts them too.
 *
 *   -c  stay on this processor
 *   -g  say "ready PID" on standard output and wait for a line on standard input before the loop
 *   -r  of mode pace: never faster than this in any window of 32 calls
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"

#define PACE_BURST 32
#define MESSAGE 32
#define SEGMENTS 40

struct load {
	uint64_t main_ns;
	long rate;
	int zero, null; /* /dev/zero and /dev/null */
	int client, server, listener;
	pthread_t answerer;
	uint32_t seed;
	volatile int sink;
};

static uint64_t now(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * 1000000000ull + time.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "workload: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void run_function(struct load *load, long count)
{
	int sum = 0;

	for (long i = 0; i < count; i++)
		sum = call_add(sum, (int)i);
	load->sink = sum;
}

static void run_malloc(struct load *load, long count)
{
	(void)load;
	for (long i = 0; i < count; i++) {
		void *volatile block = malloc(16 + (i & 255));

		free(block);
	}
}

static void run_read_write(struct load *load, long count)
{
	char buffer[64];

	for (long i = 0; i < count; i++) {
		size_t size = 1 + (i & 63);

		load->sink += read(load->zero, buffer, size);
		load->sink += write(load->null, buffer, size);
	}
}

/* Nothing repeats: sizes, order and the time between calls. The worst an encoder can meet. */
static void run_random(struct load *load, long count)
{
	static char buffer[1 << 16];

	for (long i = 0; i < count; i++) {
		uint32_t dice = load->seed = load->seed * 1664525u + 1013904223u;
		size_t size = 1 + (dice >> 16);

		if (dice & 0x100)
			load->sink += read(load->zero, buffer, size);
		else
			load->sink += write(load->null, buffer, size);
		for (volatile uint32_t spin = dice >> 8 & 0x3f; spin; spin--)
			;
	}
}

static void run_paced(struct load *load, long count)
{
	const double step = 1e9 * PACE_BURST / load->rate;
	double due = now(CLOCK_MONOTONIC);

	for (long done = 0; done < count; done += PACE_BURST) {
		long left = count - done;
		double time;

		run_function(load, left < PACE_BURST ? left : PACE_BURST);
		due += step;
		while ((time = now(CLOCK_MONOTONIC)) < due)
			;
		/* What a preemption cost is not caught up with: that would exceed the rate. */
		due = time;
	}
}

static void *serve(void *argument)
{
	struct load *load = argument;
	char buffer[MESSAGE];

	while (recv(load->server, buffer, sizeof buffer, 0) == MESSAGE) {
		if (send(load->server, buffer, sizeof buffer, 0) != MESSAGE)
			die("server");
	}
	return NULL;
}

static void run_tcp(struct load *load, long count)
{
	char buffer[MESSAGE] = {0};

	for (long i = 0; i < count; i++) {
		if (send(load->client, buffer, sizeof buffer, 0) != MESSAGE ||
			recv(load->client, buffer, sizeof buffer, 0) != MESSAGE)
			die("client");
	}
}

static void open_tcp(struct load *load)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof address;
	int one = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	load->listener = socket(AF_INET, SOCK_STREAM, 0);
	load->client = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(load->listener, (struct sockaddr *)&address, size) || listen(load->listener, 1) ||
		getsockname(load->listener, (struct sockaddr *)&address, &size) ||
		connect(load->client, (struct sockaddr *)&address, size))
		die("socket");
	load->server = accept(load->listener, NULL, NULL);
	setsockopt(load->client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(load->server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (pthread_create(&load->answerer, NULL, serve, load))
		die("pthread_create");
}

static void close_tcp(struct load *load)
{
	shutdown(load->client, SHUT_WR);
	pthread_join(load->answerer, NULL);
}

static const struct mode {
	const char *name;
	void (*run)(struct load *load, long count);
	int calls; /* of one iteration */
} modes[] = {
	{"fn", run_function, 1},
	{"malloc", run_malloc, 2},
	{"rw", run_read_write, 2},
	{"random", run_random, 1},
	{"pace", run_paced, 1},
	{"tcp", run_tcp, 4},
};

static const struct mode *find_mode(const char *name)
{
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		if (!strcmp(modes[i].name, name))
			return &modes[i];
	}
	fprintf(stderr, "workload: no mode '%s'\n", name);
	exit(2);
}

static void pin(int processor)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(processor, &set);
	if (sched_setaffinity(0, sizeof set, &set))
		die("sched_setaffinity");
}

static void wait_at_gate(void)
{
	char line[16];

	dprintf(1, "ready %d\n", getpid());
	if (read(0, line, sizeof line) <= 0)
		die("gate");
}

static int compare(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

static void measure(const struct mode *mode, struct load *load, long count)
{
	long part = count * 9 / 10 / SEGMENTS, warm = count - part * SEGMENTS;
	uint64_t cpu[SEGMENTS], wall, before, after;

	mode->run(load, warm);
	wall = now(CLOCK_MONOTONIC);
	before = now(CLOCK_PROCESS_CPUTIME_ID);
	for (int i = 0; i < SEGMENTS; i++, before = after) {
		mode->run(load, part);
		after = now(CLOCK_PROCESS_CPUTIME_ID);
		cpu[i] = after - before;
	}
	wall = now(CLOCK_MONOTONIC) - wall;
	qsort(cpu, SEGMENTS, sizeof *cpu, compare);
	fprintf(stderr,
		"workload mode=%s calls=%ld cpu_ns=%.3f rate=%.0f total_cpu_ns=%llu main_ns=%llu\n",
		mode->name, count * mode->calls,
		part ? (double)cpu[SEGMENTS / 2] / (part * mode->calls) : 0.0,
		(count - warm) * mode->calls * 1e9 / wall,
		(unsigned long long)now(CLOCK_PROCESS_CPUTIME_ID),
		(unsigned long long)load->main_ns);
}

int main(int argc, char **argv)
{
	struct load load = {.main_ns = now(CLOCK_MONOTONIC), .rate = 1000000, .seed = 1};
	const struct mode *mode;
	int option, gate = 0;

	while ((option = getopt(argc, argv, "c:gr:")) != -1) {
		if (option == 'c')
			pin(atoi(optarg));
		else if (option == 'g')
			gate = 1;
		else if (option == 'r')
			load.rate = atol(optarg);
		else
			return 2;
	}
	if (argc - optind != 2)
		return fprintf(stderr, "usage: workload [-c CPU] [-g] [-r RATE] MODE ITERATIONS\n"),
		       2;
	mode = find_mode(argv[optind]);
	load.zero = open("/dev/zero", O_RDONLY);
	load.null = open("/dev/null", O_WRONLY);
	if (load.zero < 0 || load.null < 0)
		die("/dev");
	if (mode->run == run_tcp)
		open_tcp(&load);
	if (gate)
		wait_at_gate();
	measure(mode, &load, atol(argv[optind + 1]));
	if (mode->run == run_tcp)
		close_tcp(&load);
	return 0;
}
