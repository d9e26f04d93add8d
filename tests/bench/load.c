/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load PORT CONNECTIONS SECONDS [RATE]: small HTTP/1.1 requests to 127.0.0.1:PORT. With a RATE
 * (requests a second) they become due at fixed moments, whether or not those before were answered,
 * and their time counts from then; without one each connection asks again as soon as it has its
 * answer. Prints how many were answered in a second, and percentiles of their times.
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
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 256
#define TIMES_MAX (1u << 24)
#define TICK_NS 200000

static const char request[] = "GET /items/4711 HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n";

struct connection {
	int fd;
	uint64_t due; /* of the request under way; 0: none */
	size_t have;
	char answer[4096];
};

static struct connection connections[CONNECTIONS_MAX];
static unsigned idle[CONNECTIONS_MAX], idle_count;
static uint32_t *times; /* microseconds */
static size_t answered;
static uint64_t begun, asked, interval; /* interval 0: ask again at once */

static void fail(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void ask(struct connection *connection, uint64_t due)
{
	connection->due = due;
	connection->have = 0;
	if (send(connection->fd, request, sizeof(request) - 1, MSG_NOSIGNAL) !=
		(ssize_t)sizeof(request) - 1)
		fail("send");
}

/* Those that have become due, as far as connections are free. */
static void ask_due(void)
{
	uint64_t time = now();

	while (interval && idle_count && begun + asked * interval <= time) {
		ask(&connections[idle[--idle_count]], begun + asked * interval);
		asked++;
	}
}

/* Bytes of the whole answer, or 0 while its length is not known. */
static size_t answer_size(struct connection *connection)
{
	const char *end, *length;

	connection->answer[connection->have] = '\0';
	end = strstr(connection->answer, "\r\n\r\n");
	length = strcasestr(connection->answer, "\r\ncontent-length:");
	if (!end || !length || length > end)
		return 0;
	return (size_t)(end + 4 - connection->answer) + strtoul(length + 17, NULL, 10);
}

static void take(struct connection *connection)
{
	ssize_t got = recv(connection->fd, connection->answer + connection->have,
		sizeof(connection->answer) - 1 - connection->have, MSG_DONTWAIT);
	size_t size;

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0)
		fail("recv");
	connection->have += (size_t)got;
	size = answer_size(connection);
	if (!size || connection->have < size)
		return;
	if (answered < TIMES_MAX)
		times[answered++] = (uint32_t)((now() - connection->due) / 1000);
	connection->due = 0;
	if (interval)
		idle[idle_count++] = (unsigned)(connection - connections);
	else
		ask(connection, now());
}

static int connect_to(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)))
		fail("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static int by_value(const void *left, const void *right)
{
	const uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

	return a < b ? -1 : a > b;
}

static int make_timer(void)
{
	struct itimerspec every = {{0, TICK_NS}, {0, TICK_NS}};
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);

	if (timer < 0 || timerfd_settime(timer, 0, &every, NULL))
		fail("timer");
	return timer;
}

static void watch(int poller, int fd, void *what)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = what};

	if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event))
		fail("epoll");
}

static void run(int poller, int timer, double seconds)
{
	uint64_t end = begun + (uint64_t)(seconds * 1e9), expired;
	struct epoll_event events[CONNECTIONS_MAX];

	while (now() < end) {
		int count = epoll_wait(poller, events, CONNECTIONS_MAX, 100);

		for (int i = 0; i < count; i++) {
			if (events[i].data.ptr)
				take(events[i].data.ptr);
			else if (read(timer, &expired, sizeof(expired)) < 0 && errno != EAGAIN)
				fail("timer");
		}
		ask_due();
	}
}

int main(int argc, char **argv)
{
	int port = argc > 1 ? atoi(argv[1]) : 0, poller = epoll_create1(0), timer = make_timer();
	unsigned count = argc > 2 ? (unsigned)atoi(argv[2]) : 0;
	double seconds = argc > 3 ? atof(argv[3]) : 0, rate = argc > 4 ? atof(argv[4]) : 0;

	if (!port || !count || count > CONNECTIONS_MAX || seconds <= 0) {
		fprintf(stderr, "usage: load PORT CONNECTIONS SECONDS [RATE]\n");
		return 2;
	}
	interval = rate > 0 ? (uint64_t)(1e9 / rate) : 0;
	times = malloc(TIMES_MAX * sizeof(*times));
	if (!times)
		fail("memory");
	for (unsigned i = 0; i < count; i++) {
		connections[i].fd = connect_to(port);
		watch(poller, connections[i].fd, &connections[i]);
		idle[idle_count++] = i;
	}
	watch(poller, timer, NULL);
	begun = now();
	for (unsigned i = 0; !interval && i < count; i++)
		ask(&connections[i], now());
	run(poller, timer, seconds);
	qsort(times, answered, sizeof(*times), by_value);
	if (!answered)
		fail("no answers");
	fprintf(stderr, "load answered=%zu per_s=%.1f p50_us=%u p99_us=%u\n", answered,
		(double)answered / seconds, times[answered / 2], times[answered * 99 / 100]);
	return 0;
}
