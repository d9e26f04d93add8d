/* SPDX-License-Identifier: Apache-2.0 */
/* flags: -fnon-call-exceptions */
/*
 * Leaves interposed calls by every way but a return: exceptions and longjmp out of a signal handler
 * that interrupted them, thread cancellation and pthread_exit through cleanup handlers.
 */
#include <cerrno>
#include <csetjmp>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int ends[2], pair[2];
static sigjmp_buf jump;
static sem_t started, never;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

static void alarm_in(int ms)
{
	struct itimerval timer = {{0, 0}, {0, ms * 1000}};
	setitimer(ITIMER_REAL, &timer, nullptr);
}

static void on_alarm_throw(int)
{
	throw std::runtime_error("from a handler");
}

static void on_alarm_jump(int)
{
	siglongjmp(jump, 1);
}

static void block_read()
{
	char c;
	(void)!read(ends[0], &c, 1);
}
static void block_recv()
{
	char c;
	(void)!recv(pair[0], &c, 1, 0);
}
static void block_poll()
{
	pollfd p = {ends[0], POLLIN, 0};
	poll(&p, 1, -1);
}
static void block_sleep()
{
	timespec t = {100, 0};
	nanosleep(&t, nullptr);
}
static void block_pause()
{
	pause();
}
static void block_cond()
{
	pthread_cond_wait(&cond, &mutex);
}
static void block_sem()
{
	sem_wait(&never);
}

struct way {
	const char *name;
	void (*block)();
};

static const way ways[] = {
	{"read", block_read},
	{"recv", block_recv},
	{"poll", block_poll},
	{"sleep", block_sleep},
	{"pause", block_pause},
};

struct guard {
	const char *name;
	~guard()
	{
		printf("  unwound past %s\n", name);
	}
};

static void leave_by_exception(const way &w)
{
	signal(SIGALRM, on_alarm_throw);
	alarm_in(5);
	try {
		guard g{w.name};
		w.block();
		printf("%s returned\n", w.name);
	} catch (const std::exception &e) {
		printf("%s: caught %s\n", w.name, e.what());
	}
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	sigprocmask(SIG_UNBLOCK, &set, nullptr);
}

static void leave_by_jump(const way &w)
{
	signal(SIGALRM, on_alarm_jump);
	if (sigsetjmp(jump, 1) == 0) {
		alarm_in(5);
		w.block();
		printf("%s returned\n", w.name);
	} else {
		printf("%s: jumped out\n", w.name);
	}
}

static void cleanup(void *name)
{
	printf("  cleanup of %s\n", static_cast<const char *>(name));
}

static void unlock(void *)
{
	pthread_mutex_unlock(&mutex);
}

static void *cancelled(void *arg)
{
	const way *w = static_cast<const way *>(arg);
	guard g{w->name};

	pthread_cleanup_push(cleanup, const_cast<char *>(w->name));
	if (w->block == block_cond) {
		pthread_mutex_lock(&mutex);
		pthread_cleanup_push(unlock, nullptr);
		sem_post(&started);
		w->block();
		pthread_cleanup_pop(1);
	} else {
		sem_post(&started);
		w->block();
	}
	pthread_cleanup_pop(0);
	return nullptr;
}

static void *exits(void *arg)
{
	guard g{"pthread_exit"};
	char c = 'x';

	(void)!write(pair[0], &c, 1);
	pthread_exit(arg);
}

static void leave_by_cancel(const way &w)
{
	pthread_t thread;
	void *result;

	pthread_create(&thread, nullptr, cancelled, const_cast<way *>(&w));
	sem_wait(&started);
	usleep(3000);
	pthread_cancel(thread);
	pthread_join(thread, &result);
	printf("%s: %s\n", w.name, result == PTHREAD_CANCELED ? "cancelled" : "not cancelled");
}

static void throw_in_thread()
{
	pthread_t thread;
	void *result;

	pthread_create(&thread, nullptr, exits, &jump);
	pthread_join(thread, &result);
	printf("pthread_exit: %s\n", result == &jump ? "its value" : "another value");
	pthread_create(
		&thread, nullptr,
		[](void *) -> void * {
			for (int i = 0; i < 1000; i++) {
				try {
					char c;
					if (read(-1, &c, 1) < 0 && errno == EBADF)
						throw errno;
				} catch (int) {
				}
			}
			return nullptr;
		},
		nullptr);
	pthread_join(thread, nullptr);
}

int main()
{
	const way more[] = {{"cond", block_cond}, {"sem", block_sem}};

	setvbuf(stdout, nullptr, _IOFBF, 1 << 16);
	if (pipe(ends) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return 1;
	sem_init(&started, 0, 0);
	sem_init(&never, 0, 0);
	for (const way &w : ways)
		leave_by_exception(w);
	for (int round = 0; round < 20; round++)
		for (const way &w : ways)
			leave_by_jump(w);
	for (const way &w : ways)
		leave_by_cancel(w);
	for (const way &w : more)
		leave_by_cancel(w);
	throw_in_thread();
	for (int i = 0; i < 3; i++)
		leave_by_exception(ways[i]);
	return 0;
}
