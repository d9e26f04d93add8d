/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_static_http PORT COUNT: reads a line from its input, then asks an HTTP server COUNT times over
 * one connection, and prints the start and the end of each by CLOCK_MONOTONIC. Without a dynamic
 * linker. flags: -static */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static int ask(int fd, int number)
{
	char text[512];
	int size =
		snprintf(text, sizeof(text), "GET /%d HTTP/1.1\r\nHost: localhost\r\n\r\n", number);
	ssize_t got, have = 0;
	const char *body;

	if (write(fd, text, (size_t)size) != size)
		return -1;
	do {
		got = read(fd, text + have, sizeof(text) - 1 - (size_t)have);
		have += got > 0 ? got : 0;
		text[have] = '\0';
		body = strstr(text, "\r\n\r\n");
	} while (got > 0 && !(body && strlen(body) >= 4 + 5));
	return got > 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	char line[16];
	int fd;

	if (argc != 3 || !fgets(line, sizeof(line), stdin))
		return 2;
	fd = socket(AF_INET, SOCK_STREAM, 0);
	address.sin_port = htons((uint16_t)atoi(argv[1]));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return 1;
	for (int i = 0; i < atoi(argv[2]); i++) {
		struct timespec pause = {.tv_nsec = 3000000};
		long long begin = now_ns();

		if (ask(fd, i))
			return 1;
		printf("%d %lld %lld\n", i, begin, now_ns());
		nanosleep(&pause, NULL);
	}
	return 0;
}
