/* SPDX-License-Identifier: Apache-2.0 */
/* What threads do: edges paired into calls. */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fcntl.h>
#include <linux/futex.h>

#include "loader/kernel/sockets.h"
#include "loader/kernel/task_state.h"

static const struct {
	uint16_t event;
	uint8_t shape;
	uint8_t pick;
	uint8_t extra;
} syscalls[RK_SYSCALLS] = {
#define SYSCALL(name, event, shape, pick, extra) \
	[SYS_##name] = {RT_EV_##event, RK_SHAPE_##shape, RK_PICK_##pick, RK_EXTRA_##extra},
#include "wire/syscalls.def"
};

void calls_fill_settings(struct rk_settings *settings)
{
	for (size_t i = 0; i < RK_SYSCALLS; i++)
		settings->syscalls[i] = (struct rk_syscall){syscalls[i].pick, syscalls[i].extra};
}

static unsigned shape_of(uint16_t number)
{
	return number < RK_SYSCALLS ? syscalls[number].shape : RK_SHAPE_NONE;
}

static bool futex_waits(uint32_t operation)
{
	switch (operation & FUTEX_CMD_MASK) {
	case FUTEX_WAIT:
	case FUTEX_WAIT_BITSET:
	case FUTEX_WAIT_REQUEUE_PI:
	case FUTEX_LOCK_PI:
	case 13: /* FUTEX_LOCK_PI2 */
		return true;
	default:
		return false;
	}
}

static bool duplicates(const struct task_call *call)
{
	return call->value == F_DUPFD || call->value == F_DUPFD_CLOEXEC;
}

uint32_t calls_kind(const struct task_call *call)
{
	uint32_t kind = call->number < RK_SYSCALLS ? syscalls[call->number].event : 0;

	switch (shape_of(call->number)) {
	case RK_SHAPE_FUTEX:
		return futex_waits(call->low) ? RT_EV_futex_wait : RT_EV_futex_wake;
	case RK_SHAPE_MAPPING:
		return (int32_t)call->low >= 0 ? kind : RT_EV_other_syscall;
	case RK_SHAPE_CONTROL:
		return duplicates(call) ? RT_EV_dup : kind;
	default:
		return kind ? kind : RT_EV_other_syscall;
	}
}

static uint64_t pair(uint32_t low, uint64_t high)
{
	return low | high << 32;
}

/* As long as it has not ended. */
uint64_t calls_open_arg(const struct task_call *call)
{
	switch (call->library ? RK_SHAPE_VALUE : shape_of(call->number)) {
	case RK_SHAPE_VALUE:
	case RK_SHAPE_FUTEX:
		return call->value;
	case RK_SHAPE_POLLED:
		return call->low == 1 ? pair(1, call->value + 1) : call->low;
	case RK_SHAPE_NONE:
		return syscalls[call->number].event ? 0 : call->number;
	case RK_SHAPE_MADE:
	case RK_SHAPE_SOCKET:
		return (uint32_t)-1;
	default:
		return call->low;
	}
}

bool calls_sends(const struct task_call *call)
{
	unsigned extra = call->number < RK_SYSCALLS ? syscalls[call->number].extra : 0;

	if (call->library)
		return call->number == RT_EV_SSL_write || call->number == RT_EV_gnutls_record_send;
	return rk_moves(extra) && !rk_reads(extra);
}

static uint64_t arg_of(const struct task *task, const struct task_call *call, int64_t result)
{
	switch (shape_of(call->number)) {
	case RK_SHAPE_MADE:
		return (uint32_t)(result < 0 ? -1 : result);
	case RK_SHAPE_SOCKET:
		return pair((uint32_t)(result < 0 ? -1 : result),
			call->low << 8 | (call->value & 0xff));
	case RK_SHAPE_PAIR:
		return pair(call->low, call->value);
	case RK_SHAPE_PAIR_RESULT:
		return pair(call->low, (uint32_t)result);
	case RK_SHAPE_CONTROL:
		return duplicates(call) ? pair(call->low, (uint32_t)result) : call->low;
	case RK_SHAPE_ENDS:
		return task->ends ? pair((uint32_t)task->ends->a, task->ends->b) : 0;
	case RK_SHAPE_MAPPING:
		return (int32_t)call->low >= 0 ? call->low : call->number;
	case RK_SHAPE_BIRTH:
		return result > 0 ? (uint64_t)result : 0;
	default:
		return calls_open_arg(call);
	}
}

void task_forget_notes(struct task *task)
{
	task->tail = task->ends = NULL;
	task->data_count = 0;
	task->notes_ns = 0;
}

void task_times(const struct task *task, struct rt_record *record, uint64_t from, uint64_t to)
{
	uint64_t start = tasks_ticks(task->all, from), end = tasks_ticks(task->all, to);
	uint64_t duration = end > start ? end - start : 0;
	unsigned shift = 0;

	while (duration >> shift > UINT32_MAX)
		shift++;
	record->start = start;
	record->duration = (uint32_t)(duration >> shift);
	record->flags = (uint8_t)shift;
}

static void push(struct task *task, const struct task_call *call)
{
	if (task->depth == TASK_OPEN) {
		memmove(task->open, task->open + 1, (TASK_OPEN - 1) * sizeof(*task->open));
		task->depth--;
	}
	task->open[task->depth++] = *call;
}

void task_enter(struct task *task, const struct rk_edge *edge)
{
	struct task_call call = {
		.ns = edge->ns, .value = edge->value, .low = edge->low, .number = edge->number};

	/* a thread makes one system call at a time: the end of that one was lost */
	while (task->depth && !task->open[task->depth - 1].library)
		task->depth--;
	push(task, &call);
}

/* The call that ends; false where it began unseen and cannot be told. */
static bool pop(struct task *task, const struct rk_edge *edge, struct task_call *call)
{
	if (task->depth && !task->open[task->depth - 1].library) {
		*call = task->open[--task->depth];
		return call->number == edge->number;
	}
	/* it has been in there since before we came; its arguments nobody has seen */
	*call = (struct task_call){
		.ns = task->known_ns, .number = edge->number, .low = (uint32_t)-1};
	return task->adopted && !task->began;
}

static void count(struct task *task, uint32_t kind, int64_t result)
{
	if (result < 0 && (kind == RT_EV_stat || kind == RT_EV_access))
		task->counts[RT_EV_stat_failed - RT_COUNTED_FIRST].calls++;
	task->counts[kind - RT_COUNTED_FIRST].calls++;
	task->counts_changed = true;
}

/* Which addresses are worth telling: those of a peer, or our own. */
static const struct rt_bytes_of *tail_of(
	const struct task *task, uint32_t kind, int64_t result, struct rt_bytes_of *tail)
{
	const struct rk_note *note = task->tail;

	if (!note || !note->size)
		return NULL;
	tail->bytes = note->bytes;
	tail->size = note->size;
	tail->info = 0;
	if (note->type == RK_ADDRESS)
		tail->type = kind == RT_EV_bind ? RT_TAIL_LOCAL : RT_TAIL_ADDRESS;
	else
		tail->type = RT_TAIL_PATH;
	if (note->type == RK_ADDRESS && result == -ENOTSOCK)
		return NULL;
	return tail;
}

/* What a connection has been through, where a call closes one. */
static const struct rt_bytes_of *tcp_of(
	const struct task *task, const struct task_call *call, struct rt_bytes_of *tail)
{
	if (task->tcp_ns != call->ns)
		return NULL;
	*tail = (struct rt_bytes_of){&task->tcp, sizeof(task->tcp), RT_TAIL_TCP, 0};
	return tail;
}

/* Of the sockets that it made, moved or closed, and of those it moved bytes over. */
static void tell_sockets(
	struct task *task, const struct task_call *call, uint32_t kind, const struct rk_edge *edge)
{
	struct sockets *sockets = task->all->sockets;
	struct sockets_call facts = {
		.task = task,
		.begin_ns = call->ns,
		.end_ns = edge->ns,
		.result = (int64_t)edge->value,
		.fd = (int)call->low,
		.extra = edge->number < RK_SYSCALLS ? syscalls[edge->number].extra : 0,
		.session = task->depth && task->open[task->depth - 1].library
			? task->open[task->depth - 1].value
			: 0,
	};

	switch (kind) {
	case RT_EV_close:
		sockets_closed(sockets, task, facts.fd, edge->ns);
		break;
	case RT_EV_socket:
	case RT_EV_accept:
		if (facts.result >= 0)
			sockets_made(sockets, task->pid, (int)facts.result);
		break;
	case RT_EV_dup:
		if (facts.result >= 0)
			sockets_shared(sockets, task->pid, facts.fd, (int)facts.result);
		break;
	default:
		if (rk_moves(facts.extra))
			sockets_moved(sockets, &facts, task->data, task->data_count);
	}
}

static void put_call(
	struct task *task, const struct task_call *call, uint32_t kind, const struct rk_edge *edge)
{
	int64_t result = (int64_t)edge->value;
	struct rt_record record = {
		.kind = (uint16_t)kind, .depth = (uint8_t)task->depth, .result = result};
	struct rt_bytes_of tail;

	task_times(task, &record, call->ns, edge->ns);
	record.arg = arg_of(task, call, result);
	/* the kernel tells where it has mapped; records, how much */
	if (kind == RT_EV_mmap && (result < -4095 || result >= 0))
		record.result = (int64_t)call->value;
	/* the kernel's own codes for a call that it begins anew */
	if (result <= -512 && result >= -516)
		record.result = -EINTR;
	task_put(task, &record,
		kind == RT_EV_close ? tcp_of(task, call, &tail)
				    : tail_of(task, kind, result, &tail));
}

void task_exit(struct task *task, const struct rk_edge *edge)
{
	struct task_call call;
	bool seen = pop(task, edge, &call);
	uint32_t kind;

	if (task->notes_ns != edge->ns)
		task_forget_notes(task);
	task->began = true;
	if (!seen) {
		task_forget_notes(task);
		return;
	}
	kind = calls_kind(&call);
	if (shape_of(call.number) == RK_SHAPE_BIRTH && task->made_thread)
		kind = RT_EV_thread_create;
	if (kind < RT_COUNTED_FIRST + RT_COUNTED_MAX)
		count(task, kind, (int64_t)edge->value);
	else if (kind != RT_EV_exec || (int64_t)edge->value < 0)
		put_call(task, &call, kind, edge);
	task->made_thread = false;
	tell_sockets(task, &call, kind, edge);
	task_forget_notes(task);
}

void task_call(struct task *task, const struct rk_note *note)
{
	struct task_call call = {
		.ns = note->ns, .value = note->a, .number = note->number, .library = true};

	while (task->depth && !task->open[task->depth - 1].library)
		task->depth--;
	push(task, &call);
}

/* Calls above it have been left without a return: an exception, a jump. */
static bool pop_library(struct task *task, const struct rk_note *note, struct task_call *call)
{
	unsigned depth = task->depth;

	while (depth &&
		!(task->open[depth - 1].library && task->open[depth - 1].number == note->number &&
			task->open[depth - 1].value == note->a))
		depth--;
	if (!depth)
		return false;
	*call = task->open[depth - 1];
	task->depth = depth - 1;
	return true;
}

#define GNUTLS_AGAIN (-28)
#define GNUTLS_INTERRUPTED (-52)

/*
 * As records hold it. Why a call of OpenSSL has failed, it would have to be asked: most often it
 * only wants more bytes.
 */
static int64_t library_result(uint16_t kind, int64_t result)
{
	switch (kind) {
	case RT_EV_SSL_do_handshake:
		return result == 1 ? 0 : -EAGAIN;
	case RT_EV_SSL_read:
	case RT_EV_SSL_write:
		return result >= 0 ? result : -EAGAIN;
	default:
		if (result >= 0)
			return result;
		return result == GNUTLS_AGAIN || result == GNUTLS_INTERRUPTED ? -EAGAIN : -EPROTO;
	}
}

/* What it moved is told, as of now; where it has begun, nobody knows. */
static void return_apart(struct task *task, const struct rk_note *note, struct sockets_call *facts)
{
	facts->begin_ns = note->ns;
	facts->fd = (int)note->low - 1;
	if (facts->fd >= 0)
		sockets_ride(task->all->sockets, facts, note->c);
	if (task->notes_ns == note->ns)
		sockets_moved_plain(task->all->sockets, facts, task->data, task->data_count);
	task_forget_notes(task);
}

void task_return(struct task *task, const struct rk_note *note)
{
	struct sockets_call facts = {.task = task,
		.end_ns = note->ns,
		.result = (int64_t)note->b,
		.session = note->a,
		.fd = -1};
	struct task_call call;
	struct rt_record record = {.kind = note->number,
		.arg = note->a,
		.result = library_result(note->number, (int64_t)note->b)};

	if (note->flags & RK_RETURN_APART) {
		return_apart(task, note, &facts);
		return;
	}
	if (!pop_library(task, note, &call)) {
		task_forget_notes(task);
		return;
	}
	record.depth = (uint8_t)task->depth;
	task_times(task, &record, call.ns, note->ns);
	task_put(task, &record, NULL);
	facts.begin_ns = call.ns;
	if (task->notes_ns == note->ns)
		sockets_moved_plain(task->all->sockets, &facts, task->data, task->data_count);
	task_forget_notes(task);
}

/* Where it begins is all that is seen of it. */
void task_freed(struct task *task, const struct rk_note *note)
{
	struct rt_record record = {
		.kind = note->number, .depth = (uint8_t)task->depth, .arg = note->a};

	task_times(task, &record, note->ns, note->ns);
	sockets_session_ended(task->all->sockets, task, note->a, note->ns);
	task_put(task, &record, NULL);
}

void task_exec_done(struct task *task, const struct rk_note *note)
{
	struct rt_record record = {.kind = RT_EV_exec};
	struct rt_bytes_of tail = {note->bytes, note->size, RT_TAIL_PATH, 0};

	while (task->depth && task->open[task->depth - 1].library)
		task->depth--;
	task_times(task, &record, task->depth ? task->open[--task->depth].ns : note->ns, note->ns);
	task_put(task, &record, note->size ? &tail : NULL);
}
