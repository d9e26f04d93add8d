/* SPDX-License-Identifier: Apache-2.0 */
/* flags: -w */
/*
 * Calls every interposed function so that it fails, and prints what it returned and errno; then
 * calls that succeed must leave errno as it was.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FAILS(call)                                                \
	do {                                                       \
		errno = 4242;                                      \
		long result = (long)(call);                        \
		int err = errno;                                   \
		printf("%s = %ld errno %d\n", #call, result, err); \
	} while (0)

#define KEEPS(call)                                                       \
	do {                                                              \
		errno = 4242;                                             \
		int ok = (call);                                          \
		int err = errno;                                          \
		printf("%s: %s, errno %s\n", #call, ok ? "ok" : "failed", \
			err == 4242 ? "kept" : strerror(err));            \
	} while (0)

static char buffer[4096];
static struct iovec vector = {buffer, sizeof(buffer)};
static struct timespec short_time = {0, 1000};
static struct timespec bad_time = {0, -1};
static struct timespec past = {1, 0};

static void files(void)
{
	struct stat st;
	int dir = open("/", O_RDONLY | O_DIRECTORY);

	FAILS(open("/no/such/file", O_RDONLY));
	FAILS(open64("/no/such/file", O_RDONLY));
	FAILS(openat(AT_FDCWD, "/no/such/file", O_RDONLY));
	FAILS(openat64(-7, "relative", O_RDONLY));
	FAILS(creat("/no/such/file", 0600));
	FAILS(fopen("/no/such/file", "r"));
	FAILS(opendir("/no/such/folder"));
	FAILS(read(-1, buffer, 1));
	FAILS(read(dir, buffer, 1));
	FAILS(write(-1, buffer, 1));
	FAILS(pread(-1, buffer, 1, 0));
	FAILS(pwrite(-1, buffer, 1, 0));
	FAILS(readv(-1, &vector, 1));
	FAILS(writev(-1, &vector, 1));
	FAILS(preadv(-1, &vector, 1, 0));
	FAILS(pwritev(-1, &vector, 1, 0));
	FAILS(readv(0, &vector, -1));
	FAILS(lseek(-1, 0, SEEK_SET));
	FAILS(fsync(-1));
	FAILS(fdatasync(-1));
	FAILS(ftruncate(-1, 0));
	FAILS(mmap(NULL, 0, PROT_READ, MAP_PRIVATE, -1, 0));
	FAILS(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, -1, 0));
	FAILS(munmap((void *)1, 4096));
	FAILS(sendfile(-1, -1, NULL, 10));
	FAILS(copy_file_range(-1, NULL, -1, NULL, 10, 0));
	FAILS(splice(-1, NULL, -1, NULL, 10, 0));
	FAILS(dup(-1));
	FAILS(dup2(-1, 5));
	FAILS(dup3(1, 1, 0));
	FAILS(pipe2(NULL, 0));
	FAILS(close(-1));
	FAILS(fcntl(-1, F_GETFD));
	FAILS(stat("/no/such/file", &st));
	FAILS(lstat("/no/such/file", &st));
	FAILS(fstat(-1, &st));
	FAILS(fstatat(AT_FDCWD, "/no/such/file", &st, 0));
	FAILS(access("/no/such/file", R_OK));
	FAILS(faccessat(AT_FDCWD, "/no/such/file", R_OK, 0));
	FAILS(readlink("/", buffer, 10));
	FAILS(readlinkat(AT_FDCWD, "/", buffer, 10));
	close(dir);
}

static void sockets(void)
{
	struct sockaddr_un missing = {AF_UNIX, "/no/such/socket"};
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
	struct mmsghdr many = {message, 0};
	int udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	int tcp = socket(AF_INET, SOCK_STREAM, 0);
	int local = socket(AF_UNIX, SOCK_STREAM, 0);
	socklen_t size = sizeof(missing);

	FAILS(socket(-1, SOCK_STREAM, 0));
	FAILS(socketpair(AF_INET, SOCK_STREAM, 0, (int *)buffer));
	FAILS(connect(local, (void *)&missing, sizeof(missing)));
	FAILS(connect(-1, (void *)&missing, sizeof(missing)));
	FAILS(connect(tcp, NULL, 16));
	FAILS(bind(local, (void *)&missing, sizeof(missing)));
	FAILS(listen(udp, 1));
	FAILS(accept(tcp, NULL, NULL));
	FAILS(accept4(-1, NULL, NULL, 0));
	FAILS(send(-1, buffer, 1, 0));
	FAILS(send(tcp, buffer, 1, MSG_NOSIGNAL));
	FAILS(sendto(-1, buffer, 1, 0, NULL, 0));
	FAILS(sendmsg(-1, &message, 0));
	FAILS(sendmsg(tcp, NULL, 0));
	FAILS(sendmmsg(-1, &many, 1, 0));
	FAILS(recv(udp, buffer, 1, 0));
	FAILS(recv(tcp, buffer, 1, 0));
	FAILS(recvfrom(-1, buffer, 1, 0, NULL, NULL));
	FAILS(recvmsg(-1, &message, 0));
	FAILS(recvmsg(udp, NULL, 0));
	FAILS(recvmmsg(-1, &many, 1, 0, NULL));
	FAILS(shutdown(tcp, SHUT_RDWR));
	FAILS(read(udp, buffer, 1));
	FAILS(write(tcp, buffer, 0) - 0);
	FAILS(getaddrinfo(NULL, NULL, NULL, (struct addrinfo **)buffer));
	FAILS(getnameinfo((void *)&missing, 1, buffer, 10, NULL, 0, 0));
	FAILS(gethostbyname(""));
	close(udp);
	close(tcp);
	close(local);
}

static void waits(void)
{
	struct pollfd invalid = {-1, POLLIN, 0};
	struct epoll_event event;
	fd_set closed_set;
	struct timeval tv = {0, -1};
	sigset_t none;
	int queue = eventfd(0, EFD_NONBLOCK);
	sem_t sem;
	int status;

	sigemptyset(&none);
	FD_ZERO(&closed_set);
	FD_SET(500, &closed_set);
	sem_init(&sem, 0, 0);
	FAILS(poll((void *)1, 1, 0));
	FAILS(poll(&invalid, 1, 0));
	FAILS(ppoll(&invalid, 1, &bad_time, NULL));
	FAILS(select(501, &closed_set, NULL, NULL, &tv));
	FAILS(pselect(-1, NULL, NULL, NULL, NULL, NULL));
	FAILS(epoll_create1(-1));
	FAILS(epoll_wait(-1, &event, 1, 0));
	FAILS(epoll_pwait(queue, &event, 1, 0, NULL));
	FAILS(epoll_ctl(-1, EPOLL_CTL_ADD, 0, &event));
	FAILS(eventfd(0, -1));
	FAILS(eventfd_read(queue, (eventfd_t *)buffer));
	FAILS(nanosleep(&bad_time, NULL));
	FAILS(clock_nanosleep(CLOCK_MONOTONIC, 0, &bad_time, NULL));
	FAILS(usleep(0));
	FAILS(sem_trywait(&sem));
	FAILS(sem_timedwait(&sem, &past));
	FAILS(wait(&status));
	FAILS(waitpid(-1, &status, WNOHANG));
	FAILS(wait4(-1, &status, 0, NULL));
	FAILS(waitid(P_ALL, 0, NULL, WEXITED));
	FAILS(sigtimedwait(&none, NULL, &short_time));
	close(queue);
}

static void *nothing(void *arg)
{
	return arg;
}

static void threads(void)
{
	pthread_mutex_t mutex;
	pthread_mutexattr_t checked;
	pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
	pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
	pthread_attr_t attr;
	pthread_t thread;
	cpu_set_t nowhere;

	pthread_mutexattr_init(&checked);
	pthread_mutexattr_settype(&checked, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(&mutex, &checked);
	pthread_attr_init(&attr);
	pthread_mutex_lock(&mutex);
	FAILS(pthread_mutex_lock(&mutex));
	FAILS(pthread_mutex_trylock(&mutex));
	FAILS(pthread_mutex_timedlock(&mutex, &past));
	FAILS(pthread_cond_timedwait(&cond, &mutex, &past));
	FAILS(pthread_mutex_unlock(&mutex));
	FAILS(pthread_mutex_unlock(&mutex));
	pthread_rwlock_wrlock(&rwlock);
	FAILS(pthread_rwlock_rdlock(&rwlock));
	FAILS(pthread_rwlock_wrlock(&rwlock));
	FAILS(pthread_rwlock_timedrdlock(&rwlock, &past));
	FAILS(pthread_join(pthread_self(), NULL));
	FAILS(pthread_setname_np(pthread_self(), "a name that is too long for it"));
	CPU_ZERO(&nowhere);
	CPU_SET(1000, &nowhere);
	pthread_attr_setaffinity_np(&attr, sizeof(nowhere), &nowhere);
	FAILS(pthread_create(&thread, &attr, nothing, NULL));
}

static void processes(void)
{
	char *argv[] = {"no-such-program", NULL};
	char *envp[] = {"A=B", NULL};
	pid_t pid;

	FAILS(execve("/no/such/program", argv, envp));
	FAILS(execv("/", argv));
	FAILS(execvp("no-such-program", argv));
	FAILS(execvpe("no-such-program", argv, envp));
	FAILS(execl("/no/such/program", "a", "b", "c", "d", "e", "f", "g", NULL));
	FAILS(execlp("no-such-program", "a", NULL));
	FAILS(execle("/no/such/program", "a", NULL, envp));
	FAILS(fexecve(-1, argv, envp));
	FAILS(execveat(AT_FDCWD, "/no/such/program", argv, envp, 0));
	FAILS(posix_spawn(&pid, "/no/such/program", NULL, NULL, argv, envp));
	FAILS(posix_spawnp(&pid, "no-such-program", NULL, NULL, argv, envp));
	FAILS(syscall(SYS_read, -1, buffer, 1));
	FAILS(syscall(100000));
	FAILS(system("exit 3") >> 8);
	FAILS(pclose(popen("exit 4", "r")) >> 8);
	FAILS(dlopen("/no/such/library.so", RTLD_NOW));
	printf("dlerror: %s\n", dlerror());
	FAILS(dlclose(dlopen(NULL, RTLD_NOW)));
}

static void memory(void)
{
	void *p = (void *)1;

	FAILS(malloc(-4096ul));
	FAILS(calloc(-1ul, 16));
	FAILS(realloc(NULL, -4096ul));
	FAILS(reallocarray(NULL, -1ul, 16));
	FAILS(memalign(64, -4096ul));
	FAILS(aligned_alloc(64, -4096ul));
	FAILS(posix_memalign(&p, 3, 16));
	FAILS(posix_memalign(&p, 64, -4096ul));
	printf("posix_memalign left %p\n", p);
}

static void successes(void)
{
	int ends[2], file;
	void *map;

	KEEPS(pipe(ends) == 0);
	KEEPS(write(ends[1], "x", 1) == 1);
	KEEPS(read(ends[0], buffer, 1) == 1);
	KEEPS((file = open("/proc/self/exe", O_RDONLY)) >= 0);
	KEEPS(pread(file, buffer, 4, 0) == 4);
	KEEPS((map = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 0)) != MAP_FAILED);
	KEEPS(munmap(map, 4096) == 0);
	KEEPS(close(file) == 0);
	KEEPS((map = malloc(100)) != NULL);
	KEEPS((map = realloc(map, 200)) != NULL);
	KEEPS((free(map), 1));
	KEEPS(poll(NULL, 0, 1) == 0);
	KEEPS(nanosleep(&short_time, NULL) == 0);
	KEEPS(access("/", R_OK) == 0);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	signal(SIGPIPE, SIG_IGN);
	files();
	sockets();
	waits();
	threads();
	processes();
	memory();
	successes();
	return 42;
}
