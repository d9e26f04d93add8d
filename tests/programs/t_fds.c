/* SPDX-License-Identifier: Apache-2.0 */
/* Closes every descriptor, in each of the ways there are, goes on working, then uses all up. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void *work(void *name)
{
	char text[64];
	int fd = open("/proc/self/comm", O_RDONLY);
	ssize_t got = read(fd, text, sizeof(text));

	dprintf(1, "thread after %s: fd %d, read %zd\n", (char *)name, fd, got);
	close(fd);
	return NULL;
}

static void check(const char *name)
{
	pthread_t thread;
	int fd = open("/dev/null", O_RDWR);
	ssize_t wrote = write(fd, "x", 1);

	dprintf(1, "after %s: next fd %d, write %zd, close %d\n", name, fd, wrote, close(fd));
	pthread_create(&thread, NULL, work, (void *)name);
	pthread_join(thread, NULL);
}

static void exhaust(void)
{
	struct rlimit limit = {40, 40};
	struct addrinfo *list = NULL;
	int count = 0;

	setrlimit(RLIMIT_NOFILE, &limit);
	while (open("/dev/null", O_RDONLY) >= 0)
		count++;
	dprintf(1, "opened %d, then errno %d\n", count, errno);
	dprintf(1, "socket %d errno %d\n", socket(AF_INET, SOCK_STREAM, 0), errno);
	dprintf(1, "dup %d errno %d\n", dup(1), errno);
	dprintf(1, "getaddrinfo %s\n", gai_strerror(getaddrinfo("127.0.0.1", "80", NULL, &list)));
	check("using all up");
}

int main(void)
{
	for (int fd = 3; fd < 1024; fd++)
		close(fd);
	check("closing one by one");
	close_range(3, ~0u, 0);
	check("close_range");
	closefrom(3);
	check("closefrom");
	syscall(SYS_close_range, 3, ~0u, 2);
	check("close_range with unshare");
	for (int fd = 3; fd < 1024; fd++)
		dup2(1, fd);
	closefrom(3);
	check("dup2 over all");
	exhaust();
	return 7;
}
