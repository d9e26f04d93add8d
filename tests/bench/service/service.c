/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers small HTTP/1.1 requests on a port that it prints, as a bare server would: one thread, one
 * epoll, a read and a write a request. Ends with its standard input; each line there asks for the
 * CPU time used.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS 64
#define DESCRIPTORS 1024

static const char body[] = "{\"item\":4711,\"name\":\"a thing\",\"price\":12.5}";
static char answer[256];
static size_t answer_size;

static struct request {
	size_t have;
	char bytes[2048];
} requests[DESCRIPTORS];

static void fail(const char *what)
{
	fprintf(stderr, "service: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void watch(int poller, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event))
		fail("epoll");
}

static int listen_somewhere(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) || listen(fd, 128) ||
		getsockname(fd, (struct sockaddr *)&address, &size))
		fail("listen");
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);
	return fd;
}

static void take_connection(int poller, int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK), one = 1;

	if (fd < 0 || fd >= DESCRIPTORS)
		fail("accept");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	requests[fd].have = 0;
	watch(poller, fd);
}

static void tell_usage(void)
{
	struct rusage usage;
	char ask[64];

	if (read(0, ask, sizeof(ask)) <= 0)
		exit(0);
	getrusage(RUSAGE_SELF, &usage);
	printf("%lld\n",
		(long long)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
			usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
	fflush(stdout);
}

static void serve(int fd)
{
	struct request *request = &requests[fd];
	ssize_t got =
		read(fd, request->bytes + request->have, sizeof(request->bytes) - request->have);

	if (got <= 0) {
		if (got == 0 || errno != EAGAIN)
			close(fd);
		return;
	}
	request->have += (size_t)got;
	if (!memmem(request->bytes, request->have, "\r\n\r\n", 4))
		return;
	request->have = 0;
	if (write(fd, answer, answer_size) != (ssize_t)answer_size)
		fail("write");
}

int main(void)
{
	int poller = epoll_create1(0), listener = listen_somewhere();
	struct epoll_event events[EVENTS];

	answer_size = (size_t)snprintf(answer, sizeof(answer),
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
		sizeof(body) - 1, body);
	watch(poller, listener);
	watch(poller, 0);
	for (;;) {
		int count = epoll_wait(poller, events, EVENTS, -1);

		for (int i = 0; i < count; i++) {
			if (events[i].data.fd == listener)
				take_connection(poller, listener);
			else if (events[i].data.fd == 0)
				tell_usage();
			else
				serve(events[i].data.fd);
		}
	}
}
