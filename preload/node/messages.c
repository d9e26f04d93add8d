/* SPDX-License-Identifier: Apache-2.0 */
#include "preload/node/messages.h"

#include "preload/messages.h"
#include "preload/node/node.h"
#include "preload/payload.h"

#define IDS_MAX 65536

struct begin {
	struct node_record head;
	double span, parent, time;
	char name[];
};

struct end {
	struct node_record head;
	double span, time;
};

struct fact {
	struct node_record head;
	double span;
	char text[];
};

struct owner {
	struct node_record head;
	double span, position;
};

/* Numbers up to 2^53, which is as far as a double counts. */
static __u64 whole(double number)
{
	return number > 0 && number < 9007199254740992.0 ? (__u64)number : 0;
}

/* Both clocks are known at two moments: in between, the rest follows. */
static __u64 ticks_at(const struct node_head *head, double time)
{
	double passed = head->now - head->before, share;

	if (!head->ticks_before || head->ticks_before >= head->ticks || !(passed > 0))
		return head->ticks;
	share = (time - head->before) / passed;
	if (!(share > 0))
		return head->ticks_before;
	if (share >= 1)
		return head->ticks;
	return head->ticks_before + (__u64)((double)(head->ticks - head->ticks_before) * share);
}

static void take_begin(const struct node_head *head, const struct begin *begin)
{
	struct rt_bytes tail = {.data = begin->name,
		.size = begin->head.size - (__u32)sizeof(*begin),
		.type = RT_TAIL_SPAN,
		.info = begin->head.detail};

	mark_emit_at(RT_EV_span_begin, whole(begin->span), (__s64)whole(begin->parent), &tail,
		ticks_at(head, begin->time));
}

static void take_end(const struct node_head *head, const struct end *end)
{
	mark_emit_at(RT_EV_span_end, whole(end->span), end->head.detail, NULL,
		ticks_at(head, end->time));
}

static void take_fact(const struct fact *fact)
{
	struct rt_bytes tail = {.data = fact->text,
		.size = fact->head.size - (__u32)sizeof(*fact),
		.type = RT_TAIL_FACT,
		.info = fact->head.detail};

	mark_emit(RT_EV_span_fact, whole(fact->span), 0, &tail);
}

static void take_record(const struct node_head *head, const struct node_record *record)
{
	switch (record->type) {
	case NODE_BEGIN:
		if (record->size >= sizeof(struct begin))
			take_begin(head, (const struct begin *)record);
		break;
	case NODE_END:
		if (record->size >= sizeof(struct end))
			take_end(head, (const struct end *)record);
		break;
	case NODE_FACT:
		if (record->size >= sizeof(struct fact))
			take_fact((const struct fact *)record);
		break;
	case NODE_OWNER:
	case NODE_STREAM:
		if (record->size >= sizeof(struct owner)) {
			const struct owner *owner = (const struct owner *)record;

			payload_owned((int)record->detail, whole(owner->position),
				record->type == NODE_STREAM, whole(owner->span));
		}
		break;
	case NODE_SESSION:
		rt_self.session_fd = (int)record->detail;
		break;
	}
}

static void take_records(const struct node_head *head)
{
	const char *at = (const char *)(head + 1), *end = (const char *)head + head->size;

	while (end - at >= (ptrdiff_t)sizeof(struct node_record)) {
		const struct node_record *record = (const struct node_record *)at;

		if (record->size < sizeof(*record) || record->size > end - at)
			return;
		take_record(head, record);
		at += (record->size + 7u) & ~7u;
	}
}

bool node_take(void *data, size_t size)
{
	struct node_head *head = data;

	if (size < sizeof(*head) || (uintptr_t)data % 8 || head->size != size)
		return false;
	head->ticks = ticks_now();
	head->flags = message_is_wanted() ? NODE_WANTED : 0;
	if (head->flags)
		take_records(head);
	head->ids = head->flags && head->ids <= IDS_MAX ? head->ids : 0;
	head->first_id = message_numbers(head->ids);
	return true;
}
