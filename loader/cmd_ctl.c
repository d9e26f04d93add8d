/* SPDX-License-Identifier: Apache-2.0 */
/* ragtime ctl: steers a running trace. */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/command.h"
#include "lib/log.h"
#include "loader/capture/ctl_socket.h"

#define EXIT_USAGE 2

static const char usage[] = "PID on|off|rate R|report|stop";
static const char help[] =
	"Steer a running trace. PID is the traced program's or its tracer's."
	"\vOrders:\n"
	"  on      record everything again\n"
	"  off     record nothing; the hooks stay in place and cost next to nothing\n"
	"  rate R  record one call in R\n"
	"  report  write out what has been recorded and say where it is\n"
	"  stop    end the trace; the program goes on\n\n"
	"Examples:\n"
	"  ragtime ctl 4711 rate 100\n"
	"  ragtime ctl 4711 report\n"
	"  ragtime ctl $(pgrep -o gunicorn) stop\n";

struct ctl {
	pid_t pid;
	char request[CTL_REQUEST_MAX];
};

static pid_t parse_pid(const char *text, struct argp_state *state)
{
	char *end;
	long pid = strtol(text, &end, 10);

	if (end == text || *end || pid <= 0 || pid > 1 << 30)
		argp_error(state, "'%s' is not a PID", text);
	return (pid_t)pid;
}

static void parse_order(struct ctl *ctl, unsigned count, char **words, struct argp_state *state)
{
	static const char *const plain[] = {"on", "off", "report", "stop"};
	char *end;
	unsigned long rate;

	for (size_t i = 0; count == 1 && i < sizeof(plain) / sizeof(plain[0]); i++) {
		if (!strcmp(words[0], plain[i])) {
			strcpy(ctl->request, plain[i]);
			return;
		}
	}
	if (count != 2 || strcmp(words[0], "rate") != 0)
		argp_error(state, "the order is one of: on, off, rate R, report, stop");
	rate = strtoul(words[1], &end, 10);
	if (end == words[1] || *end || *words[1] == '-' || !rate || rate > 1000000000)
		argp_error(state, "rate '%s' is not a number from 1 on", words[1]);
	snprintf(ctl->request, sizeof(ctl->request), "rate %lu", rate);
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct ctl *ctl = state->input;

	(void)arg;
	switch (key) {
	case ARGP_KEY_ARGS:
		ctl->pid = parse_pid(state->argv[state->next], state);
		if (state->argc == state->next + 1)
			argp_error(state, "what shall the tracer of %d do?", (int)ctl->pid);
		parse_order(ctl, (unsigned)(state->argc - state->next - 1),
			state->argv + state->next + 1, state);
		break;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "whose trace? Give the program's PID");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const char *explain(int err)
{
	switch (-err) {
	case ECONNREFUSED:
		return "it is not being traced (a child of a traced program goes by the "
		       "program's PID)";
	case EACCES:
		return "its tracer belongs to another user";
	default:
		return strerror(-err);
	}
}

/* "ok TEXT" or "error TEXT". */
static int print_reply(const struct ctl *ctl, char *reply)
{
	char *text = strchr(reply, ' ');
	char *line;

	if (!text || strncmp(reply, "ok ", 3) != 0) {
		log_error("process %d: %s", (int)ctl->pid, text ? text + 1 : "no answer");
		return 1;
	}
	text++;
	line = strchr(text, '\n');
	if (line)
		*line++ = '\0';
	if (!strcmp(ctl->request, "report")) {
		printf("trace so far: %s\n%s", text, line ? line : "");
		if (*text == '/')
			printf("see: ragtime report %s\n", text);
	} else if (!strcmp(ctl->request, "stop")) {
		printf("trace saved to %s\n", text);
	} else {
		printf("%s\n", text);
	}
	return 0;
}

int cmd_ctl(int argc, char **argv)
{
	static const struct argp argp = {NULL, parse_option, usage, help, NULL, NULL, NULL};
	struct ctl ctl = {0};
	char reply[CTL_REPLY_MAX + 1], end;
	ssize_t size;
	int fd, code;

	argp_err_exit_status = EXIT_USAGE;
	argv[0] = "ragtime ctl";
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &ctl);
	fd = ctl_connect(ctl.pid);
	if (fd < 0) {
		log_error("process %d: %s", (int)ctl.pid, explain(fd));
		return 1;
	}
	if (send(fd, ctl.request, strlen(ctl.request), MSG_NOSIGNAL) < 0) {
		log_error("process %d: %s", (int)ctl.pid, strerror(errno));
		close(fd);
		return 1;
	}
	size = recv(fd, reply, sizeof(reply) - 1, 0);
	reply[size > 0 ? size : 0] = '\0';
	/* the tracer closes when the order has been carried out */
	while (size > 0 && recv(fd, &end, sizeof(end), 0) > 0)
		;
	code = print_reply(&ctl, reply);
	close(fd);
	return code;
}
