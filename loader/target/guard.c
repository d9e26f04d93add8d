/* SPDX-License-Identifier: Apache-2.0 */
#include "loader/target/guard.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/log.h"
#include "loader/target/inject.h"

#define LEAVE_TRIES 30

enum order { ORDER_ENTER = 1, ORDER_LEAVE = 2 };

struct message {
	int32_t what; /* enum order; in an answer 0 or -errno */
	uint32_t pad;
	uint64_t cookie;
	char shim[4096];
};

struct guard {
	pid_t pid;
	int link;
};

/* ---- the process ---- */

static int send_answer(int link, int err, int fd)
{
	struct message message = {.what = err};
	struct iovec bytes = {&message, sizeof(message)};
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct msghdr header = {.msg_iov = &bytes, .msg_iovlen = 1};

	if (fd >= 0) {
		struct cmsghdr *rights;

		header.msg_control = control.room;
		header.msg_controllen = sizeof(control.room);
		rights = CMSG_FIRSTHDR(&header);
		rights->cmsg_level = SOL_SOCKET;
		rights->cmsg_type = SCM_RIGHTS;
		rights->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(rights), &fd, sizeof(fd));
	}
	return sendmsg(link, &header, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* The target may be too busy for it now. */
static bool is_passing(int err)
{
	return err == -EAGAIN || err == -ETIMEDOUT || err == -EPERM;
}

static bool leave(struct inject *inject)
{
	const struct timespec pause = {.tv_sec = 1};
	int err = inject_leave(inject);

	for (int i = 0; i < LEAVE_TRIES && is_passing(err); i++) {
		nanosleep(&pause, NULL);
		err = inject_leave(inject);
	}
	return !err;
}

/* Until ragtime says nothing more, because it is done or is no more. */
static void serve(pid_t pid, struct inject *inject, int link)
{
	struct message order;
	bool inside = false;

	while (recv(link, &order, sizeof(order), 0) == (ssize_t)sizeof(order)) {
		int err;

		if (order.what == ORDER_ENTER) {
			err = inject_enter(inject, order.shim, order.cookie);
			inside = !err;
		} else {
			err = inject_leave(inject);
			inside = is_passing(err);
		}
		send_answer(link, err, -1);
	}
	if (inside && !leave(inject))
		log_error("the hooks are still in process %d: attach to it again to have them out",
			(int)pid);
}

/* Nothing that is meant for ragtime, or for all that its terminal runs, ends it. */
static void keep_apart(void)
{
	static const int signals[] = {SIGHUP, SIGINT, SIGTERM, SIGQUIT, SIGPIPE, SIGTSTP};

	setsid();
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], SIG_IGN);
	prctl(PR_SET_NAME, "ragtime-guard");
}

static void be_guard(pid_t pid, int link)
{
	struct inject *inject;
	int region;

	keep_apart();
	inject = inject_open(pid);
	region = inject ? inject_take_region(inject) : -1;
	if (!send_answer(link, inject ? 0 : -ECANCELED, region) && inject) {
		if (region >= 0)
			close(region);
		serve(pid, inject, link);
	}
	inject_close(inject);
}

/* Its parent is gone at once, so that nobody has to wait for it. */
static int start(pid_t pid, const int ends[2])
{
	pid_t between = fork();
	int status;

	if (between < 0)
		return -errno;
	if (!between) {
		pid_t guard = fork();

		if (!guard) {
			close(ends[0]);
			be_guard(pid, ends[1]);
		}
		_exit(guard < 0);
	}
	while (waitpid(between, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EAGAIN;
}

/* ---- ragtime ---- */

/* What it answers, and with `fd` what it hands over, -1 where nothing. -EPIPE: it is no more. */
static int wait_answer(const struct guard *guard, int *fd)
{
	struct message message;
	struct iovec bytes = {&message, sizeof(message)};
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct msghdr header = {.msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room)};
	struct cmsghdr *rights;
	ssize_t size;

	do
		size = recvmsg(guard->link, &header, MSG_CMSG_CLOEXEC);
	while (size < 0 && errno == EINTR);
	if (size != (ssize_t)sizeof(message))
		return -EPIPE;
	rights = CMSG_FIRSTHDR(&header);
	if (fd)
		*fd = -1;
	if (fd && rights && rights->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(rights), sizeof(*fd));
	return message.what;
}

static int ask(const struct guard *guard, const struct message *order)
{
	if (send(guard->link, order, sizeof(*order), MSG_NOSIGNAL) < 0)
		return -EPIPE;
	return wait_answer(guard, NULL);
}

struct guard *guard_open(pid_t pid, int *region)
{
	struct guard *guard = calloc(1, sizeof(*guard));
	int ends[2], err;

	if (!guard || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends)) {
		log_error("cannot begin: %s", strerror(errno));
		free(guard);
		return NULL;
	}
	guard->pid = pid;
	guard->link = ends[0];
	err = start(pid, ends);
	close(ends[1]);
	if (err)
		log_error("cannot start a process: %s", strerror(-err));
	else
		err = wait_answer(guard, region);
	if (!err)
		return guard;
	guard_close(guard);
	return NULL;
}

int guard_enter(struct guard *guard, const char *shim, uint64_t cookie)
{
	struct message order = {.what = ORDER_ENTER, .cookie = cookie};
	int err;

	if (strlen(shim) >= sizeof(order.shim))
		return -ENAMETOOLONG;
	memcpy(order.shim, shim, strlen(shim));
	err = ask(guard, &order);
	if (err == -EPIPE)
		log_error("the process that works on process %d was ended", (int)guard->pid);
	return err;
}

int guard_leave(struct guard *guard)
{
	const struct message order = {.what = ORDER_LEAVE};

	return ask(guard, &order);
}

void guard_close(struct guard *guard)
{
	char end;

	if (!guard)
		return;
	shutdown(guard->link, SHUT_WR);
	while (recv(guard->link, &end, sizeof(end), 0) > 0)
		;
	close(guard->link);
	free(guard);
}
