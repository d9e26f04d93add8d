/* SPDX-License-Identifier: Apache-2.0 */
#include "loader/kernel/sockets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/map.h"
#include "loader/capture/drain_outside.h"
#include "loader/kernel/programs.h"
#include "loader/kernel/task_state.h"
#include "loader/target/ports.h"
#include "loader/target/procfs.h"

/* The shim counts connections from 1 on; these must not be taken for its. */
#define FIRST_NUMBER 0x40000000u

struct socket {
	uint64_t inode;	  /* 0: a session of TLS, or not known yet */
	uint64_t session; /* of TLS */
	uint64_t position[2];
	uint32_t number;
	int fd;		/* the first that stood for it; -1: a session over nothing that is known */
	unsigned names; /* descriptors */
	bool muted;
	bool used;
	bool spoken; /* plain text of the session has been seen */
};

struct sockets {
	struct tasks *tasks;
	struct programs *programs;
	struct ports *ports;
	struct map by_name;    /* pid << 32 | fd: struct socket * */
	struct map by_session; /* likewise */
	struct map by_number;
	uint32_t last;
};

struct sockets *sockets_new(struct tasks *tasks, struct programs *programs)
{
	struct sockets *sockets = calloc(1, sizeof(*sockets));

	if (!sockets)
		return NULL;
	sockets->tasks = tasks;
	sockets->programs = programs;
	sockets->ports = ports_new();
	sockets->last = FIRST_NUMBER;
	if (!sockets->ports) {
		free(sockets);
		return NULL;
	}
	return sockets;
}

static struct socket *entry_socket(const struct map_entry *entry)
{
	return entry->used ? (struct socket *)(uintptr_t)entry->value : NULL;
}

void sockets_free(struct sockets *sockets)
{
	if (!sockets)
		return;
	for (size_t i = 0; i < sockets->by_number.capacity; i++)
		free(entry_socket(&sockets->by_number.entries[i]));
	map_free(&sockets->by_name);
	map_free(&sockets->by_session);
	map_free(&sockets->by_number);
	ports_free(sockets->ports);
	free(sockets);
}

static uint64_t name_key(pid_t pid, int fd)
{
	return (uint64_t)(uint32_t)pid << 32 | (uint32_t)fd;
}

static uint64_t session_key(pid_t pid, uint64_t session)
{
	return session ^ (uint64_t)(uint32_t)pid << 42;
}

static struct socket *find(const struct map *map, uint64_t key)
{
	uint64_t *place = map_find(map, key);

	return place ? (struct socket *)(uintptr_t)*place : NULL;
}

/* A socket of a number of its own, under `key`. */
static struct socket *add(struct sockets *sockets, struct map *map, uint64_t key, int fd)
{
	struct socket *socket = calloc(1, sizeof(*socket));
	uint64_t *number, *place;

	if (!socket)
		return NULL;
	socket->number = sockets->last + 1;
	socket->fd = fd;
	socket->names = 1;
	number = map_at(&sockets->by_number, socket->number);
	if (!number) {
		free(socket);
		return NULL;
	}
	*number = (uint64_t)(uintptr_t)socket;
	sockets->last++;
	place = map_at(map, key);
	if (place)
		*place = (uint64_t)(uintptr_t)socket;
	return socket;
}

static void drop(struct sockets *sockets, struct socket *socket)
{
	if (socket->muted && socket->inode)
		programs_mute(sockets->programs, socket->inode, false);
	map_remove(&sockets->by_number, socket->number);
	free(socket);
}

/* The data mark that says that a connection is over. */
static void tell_end(struct task *task, const struct socket *socket, uint64_t ns)
{
	struct rt_record mark = {
		.start = tasks_ticks(task->all, ns),
		.kind = RT_EV_data,
		.depth = (uint8_t)task->depth,
		.arg = (uint32_t)socket->fd | (uint64_t)socket->number << 32,
		.result = -1,
	};

	if (socket->used)
		task_put(task, &mark, NULL);
}

static void unname(struct sockets *sockets, uint64_t key, struct task *task, uint64_t ns)
{
	struct socket *socket = find(&sockets->by_name, key);

	if (!socket)
		return;
	map_remove(&sockets->by_name, key);
	if (--socket->names)
		return;
	if (task)
		tell_end(task, socket, ns);
	drop(sockets, socket);
}

void sockets_made(struct sockets *sockets, pid_t pid, int fd)
{
	uint64_t key = name_key(pid, fd);

	unname(sockets, key, NULL, 0);
	add(sockets, &sockets->by_name, key, fd);
}

void sockets_shared(struct sockets *sockets, pid_t pid, int fd, int made)
{
	struct socket *socket = find(&sockets->by_name, name_key(pid, fd));
	uint64_t *place;

	if (fd == made)
		return;
	unname(sockets, name_key(pid, made), NULL, 0);
	place = socket ? map_at(&sockets->by_name, name_key(pid, made)) : NULL;
	if (!place)
		return;
	*place = (uint64_t)(uintptr_t)socket;
	socket->names++;
}

void sockets_closed(struct sockets *sockets, struct task *task, int fd, uint64_t ns)
{
	unname(sockets, name_key(task->pid, fd), task, ns);
}

/* The names that one process has, gathered first: the table must not change on the way through it.
 */
static size_t names_of(const struct sockets *sockets, pid_t pid, uint64_t **keys)
{
	size_t count = 0;

	*keys = calloc(sockets->by_name.count + 1, sizeof(**keys));
	for (size_t i = 0; *keys && i < sockets->by_name.capacity; i++) {
		const struct map_entry *entry = &sockets->by_name.entries[i];

		if (entry->used && entry->key >> 32 == (uint32_t)pid)
			(*keys)[count++] = entry->key;
	}
	return count;
}

void sockets_forked(struct sockets *sockets, pid_t parent, pid_t child)
{
	uint64_t *keys, *place;
	size_t count = names_of(sockets, parent, &keys);

	for (size_t i = 0; i < count; i++) {
		struct socket *socket = find(&sockets->by_name, keys[i]);

		place = map_at(&sockets->by_name, name_key(child, (int)(uint32_t)keys[i]));
		if (!place || *place)
			continue;
		*place = (uint64_t)(uintptr_t)socket;
		socket->names++;
	}
	free(keys);
}

void sockets_ended(struct sockets *sockets, pid_t pid)
{
	uint64_t *keys;
	size_t count = names_of(sockets, pid, &keys);

	for (size_t i = 0; i < count; i++)
		unname(sockets, keys[i], NULL, 0);
	free(keys);
}

/* ---- what is open already ---- */

struct adoption {
	struct sockets *sockets;
	pid_t pid;
	uint64_t ns;
};

static void tell_descriptor(const struct adoption *adoption, int fd, enum rt_object kind,
	const struct rt_bytes_of *tail)
{
	struct rt_record mark = {
		.start = tasks_ticks(adoption->sockets->tasks, adoption->ns),
		.kind = RT_EV_descriptor,
		.arg = (uint32_t)fd,
		.result = kind,
	};

	tasks_mark(adoption->sockets->tasks, adoption->pid, &mark, tail);
}

static void adopt_socket(const struct adoption *adoption, int fd, uint64_t inode)
{
	struct sockets *sockets = adoption->sockets;
	const struct ports_socket *known = ports_find(sockets->ports, adoption->pid, inode, true);
	struct socket *socket = add(sockets, &sockets->by_name, name_key(adoption->pid, fd), fd);
	struct rt_bytes_of tail = {.type = RT_TAIL_ADDRESS};

	if (socket)
		socket->inode = inode;
	if (known && known->peer_size) {
		tail.bytes = &known->peer;
		tail.size = known->peer_size;
	}
	tell_descriptor(adoption, fd,
		known && known->listens ? RT_OBJECT_listener : RT_OBJECT_socket,
		tail.size ? &tail : NULL);
}

static bool adopt_descriptor(void *context, int fd)
{
	const struct adoption *adoption = context;
	struct rt_bytes_of tail = {.type = RT_TAIL_PATH};
	unsigned long long inode;
	char name[32], link[4096];
	ssize_t size;

	snprintf(name, sizeof(name), "fd/%d", fd);
	size = procfs_link(adoption->pid, name, link, sizeof(link));
	if (size <= 0)
		return true;
	if (sscanf(link, "socket:[%llu]", &inode) == 1) {
		adopt_socket(adoption, fd, inode);
	} else if (*link == '/') {
		tail.bytes = link;
		tail.size = (size_t)size;
		tell_descriptor(adoption, fd, RT_OBJECT_file, &tail);
	} else if (!strncmp(link, "pipe:", 5)) {
		tell_descriptor(adoption, fd, RT_OBJECT_pipe, NULL);
	} else if (!strcmp(link, "anon_inode:[eventpoll]")) {
		tell_descriptor(adoption, fd, RT_OBJECT_epoll, NULL);
	} else if (!strcmp(link, "anon_inode:[eventfd]")) {
		tell_descriptor(adoption, fd, RT_OBJECT_eventfd, NULL);
	}
	return true;
}

void sockets_adopt(struct sockets *sockets, pid_t pid, uint64_t ns)
{
	struct adoption adoption = {sockets, pid, ns};

	procfs_numbers(pid, "fd", adopt_descriptor, &adoption);
}

/* ---- what passes ---- */

/* The socket that a descriptor stands for, by what the kernel says of it now. */
static struct socket *of_descriptor(
	struct sockets *sockets, const struct sockets_call *call, uint64_t inode)
{
	uint64_t key = name_key(call->task->pid, call->fd);
	struct socket *socket = find(&sockets->by_name, key);
	struct adoption adoption = {sockets, call->task->pid, call->begin_ns};

	if (socket && inode && socket->inode && socket->inode != inode) {
		unname(sockets, key, call->task, call->begin_ns);
		socket = NULL;
	}
	if (!socket && inode) {
		/* its making was not seen: the system's tables say who is at the other end */
		adopt_socket(&adoption, call->fd, inode);
		socket = find(&sockets->by_name, key);
	}
	if (socket && inode)
		socket->inode = inode;
	return socket;
}

static void tell_data(
	const struct sockets_call *call, struct socket *socket, bool in, const struct rk_note *note)
{
	struct task *task = call->task;
	struct rt_record mark = {
		.start = tasks_ticks(task->all, in ? call->end_ns : call->begin_ns),
		.kind = RT_EV_data,
		.depth = (uint8_t)task->depth,
		.arg = (uint32_t)socket->fd | (uint64_t)socket->number << 32,
		.result = (int64_t)((socket->position[in] + note->b) << 1 | in),
	};
	struct rt_bytes_of tail = {
		.bytes = note->bytes,
		.size = note->size,
		.type = in ? RT_TAIL_DATA_IN : RT_TAIL_DATA_OUT,
		.info = socket->session ? RT_DATA_PLAIN_OF_TLS : RT_DATA_SOCKET,
	};

	socket->used = true;
	task_put(task, &mark, &tail);
}

/* Positions count all bytes, copied or not. */
static void take_data(struct sockets *sockets, const struct sockets_call *call,
	struct socket *socket, bool in, const struct rk_note *const *data, size_t count)
{
	uint64_t copied = 0, total = call->result > 0 ? (uint64_t)call->result : 0;

	for (size_t i = 0; i < count; i++) {
		if (data[i]->flags & RK_DATA_UNREAD)
			continue;
		tell_data(call, socket, in, data[i]);
		copied += data[i]->size;
	}
	if (copied < total && !socket->muted)
		sockets->tasks->cut += total - copied;
	socket->position[in] += total;
}

static void tell_session(const struct sockets_call *call, struct socket *session)
{
	struct task *task = call->task;
	struct rt_record mark = {
		.start = tasks_ticks(task->all, call->begin_ns),
		.kind = RT_EV_tls_socket,
		.depth = (uint8_t)task->depth,
		.arg = session->session,
		.result = session->fd,
	};

	task_put(task, &mark, NULL);
}

static struct socket *session_of(struct sockets *sockets, const struct sockets_call *call)
{
	uint64_t key = session_key(call->task->pid, call->session);
	struct socket *session = find(&sockets->by_session, key);

	if (!session)
		session = add(sockets, &sockets->by_session, key, -1);
	if (session)
		session->session = call->session;
	return session;
}

static void mute(struct sockets *sockets, struct socket *socket)
{
	if (socket->muted)
		return;
	socket->muted = true;
	if (socket->inode)
		programs_mute(sockets->programs, socket->inode, true);
}

/* A system call made inside a library's function moves that session's ciphertext. */
static void bind_session(
	struct sockets *sockets, const struct sockets_call *call, struct socket *socket)
{
	struct socket *session = session_of(sockets, call);

	if (session && session->fd != call->fd) {
		session->fd = call->fd;
		tell_session(call, session);
	}
	mute(sockets, socket);
}

void sockets_ride(struct sockets *sockets, const struct sockets_call *call, uint64_t inode)
{
	struct socket *socket = of_descriptor(sockets, call, inode);

	if (socket)
		bind_session(sockets, call, socket);
}

void sockets_moved(struct sockets *sockets, const struct sockets_call *call,
	const struct rk_note *const *data, size_t count)
{
	uint64_t inode = count ? data[0]->c : 0;
	struct socket *socket = of_descriptor(sockets, call, inode);

	if (!socket)
		return;
	if (call->session && call->result > 0)
		bind_session(sockets, call, socket);
	else if (call->result > 0)
		take_data(sockets, call, socket, rk_reads(call->extra), data, count);
}

void sockets_moved_plain(struct sockets *sockets, const struct sockets_call *call,
	const struct rk_note *const *data, size_t count)
{
	struct socket *session;

	if (!count || call->result <= 0)
		return;
	session = session_of(sockets, call);
	if (session && !session->spoken)
		outside_handshake(sockets->tasks->drain, call->task->thread);
	if (session)
		session->spoken = true;
	if (session && !session->muted)
		take_data(sockets, call, session, data[0]->flags & RK_DATA_IN, data, count);
}

void sockets_session_ended(
	struct sockets *sockets, struct task *task, uint64_t session, uint64_t ns)
{
	uint64_t key = session_key(task->pid, session);
	struct socket *socket = find(&sockets->by_session, key);

	if (!socket)
		return;
	tell_end(task, socket, ns);
	map_remove(&sockets->by_session, key);
	drop(sockets, socket);
}

int sockets_steer(struct sockets *sockets, uint32_t number, unsigned steer)
{
	struct socket *socket = find(&sockets->by_number, number);

	if (number <= FIRST_NUMBER)
		return 0;
	if (socket && steer == RT_STEER_OFF)
		mute(sockets, socket);
	return 1;
}
