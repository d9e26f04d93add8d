/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/coldstart/ready.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define PORT_MAX 65535

static const char *parse_port(const char *text, const char **end, unsigned *port)
{
	unsigned long value = strtoul(text, (char **)end, 10);

	if (*end == text || *text == '-' || !value || value > PORT_MAX)
		return "the port is a number from 1 to 65535";
	*port = (unsigned)value;
	return NULL;
}

static const char *parse_listen(const char *text, struct ready *ready)
{
	const char *end = "", *fault;

	ready->kind = READY_LISTEN;
	if (!*text)
		return NULL;
	fault = *text == ':' ? parse_port(text + 1, &end, &ready->port) : "";
	return !fault && *end ? "nothing may stand behind the port" : fault;
}

/* http:/health, http:8000/health, http://localhost:8000/health */
static const char *parse_http(const char *text, struct ready *ready)
{
	const char *fault;

	ready->kind = READY_HTTP;
	if (!strncmp(text, "//", 2)) {
		text += 2;
		text += strcspn(text, ":/");
		text += *text == ':';
	}
	if (*text != '/') {
		fault = parse_port(text, &text, &ready->port);
		if (fault)
			return fault;
	}
	if (*text != '/' || strpbrk(text, " \r\n"))
		return "a path is missing, as in http:/health or http:8000/health";
	ready->pattern = text;
	return NULL;
}

const char *ready_parse(const char *text, struct ready *ready)
{
	const char *fault = "";

	*ready = (struct ready){READY_AUTO, 0, NULL};
	if (!strcmp(text, "auto"))
		return NULL;
	if (!strncmp(text, "listen", 6))
		fault = parse_listen(text + 6, ready);
	else if (!strncmp(text, "http:", 5))
		return parse_http(text + 5, ready);
	if (!strncmp(text, "func:", 5) && text[5]) {
		*ready = (struct ready){READY_FUNCTION, 0, text + 5};
		return NULL;
	}
	if (!strcmp(text, "first-inference")) {
		ready->kind = READY_INFERENCE;
		return NULL;
	}
	if (!strcmp(text, "exit")) {
		ready->kind = READY_EXIT;
		return NULL;
	}
	return fault && !*fault ? "it is auto, listen, listen:PORT, http:PATH, http:PORT/PATH, "
				  "first-inference, func:PATTERN or exit"
				: fault;
}

bool ready_is_call(const struct ready *ready)
{
	return ready->kind == READY_INFERENCE || ready->kind == READY_FUNCTION;
}

static bool answers(unsigned port, const char *path)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct timeval patience = {.tv_sec = 1};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char text[1024], status = 0;
	bool good = false;
	int size;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	size = snprintf(text, sizeof(text),
		"GET %s HTTP/1.1\r\nHost: localhost:%u\r\nUser-Agent: ragtime-coldstart\r\n"
		"Connection: close\r\n\r\n",
		path, port);
	if (fd >= 0 && size < (int)sizeof(text) &&
		!connect(fd, (struct sockaddr *)&address, sizeof(address)) &&
		send(fd, text, (size_t)size, MSG_NOSIGNAL) == size) {
		ssize_t got = recv(fd, text, sizeof(text) - 1, 0);

		text[got > 0 ? got : 0] = '\0';
		good = sscanf(text, "HTTP/1.%*c %c", &status) == 1 && status == '2';
	}
	if (fd >= 0)
		close(fd);
	return good;
}

bool ready_holds(const struct ready *ready, const struct proc_tree *tree, unsigned *port)
{
	if (ready->kind == READY_EXIT || ready_is_call(ready))
		return false;
	if (!*port)
		*port = proc_tree_listens(tree, ready->port);
	return *port && (ready->kind != READY_HTTP || answers(*port, ready->pattern));
}

void ready_describe(const struct ready *ready, char *out, unsigned size)
{
	switch (ready->kind) {
	case READY_AUTO:
		snprintf(out, size, "listening, or its end");
		break;
	case READY_LISTEN:
		if (ready->port)
			snprintf(out, size, "listening on port %u", ready->port);
		else
			snprintf(out, size, "listening");
		break;
	case READY_HTTP:
		snprintf(out, size, "an answer 2xx to GET %s", ready->pattern);
		break;
	case READY_INFERENCE:
		snprintf(out, size, "the first inference");
		break;
	case READY_FUNCTION:
		snprintf(out, size, "the first call of %s", ready->pattern);
		break;
	case READY_EXIT:
		snprintf(out, size, "its end");
		break;
	}
}
