/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder/resolve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "decoder/address.h"
#include "decoder/descriptor.h"
#include "decoder/traits.h"

static uint64_t low(uint64_t arg)
{
	return (uint32_t)arg;
}

static uint64_t high(uint64_t arg)
{
	return arg >> 32;
}

/* ---- what changes descriptors ---- */

/* One moment of the replay: a call, or (call NULL) the birth of a process. */
struct moment {
	struct instant when;
	const struct section_call *call;
	const struct section *section;
	struct process *process;
};

struct replay {
	struct weave *weave;
	const struct moment *moment;
	struct process *process;
	const struct section_call *call;
};

static void set(const struct replay *replay, uint64_t key, uint32_t object)
{
	descriptors_set(replay->weave->changes, replay->process->descriptors, key,
		replay->moment->when, object);
}

static struct object *object_now(const struct replay *replay, uint64_t key, uint32_t *number)
{
	*number = descriptors_now(replay->process->descriptors, key);
	if (*number == OBJECT_CLOSED)
		*number = 0;
	return *number ? objtab_get(replay->weave->objects, *number) : NULL;
}

/* A new object for descriptor `key`. */
static struct object *open_object(const struct replay *replay, uint64_t key, uint8_t kind)
{
	struct objtab *objects = replay->weave->objects;
	uint32_t number = objtab_add(objects, replay->process->id, kind, (int32_t)key);
	struct object *object = objtab_get(objects, number);

	if (!number)
		return NULL;
	if (!object->opened)
		object->opened = replay->call->end;
	set(replay, key, number);
	return objtab_get(objects, number);
}

static uint8_t kind_of_path(const char *path)
{
	if (!strncmp(path, "/dev/pts/", 9) || !strncmp(path, "/dev/tty", 8))
		return RT_OBJECT_terminal;
	return RT_OBJECT_file;
}

static uint32_t file_object(struct weave *weave, uint32_t process, const struct section *section,
	const struct section_call *call)
{
	size_t size;
	const char *path = section_text(weave->batch, section, call, RT_TAIL_PATH, &size);

	if (!path || !size)
		return 0;
	return objtab_named(weave->objects, process, kind_of_path(path), path, size);
}

static void replay_open(const struct replay *replay)
{
	struct objtab *objects = replay->weave->objects;
	uint32_t number = file_object(
		replay->weave, replay->process->id, replay->moment->section, replay->call);
	uint64_t fd = low(replay->call->arg);
	struct object *object;

	if (!number) {
		open_object(replay, fd, RT_OBJECT_file);
		return;
	}
	object = objtab_get(objects, number);
	object->fd = (int32_t)fd;
	if (!object->opened)
		object->opened = replay->call->end;
	set(replay, fd, number);
}

/* The address in the call's note as an interned text, or 0. */
static uint32_t address_text(const struct replay *replay, uint32_t type)
{
	struct address address;
	size_t size;
	const char *bytes = section_text(
		replay->weave->batch, replay->moment->section, replay->call, type, &size);

	if (address_parse(&address, bytes, size))
		return 0;
	return objtab_intern(replay->weave->objects, address.text, strlen(address.text));
}

/* Our own end's address behind the peer's, where it is told. */
static uint32_t local_text(const struct replay *replay)
{
	struct address address;
	size_t size;
	const char *bytes = section_text(replay->weave->batch, replay->moment->section,
		replay->call, RT_TAIL_ADDRESS, &size);

	if (address_parse_second(&address, bytes, size))
		return 0;
	return objtab_intern(replay->weave->objects, address.text, strlen(address.text));
}

static struct object *socket_now(const struct replay *replay, uint64_t fd)
{
	uint32_t number;
	struct object *object = object_now(replay, fd, &number);

	if (object && (object->kind == RT_OBJECT_socket || object->kind == RT_OBJECT_listener))
		return object;
	return open_object(replay, fd, RT_OBJECT_socket);
}

/* Who tries several addresses on one socket made several connections. */
static void replay_connect(const struct replay *replay)
{
	uint64_t fd = low(replay->call->arg);
	struct object *object = socket_now(replay, fd);
	uint32_t name = address_text(replay, RT_TAIL_ADDRESS);
	uint32_t local = local_text(replay);

	if (object && name && object->name && object->name != name)
		object = open_object(replay, fd, RT_OBJECT_socket);
	if (object && name)
		object->name = name;
	if (object && local)
		object->local = local;
}

static void replay_accept(const struct replay *replay)
{
	uint32_t number;
	struct object *listener = object_now(replay, low(replay->call->arg), &number);
	uint32_t local = listener ? listener->local : 0;
	uint32_t name = address_text(replay, RT_TAIL_ADDRESS);
	struct object *object = open_object(replay, high(replay->call->arg), RT_OBJECT_socket);

	if (!object)
		return;
	object->name = name;
	object->local = local;
}

static void replay_bind(const struct replay *replay)
{
	struct object *object = socket_now(replay, low(replay->call->arg));
	uint32_t local = address_text(replay, RT_TAIL_LOCAL);

	if (object && local)
		object->local = local;
}

static void replay_listen(const struct replay *replay)
{
	struct object *object = socket_now(replay, low(replay->call->arg));
	uint32_t local = address_text(replay, RT_TAIL_LOCAL);

	if (!object)
		return;
	if (local)
		object->local = local;
	object->kind = RT_OBJECT_listener;
	if (!object->name)
		object->name = object->local;
}

static void replay_pair(const struct replay *replay, uint8_t kind, const char *name)
{
	struct object *object = open_object(replay, low(replay->call->arg), kind);
	uint32_t number = descriptors_now(replay->process->descriptors, low(replay->call->arg));

	if (!object)
		return;
	object->name = objtab_intern(replay->weave->objects, name, strlen(name));
	set(replay, high(replay->call->arg), number);
}

static void replay_dup(const struct replay *replay)
{
	uint32_t number;

	object_now(replay, low(replay->call->arg), &number);
	set(replay, high(replay->call->arg), number);
}

static void replay_close(const struct replay *replay, uint64_t key)
{
	uint32_t number;
	struct object *object = object_now(replay, key, &number);

	if (object && key < descriptor_handle(0))
		object->closed = replay->call->end;
	set(replay, key, 0);
}

static void replay_handle(const struct replay *replay)
{
	uint32_t number;

	if (replay->call->result < 0 || replay->call->result > INT32_MAX)
		return;
	object_now(replay, (uint64_t)replay->call->result, &number);
	set(replay, descriptor_handle(replay->call->arg), number);
}

/* Open since before anybody looked: what the system said of it then. */
static void replay_descriptor(const struct replay *replay)
{
	int64_t kind = replay->call->result;
	struct object *object;
	uint32_t name;

	if (kind == RT_OBJECT_file) {
		replay_open(replay);
		return;
	}
	if (kind <= RT_OBJECT_unknown || kind > RT_OBJECT_terminal)
		return;
	object = open_object(replay, low(replay->call->arg), (uint8_t)kind);
	name = address_text(replay, RT_TAIL_ADDRESS);
	if (object && name)
		object->name = name;
	name = address_text(replay, RT_TAIL_LOCAL);
	if (object && name && kind == RT_OBJECT_listener)
		object->name = object->local = name;
}

static void replay_call(const struct replay *replay)
{
	uint64_t fd = low(replay->call->arg);

	switch (replay->call->kind) {
	case RT_EV_open:
	case RT_EV_fopen:
		replay_open(replay);
		break;
	case RT_EV_socket:
		open_object(replay, fd, RT_OBJECT_socket);
		break;
	case RT_EV_connect:
		replay_connect(replay);
		break;
	case RT_EV_accept:
		replay_accept(replay);
		break;
	case RT_EV_bind:
		replay_bind(replay);
		break;
	case RT_EV_listen:
		replay_listen(replay);
		break;
	case RT_EV_eventfd:
		open_object(replay, fd, RT_OBJECT_eventfd);
		break;
	case RT_EV_epoll_create:
		open_object(replay, fd, RT_OBJECT_epoll);
		break;
	case RT_EV_pipe:
		replay_pair(replay, RT_OBJECT_pipe, "pipe");
		break;
	case RT_EV_socketpair:
		replay_pair(replay, RT_OBJECT_socket, "socketpair");
		break;
	case RT_EV_dup:
		replay_dup(replay);
		break;
	case RT_EV_close:
	case RT_EV_fclose:
		replay_close(replay, fd);
		break;
	case RT_EV_descriptor:
		replay_descriptor(replay);
		break;
	case RT_EV_SSL_set_fd:
	case RT_EV_tls_socket:
		replay_handle(replay);
		break;
	case RT_EV_SSL_free:
	case RT_EV_gnutls_deinit:
		replay_close(replay, descriptor_handle(replay->call->arg));
		break;
	}
}

/*
 * exec keeps the image's descriptors, fork copies the parent's. Which ones close on exec is not
 * known: they stay, until something else is opened under their number.
 */
static void replay_birth(struct process *process)
{
	struct process *from =
		process->birth == RT_BIRTH_EXEC ? process->image_before : process->parent;

	if (!from && process->birth == RT_BIRTH_EXEC)
		from = process->parent;
	if (!process->descriptors)
		process->descriptors = descriptors_copy(from ? from->descriptors : NULL);
}

static bool ends_it(uint32_t kind)
{
	return kind == RT_EV_close || kind == RT_EV_fclose || kind == RT_EV_SSL_free ||
		kind == RT_EV_gnutls_deinit;
}

static bool took_effect(const struct section_call *call)
{
	int32_t status = trait_status(call->kind, call->result);

	/* A close that fails has closed, unless there was nothing to close. An address stands for
	 * the peer also where it could not be reached. */
	if (ends_it(call->kind))
		return status != EBADF;
	return !status || call->kind == RT_EV_connect;
}

static int by_time(const void *left, const void *right)
{
	const struct moment *a = left, *b = right;

	if (a->when.time != b->when.time)
		return a->when.time < b->when.time ? -1 : 1;
	return a->when.order < b->when.order ? -1 : a->when.order > b->when.order;
}

/* Births have 0. */
static uint64_t order_of(const struct section_call *all, const struct section_call *call)
{
	return (uint64_t)(call - all) + 1;
}

static size_t count_changes(const struct sections *sections)
{
	size_t count = 0;

	for (size_t i = 0; i < sections->call_count; i++)
		count += (trait_of(sections->calls[i].kind)->flags & TRAIT_CHANGES) != 0;
	return count;
}

static size_t gather(const struct actors *actors, const struct sections *sections,
	struct moment *moments, size_t used)
{
	for (size_t s = 0; s < sections->count; s++) {
		const struct section *section = &sections->sections[s];
		const struct thread *thread = actors_find_thread(actors, section->thread);

		for (size_t i = 0; thread && i < section->count; i++) {
			const struct section_call *call = &sections->calls[section->first + i];

			if (!(trait_of(call->kind)->flags & TRAIT_CHANGES) || !took_effect(call))
				continue;
			moments[used] = (struct moment){
				.when = {.time = ends_it(call->kind) ? call->start : call->end,
					.order = order_of(sections->calls, call)},
				.call = call,
				.section = section,
				.process = thread->process,
			};
			used++;
		}
	}
	return used;
}

int resolve_replay(struct weave *weave, const struct actors *actors,
	const struct sections *sections, const struct resolve_birth *births, size_t birth_count)
{
	size_t count = count_changes(sections) + birth_count;
	struct moment *moments = count ? calloc(count, sizeof(*moments)) : NULL;

	weave->block_calls = sections->calls;
	changes_start(weave->changes);
	if (!count)
		return 0;
	if (!moments)
		return -ENOMEM;
	for (size_t i = 0; i < birth_count; i++)
		moments[i] =
			(struct moment){.when.time = births[i].time, .process = births[i].process};
	count = gather(actors, sections, moments, birth_count);
	qsort(moments, count, sizeof(*moments), by_time);
	for (size_t i = 0; i < count; i++) {
		struct replay replay = {.weave = weave,
			.moment = &moments[i],
			.process = moments[i].process,
			.call = moments[i].call};

		replay_birth(replay.process);
		if (!replay.process->descriptors)
			weave->failed = true;
		else if (replay.call)
			replay_call(&replay);
	}
	changes_sort(weave->changes);
	free(moments);
	return weave->failed || weave->changes->failed ? -ENOMEM : 0;
}

/* ---- what a call works on ---- */

/* Open before we looked, or opened by a way that is not recorded. */
static uint32_t unseen(struct weave *weave, struct process *process, uint64_t fd, bool closed)
{
	uint32_t *known;
	char name[40];
	int size;

	if (!process->descriptors)
		process->descriptors = descriptors_new();
	if (fd > INT32_MAX || !process->descriptors)
		return 0;
	known = descriptors_stand_in(process->descriptors, fd, closed);
	if (!known || *known)
		return known ? *known : 0;
	size = snprintf(name, sizeof(name), "%s fd %d", closed ? "unknown" : "inherited", (int)fd);
	*known = objtab_named(weave->objects, process->id, RT_OBJECT_unknown, name, (size_t)size);
	return *known;
}

static uint32_t descriptor_object(
	struct weave *weave, const struct thread *thread, uint64_t fd, struct instant when)
{
	const struct descriptors *table = thread->process->descriptors;
	uint32_t number = table ? descriptors_at(weave->changes, table, fd, when) : 0;

	if (number && number != OBJECT_CLOSED)
		return number;
	return unseen(weave, thread->process, fd, number == OBJECT_CLOSED);
}

static uint32_t handle_object(
	struct weave *weave, const struct thread *thread, uint64_t handle, struct instant when)
{
	const struct descriptors *table = thread->process->descriptors;
	uint64_t key = descriptor_handle(handle);
	uint32_t number = table ? descriptors_at(weave->changes, table, key, when) : 0;

	return number == OBJECT_CLOSED ? 0 : number;
}

/* By what the argument refers to. */
static uint32_t argument_object(struct weave *weave, const struct thread *thread,
	const struct trait *trait, uint64_t arg, struct instant when)
{
	if (trait->arg == RT_ARG_fd)
		return descriptor_object(weave, thread, low(arg), when);
	if (trait->arg == RT_ARG_polled && high(arg))
		return descriptor_object(weave, thread, high(arg) - 1, when);
	if (trait->arg == RT_ARG_handle)
		return handle_object(weave, thread, arg, when);
	if (trait->arg == RT_ARG_address)
		return objtab_lock(weave->objects, thread->process->id, arg);
	return 0;
}

uint32_t resolve_object(struct weave *weave, const struct thread *thread,
	const struct section *section, const struct section_call *call)
{
	const struct trait *trait = trait_of(call->kind);
	uint64_t order = order_of(weave->block_calls, call);
	uint32_t process = thread->process->id;
	struct instant when = {call->start, order};
	const char *text;
	size_t size;

	if (call->note_count) {
		text = section_text(weave->batch, section, call, RT_TAIL_HOST, &size);
		if (text && size)
			return objtab_named(weave->objects, process, RT_OBJECT_host, text, size);
		text = section_text(weave->batch, section, call, RT_TAIL_PATH, &size);
		if (text && size && call->kind == RT_EV_dlopen)
			return objtab_named(weave->objects, process, RT_OBJECT_library, text, size);
		if (text && size && trait->span_kind == RT_SPAN_io)
			return file_object(weave, process, section, call);
	}
	if (trait->flags & TRAIT_MAKES)
		when = (struct instant){call->end, order + 1}; /* just after it */
	return argument_object(weave, thread, trait, call->arg, when);
}

uint32_t resolve_open(struct weave *weave, const struct thread *thread, uint32_t kind, uint64_t arg)
{
	const struct trait *trait = trait_of(kind);

	if (trait->flags & TRAIT_MAKES)
		return 0; /* there is nothing yet */
	return argument_object(weave, thread, trait, arg, (struct instant){UINT64_MAX, UINT64_MAX});
}
