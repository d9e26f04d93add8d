/* SPDX-License-Identifier: Apache-2.0 */
/* flags: -rdynamic */
/*
 * truth_calls LOG: makes calls of many kinds in threads and processes and writes down each of them
 * itself: between which moments (CLOCK_MONOTONIC, taken just outside the call), in which thread,
 * inside which other. LOG: one line a call: number parent pid tid name start_ns end_ns result.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ENTRIES_MAX 65536

struct entry {
	int parent; /* -1: none */
	int pid, tid;
	const char *name; /* the same text in all our processes: they are forks */
	long long start, end, result;
};

/* Shared with children, so that one log holds all. */
static struct log {
	atomic_int count;
	struct entry entries[ENTRIES_MAX];
} * log_area;

static _Thread_local int current = -1;
static _Thread_local int own_tid;

static long long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ll + time.tv_nsec;
}

static int begin(const char *name)
{
	int number = atomic_fetch_add(&log_area->count, 1);
	struct entry *entry = &log_area->entries[number];

	if (number >= ENTRIES_MAX)
		abort();
	entry->parent = current;
	entry->pid = getpid();
	entry->tid = own_tid ? own_tid : (own_tid = (int)syscall(SYS_gettid));
	entry->name = name;
	current = number;
	entry->start = now();
	return number;
}

static void finish(int number, long long result)
{
	struct entry *entry = &log_area->entries[number];

	entry->end = now();
	entry->result = result;
	current = entry->parent;
}

#define TIMED(name, call)                           \
	({                                          \
		int timed_number = begin(name);     \
		__typeof__(call) result = call;     \
                                                    \
		finish(timed_number, (long)result); \
		result;                             \
	})

static void sleep_ns(long ns)
{
	struct timespec time = {0, ns};

	TIMED("nanosleep", nanosleep(&time, NULL));
}

/* ---- functions that a pattern can name ---- */

__attribute__((noinline, visibility("default"))) long truth_leaf(long value)
{
	for (volatile int i = 0; i < 200; i++)
		value += i;
	return value;
}

__attribute__((noinline, visibility("default"))) long truth_inner(int fd, long value)
{
	char byte = 0;

	TIMED("write", write(fd, &byte, 1));
	value += TIMED("truth_leaf", truth_leaf(value));
	return value + TIMED("truth_leaf", truth_leaf(value));
}

__attribute__((noinline, visibility("default"))) long truth_outer(int fd, long value)
{
	value += TIMED("truth_inner", truth_inner(fd, value));
	value += TIMED("truth_leaf", truth_leaf(value));
	return value + TIMED("truth_inner", truth_inner(fd, value));
}

static void call_functions(void)
{
	int fd = TIMED("open", open("/dev/null", O_WRONLY));

	for (int i = 0; i < 200; i++)
		TIMED("truth_outer", truth_outer(fd, i));
	TIMED("close", close(fd));
}

/* ---- files ---- */

static void call_files(const char *path)
{
	char block[4096] = {0};
	int fd = TIMED("open", open(path, O_RDWR | O_CREAT | O_TRUNC, 0600));

	for (int i = 0; i < 300; i++)
		TIMED("write", write(fd, block, sizeof(block)));
	for (int i = 0; i < 300; i++)
		TIMED("pread", pread(fd, block, sizeof(block), i * 4096l));
	TIMED("close", close(fd));
	TIMED("open", open("/nonexistent/file", O_RDONLY));
	TIMED("unlink", unlink(path));
}

/* ---- network ---- */

static struct sockaddr_in address = {.sin_family = AF_INET};
static pthread_barrier_t ready;

static void *serve(void *unused)
{
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(address);
	char bytes[64];

	(void)unused;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	bind(listener, (struct sockaddr *)&address, sizeof(address));
	listen(listener, 8);
	getsockname(listener, (struct sockaddr *)&address, &size);
	pthread_barrier_wait(&ready);
	for (int i = 0; i < 20; i++) {
		int fd = TIMED("accept", accept(listener, NULL, NULL));
		long got;

		while ((got = TIMED("recv", recv(fd, bytes, sizeof(bytes), 0))) > 0)
			TIMED("send", send(fd, bytes, (size_t)got, 0));
		TIMED("close", close(fd));
	}
	close(listener);
	return NULL;
}

static void call_network(void)
{
	struct addrinfo *found = NULL;
	pthread_t server;
	char bytes[64] = {0};

	pthread_barrier_init(&ready, NULL, 2);
	pthread_create(&server, NULL, serve, NULL);
	pthread_barrier_wait(&ready);
	for (int i = 0; i < 20; i++) {
		int fd = TIMED("socket", socket(AF_INET, SOCK_STREAM, 0));

		TIMED("connect", connect(fd, (struct sockaddr *)&address, sizeof(address)));
		for (int j = 0; j < 5; j++) {
			struct pollfd wait = {.fd = fd, .events = POLLIN};

			TIMED("send", send(fd, bytes, sizeof(bytes), 0));
			TIMED("poll", poll(&wait, 1, 1000));
			TIMED("recv", recv(fd, bytes, sizeof(bytes), 0));
		}
		TIMED("close", close(fd));
	}
	pthread_join(server, NULL);
	TIMED("getaddrinfo", getaddrinfo("localhost", "80", NULL, &found));
	if (found)
		freeaddrinfo(found);
}

/* ---- threads that wait for each other ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *contend(void *held)
{
	(void)held;
	pthread_barrier_wait(&ready);
	TIMED("mutex_lock", pthread_mutex_lock(&lock));
	sleep_ns(1000000);
	pthread_mutex_unlock(&lock);
	return NULL;
}

/* Each waits: the lock is ours until all of them stand before it. */
static void call_locks(void)
{
	pthread_t threads[3];

	pthread_barrier_init(&ready, NULL, 4);
	pthread_mutex_lock(&lock);
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, contend, NULL);
	pthread_barrier_wait(&ready);
	sleep_ns(20000000);
	pthread_mutex_unlock(&lock);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
}

/* ---- a call inside another, by a signal ---- */

static int signal_fd;

static void on_alarm(int number)
{
	char byte = 0;

	(void)number;
	TIMED("write", write(signal_fd, &byte, 1));
}

static void call_in_handler(void)
{
	struct sigaction action = {.sa_handler = on_alarm};
	struct itimerval soon = {.it_value = {.tv_usec = 10000}};

	signal_fd = TIMED("open", open("/dev/null", O_WRONLY));
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	sleep_ns(200000000);
	TIMED("close", close(signal_fd));
}

/* ---- another process ---- */

static void call_in_child(void)
{
	int number = begin("fork");
	int status, ends[2];
	pid_t child = fork();
	char byte = 0;

	if (child) {
		finish(number, child);
		TIMED("wait", waitpid(child, &status, 0));
		return;
	}
	own_tid = 0;
	current = -1;
	if (pipe(ends))
		abort();
	for (int i = 0; i < 100; i++) {
		TIMED("write", write(ends[1], &byte, 1));
		TIMED("read", read(ends[0], &byte, 1));
	}
	sleep_ns(3000000);
	_exit(0);
}

static int write_log(const char *path)
{
	FILE *file = fopen(path, "w");
	int count = atomic_load(&log_area->count);

	if (!file)
		return 1;
	for (int i = 0; i < count; i++) {
		const struct entry *entry = &log_area->entries[i];

		fprintf(file, "%d %d %d %d %s %lld %lld %lld\n", i, entry->parent, entry->pid,
			entry->tid, entry->name, entry->start, entry->end, entry->result);
	}
	return fclose(file) != 0;
}

int main(int argc, char **argv)
{
	char path[512];

	if (argc != 2)
		return 2;
	log_area = mmap(NULL, sizeof(*log_area), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (log_area == MAP_FAILED)
		return 1;
	snprintf(path, sizeof(path), "%s.data", argv[1]);
	call_files(path);
	call_functions();
	call_network();
	call_locks();
	call_in_handler();
	call_in_child();
	return write_log(argv[1]);
}
