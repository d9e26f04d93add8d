/* SPDX-License-Identifier: Apache-2.0 */
/* A program with known calls, for the tests of the shim: one way of behaving per argument. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int sink; /* /dev/null */
static char bytes[65536];

/* `size` names the call: tests look for it in the records. */
static void mark(size_t size)
{
	if (write(sink, bytes, size) != (ssize_t)size)
		abort();
}

static int join(pid_t child)
{
	int status = -1;

	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

static int do_records(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/nowhere/at.all"};
	int zero = open("/dev/zero", O_RDONLY), made = socket(AF_UNIX, SOCK_STREAM, 0);
	struct addrinfo *list = NULL;

	if (read(zero, bytes, 16) != 16 || pread(zero, bytes, 33, 5) != 33)
		return 1;
	errno = EXDEV;
	mark(7);
	if (errno != EXDEV)
		return 2;
	if (read(-1, bytes, 1) != -1 || errno != EBADF)
		return 3;
	if (open("/nowhere/at.all", O_RDONLY) != -1 || errno != ENOENT)
		return 4;
	if (open((char *)8, O_RDONLY) != -1 || errno != EFAULT)
		return 5;
	if (connect(made, (struct sockaddr *)&address, sizeof(address)) != -1 || errno != ENOENT)
		return 6;
	if (connect(made, (struct sockaddr *)8, sizeof(address)) != -1 || errno != EFAULT)
		return 7;
	if (getaddrinfo("127.0.0.1", "80", NULL, &list))
		return 8;
	freeaddrinfo(list);
	free(realloc(malloc(100), 200));
	close(zero);
	return close(made);
}

static void before_fork(void)
{
	mark(11);
}

static int do_nest(void)
{
	pid_t child;

	pthread_atfork(before_fork, NULL, NULL);
	child = fork();
	if (child == 0)
		_exit(0);
	mark(12);
	return join(child);
}

static int do_writes(int count)
{
	for (int index = 0; index < count; index++)
		mark(1);
	return 0;
}

/* Waits for a byte of the test before each round of writes; says when it is done. */
static int do_rounds(int count)
{
	char go;

	while (read(0, &go, 1) == 1) {
		do_writes(count);
		if (write(1, &go, 1) != 1)
			return 1;
	}
	return 0;
}

/* So that nothing lies between the raw call and what the child does. */
static int clone_run(void *unused)
{
	(void)unused;
	mark(104);
	_exit(0);
}

static int do_forks(void)
{
	static char stack[65536];
	pid_t child = fork();
	int bad;

	if (child == 0) {
		mark(101);
		_exit(0);
	}
	bad = join(child);
	child = _Fork();
	if (child == 0) {
		mark(102);
		_exit(0);
	}
	bad |= join(child);
	child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (child == 0) {
		mark(103);
		_exit(0);
	}
	bad |= join(child);
	bad |= join(clone(clone_run, stack + sizeof(stack), SIGCHLD, NULL));
	child = vfork();
	if (child == 0) {
		mark(105);
		_exit(0);
	}
	bad |= join(child);
	mark(106);
	return bad;
}

static int do_vforks(int count)
{
	volatile int guard = 0x5afe;

	for (int index = 0; index < count; index++) {
		pid_t child = vfork();

		if (child == 0) {
			execl("/bin/true", "true", NULL);
			_exit(127);
		}
		if (join(child) || guard != 0x5afe)
			return 1;
	}
	mark(9);
	return 0;
}

static void *thread_mark(void *gate)
{
	pthread_barrier_wait(gate);
	mark(13);
	return NULL;
}

static int do_threads(int count)
{
	pthread_t *threads = calloc((size_t)count, sizeof(*threads));
	pthread_attr_t small;
	pthread_barrier_t gate;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 65536);
	pthread_barrier_init(&gate, NULL, (unsigned)count);
	for (int index = 0; index < count; index++)
		if (pthread_create(&threads[index], &small, thread_mark, &gate))
			return 1;
	for (int index = 0; index < count; index++)
		if (pthread_join(threads[index], NULL))
			return 2;
	mark(14);
	return 0;
}

static void *thread_leave(void *unused)
{
	mark(15);
	pthread_exit(unused);
}

static void *thread_cancelled(void *ends)
{
	read(*(int *)ends, bytes, 1);
	return NULL;
}

static int do_thread_ends(void)
{
	pthread_t leaver, cancelled;
	void *result;
	int ends[2];

	if (pipe(ends) || pthread_create(&leaver, NULL, thread_leave, bytes) ||
		pthread_create(&cancelled, NULL, thread_cancelled, ends))
		return 1;
	pthread_join(leaver, &result);
	if (result != bytes)
		return 2;
	pthread_cancel(cancelled);
	pthread_join(cancelled, &result);
	if (result != PTHREAD_CANCELED)
		return 3;
	pthread_setname_np(pthread_self(), "renamed");
	mark(16);
	return 0;
}

static atomic_long in_handler;

static void handler_mark(int number)
{
	int before = errno;

	(void)number;
	mark(2);
	in_handler++;
	errno = before;
}

static void storm_start(void (*handler)(int), int flags)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
	struct itimerval often = {{0, 50}, {0, 50}};

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
}

static void storm_stop(void)
{
	struct itimerval never = {{0, 0}, {0, 0}};

	setitimer(ITIMER_REAL, &never, NULL);
	signal(SIGALRM, SIG_IGN);
}

/* Prints how many calls it made: the records must add up to it. */
static int do_storm(int count)
{
	storm_start(handler_mark, SA_RESTART);
	for (int index = 0; index < count; index++)
		if (write(sink, bytes, 1) != 1)
			return 1;
	storm_stop();
	printf("%ld\n", count + in_handler);
	return 0;
}

#define STACKS (1 << 20)

static void handler_slept(int number)
{
	(void)number;
	mark(21);
}

/* Its handlers' stack lies above its own, where an outer call's frame would be. */
static void *thread_alternate(void *stacks)
{
	stack_t above = {.ss_sp = (char *)stacks + STACKS - 65536, .ss_size = 65536};
	struct itimerval soon = {{0, 0}, {0, 20000}};
	struct timespec moment = {.tv_sec = 5};
	struct sigaction action = {.sa_handler = handler_slept, .sa_flags = SA_ONSTACK};
	sigset_t alarms;

	sigaltstack(&above, NULL);
	sigemptyset(&alarms);
	sigaddset(&alarms, SIGALRM);
	pthread_sigmask(SIG_UNBLOCK, &alarms, NULL);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	nanosleep(&moment, NULL);
	storm_start(handler_mark, SA_RESTART | SA_ONSTACK);
	for (int index = 0; index < 200000; index++)
		if (write(sink, bytes, 1) != 1)
			abort();
	storm_stop();
	printf("%ld\n", 200001 + in_handler);
	return NULL;
}

static int do_alternate(void)
{
	pthread_attr_t attributes;
	pthread_t thread;
	sigset_t alarms;
	char *stacks =
		mmap(NULL, STACKS, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	sigemptyset(&alarms);
	sigaddset(&alarms, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarms, NULL);
	pthread_attr_init(&attributes);
	if (stacks == MAP_FAILED || pthread_attr_setstack(&attributes, stacks, STACKS / 2) ||
		pthread_create(&thread, &attributes, thread_alternate, stacks))
		return 1;
	return pthread_join(thread, NULL);
}

static sigjmp_buf back;
static volatile sig_atomic_t armed;

static void handler_jump(int number)
{
	(void)number;
	if (!armed)
		return;
	armed = 0;
	siglongjmp(back, 1);
}

/* Leaves calls, and the writing of their records, by jumps out of a signal handler. */
static int do_jumps(int count)
{
	volatile int jumps = 0;

	storm_start(handler_jump, SA_RESTART);
	if (sigsetjmp(back, 1))
		jumps++;
	armed = jumps < count;
	while (armed)
		mark(1);
	storm_stop();
	mark(17);
	mark(18);
	return 0;
}

static int do_jump_out(void)
{
	struct itimerval soon = {{0, 0}, {0, 20000}};
	int ends[2];

	if (pipe(ends))
		return 1;
	signal(SIGALRM, handler_jump);
	if (!sigsetjmp(back, 1)) {
		armed = 1;
		setitimer(ITIMER_REAL, &soon, NULL);
		read(ends[0], bytes, 1);
		return 2;
	}
	mark(19);
	return 0;
}

static bool environment_is_clean(void)
{
	for (char **variable = environ; variable && *variable; variable++)
		if (!strncmp(*variable, "RAGTIME_", 8) || strstr(*variable, "libragtime"))
			return false;
	return true;
}

/* Becomes itself, `count` times, in another way each time. */
static int do_execs(const char *self, int count)
{
	char left[16], *argv[] = {(char *)self, "execs", left, NULL};
	char *none[] = {NULL}, *some[] = {"LD_PRELOAD=", "A=1", NULL};

	snprintf(left, sizeof(left), "%d", count - 1);
	if (!environment_is_clean())
		return 90 + count;
	mark(200 + (size_t)count);
	switch (count) {
	case 7:
		execve(self, argv, NULL);
		break;
	case 6:
		execve(self, argv, none);
		break;
	case 5:
		execle(self, self, "execs", left, NULL, some);
		break;
	case 4:
		execl(self, self, "execs", left, NULL);
		break;
	case 3:
		execv(self, argv);
		break;
	case 2:
		environ = NULL;
		execvp(self, argv);
		break;
	case 1:
		fexecve(open(self, O_RDONLY), argv, environ);
		break;
	default:
		return 0;
	}
	return 80;
}

/* Starts another program in every way there is; each must end with status 0. */
static int do_starts(const char *program)
{
	char *argv[] = {(char *)program, "execs", "0", NULL};
	char command[4200];
	pid_t child;
	FILE *stream;

	if (posix_spawn(&child, program, NULL, NULL, argv, environ) || join(child))
		return 1;
	if (posix_spawnp(&child, program, NULL, NULL, argv, NULL) || join(child))
		return 2;
	snprintf(command, sizeof(command), "exec '%s' execs 0", program);
	if (system(command))
		return 3;
	stream = popen(command, "r");
	if (!stream || pclose(stream))
		return 4;
	return !environment_is_clean();
}

static int do_exec(char **argv)
{
	execvp(argv[0], argv);
	return errno == ENOENT ? 44 : 45;
}

static int do_seccomp(void)
{
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0))
		return 77;
	do_writes(5000);
	free(malloc(1 << 20));
	syscall(SYS_exit, 0);
	return 1;
}

static pthread_mutex_t contended = PTHREAD_MUTEX_INITIALIZER;

static void *thread_waits(void *unused)
{
	pthread_mutex_lock(&contended);
	pthread_mutex_unlock(&contended);
	return unused;
}

static int do_locks(void)
{
	pthread_mutexattr_t kind;
	pthread_mutex_t checked, robust;
	pthread_t thread;

	for (int index = 0; index < 100; index++) {
		pthread_mutex_lock(&contended);
		pthread_mutex_unlock(&contended);
	}
	pthread_mutex_lock(&contended);
	pthread_create(&thread, NULL, thread_waits, NULL);
	usleep(50000);
	pthread_mutex_unlock(&contended);
	pthread_join(thread, NULL);
	pthread_mutexattr_init(&kind);
	pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(&checked, &kind);
	if (pthread_mutex_lock(&checked) || pthread_mutex_lock(&checked) != EDEADLK)
		return 1;
	pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_NORMAL);
	pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&robust, &kind);
	pthread_create(&thread, NULL, (void *(*)(void *))pthread_mutex_lock, &robust);
	pthread_join(thread, NULL);
	return pthread_mutex_lock(&robust) == EOWNERDEAD ? 0 : 2;
}

int main(int argc, char **argv)
{
	const char *way = argc > 1 ? argv[1] : "";
	int number = argc > 2 ? atoi(argv[2]) : 0;

	sink = open("/dev/null", O_WRONLY);
	if (!strcmp(way, "records"))
		return do_records();
	if (!strcmp(way, "nest"))
		return do_nest();
	if (!strcmp(way, "writes"))
		return do_writes(number);
	if (!strcmp(way, "rounds"))
		return do_rounds(number);
	if (!strcmp(way, "forks"))
		return do_forks();
	if (!strcmp(way, "vforks"))
		return do_vforks(number);
	if (!strcmp(way, "threads"))
		return do_threads(number);
	if (!strcmp(way, "thread-ends"))
		return do_thread_ends();
	if (!strcmp(way, "storm"))
		return do_storm(number);
	if (!strcmp(way, "alternate"))
		return do_alternate();
	if (!strcmp(way, "jumps"))
		return do_jumps(number);
	if (!strcmp(way, "jump-out"))
		return do_jump_out();
	if (!strcmp(way, "execs"))
		return do_execs(argv[0], number);
	if (!strcmp(way, "starts"))
		return do_starts(argv[2]);
	if (!strcmp(way, "exec"))
		return do_exec(argv + 2);
	if (!strcmp(way, "seccomp"))
		return do_seccomp();
	if (!strcmp(way, "locks"))
		return do_locks();
	return 2;
}
