/* SPDX-License-Identifier: Apache-2.0 */
#include "preload/node/messages.h"

#include "preload/messages.h"
#include "preload/node/node.h"
#include "preload/payload.h"

#include <time.h>

#define IDS_MAX 65536
/* A second holds as many of what two looks at clocks may be apart. */
#define CLOSE 1000000

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
	double span, place;
};

struct answer {
	struct node_record head;
	double span, place, time;
};

/* What Node's clock says and what records hold, at the moment of a message. */
struct moment {
	double origin, now_ns;
	__u64 ticks;
	bool unplaced; /* the latest answer found no connection */
	bool copied;   /* what the connection carries that was asked about */
};

extern int clock_gettime(clockid_t, struct timespec *) __attribute__((weak));

/* Numbers up to 2^53, which is as far as a double counts. */
static __u64 whole(double number)
{
	return number > 0 && number < 9007199254740992.0 ? (__u64)number : 0;
}

/* Where the thread was put aside between the two looks, it looks again. */
static struct moment moment_now(double origin)
{
	__u64 apart = (__u64)-1;
	struct moment moment = {.origin = origin};

	for (int i = 0; i < 3 && apart > rt_region->ticks_per_second / CLOSE; i++) {
		struct timespec now = {0};
		__u64 before = ticks_now(), after;

		if (&clock_gettime)
			clock_gettime(CLOCK_MONOTONIC, &now);
		after = ticks_now();
		if (after - before >= apart)
			continue;
		apart = after - before;
		moment.now_ns = (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
		moment.ticks = before + apart / 2;
	}
	return moment;
}

static __u64 ticks_at(const struct moment *moment, double time)
{
	double per_ns = (double)rt_region->ticks_per_second / 1e9;
	double age = (moment->now_ns - (moment->origin + time * 1e6)) * per_ns;

	return age > 0 && age < (double)moment->ticks ? moment->ticks - (__u64)age : moment->ticks;
}

static void take_begin(const struct moment *moment, const struct begin *begin)
{
	bool placed = begin->head.detail == RT_TOLD_FOLLOWS && !moment->unplaced;
	struct rt_bytes tail = {.data = begin->name,
		.size = begin->head.size - (__u32)sizeof(*begin),
		.type = RT_TAIL_SPAN,
		.info = placed ? RT_TOLD_SERVES : begin->head.detail};

	mark_emit_at(RT_EV_span_begin, whole(begin->span), (__s64)whole(begin->parent), &tail,
		ticks_at(moment, begin->time));
}

static void take_end(const struct moment *moment, const struct end *end)
{
	mark_emit_at(RT_EV_span_end, whole(end->span), end->head.detail, NULL,
		ticks_at(moment, end->time));
}

static void take_fact(const struct fact *fact)
{
	struct rt_bytes tail = {.data = fact->text,
		.size = fact->head.size - (__u32)sizeof(*fact),
		.type = RT_TAIL_FACT,
		.info = fact->head.detail};

	mark_emit(RT_EV_span_fact, whole(fact->span), 0, &tail);
}

static void take_owner(const struct owner *owner)
{
	payload_tell(
		(int)owner->head.detail, RT_EV_owner, whole(owner->place), whole(owner->span), 0);
}

static void take_answer(struct moment *moment, const struct answer *answer)
{
	moment->unplaced = !payload_tell((int)answer->head.detail, RT_EV_answer,
		whole(answer->place), whole(answer->span), ticks_at(moment, answer->time));
}

static void take_record(struct moment *moment, const struct node_record *record)
{
	switch (record->type) {
	case NODE_BEGIN:
		if (record->size >= sizeof(struct begin))
			take_begin(moment, (const struct begin *)record);
		break;
	case NODE_END:
		if (record->size >= sizeof(struct end))
			take_end(moment, (const struct end *)record);
		break;
	case NODE_FACT:
		if (record->size >= sizeof(struct fact))
			take_fact((const struct fact *)record);
		break;
	case NODE_OWNER:
		if (record->size >= sizeof(struct owner))
			take_owner((const struct owner *)record);
		break;
	case NODE_ANSWER:
		if (record->size >= sizeof(struct answer))
			take_answer(moment, (const struct answer *)record);
		break;
	case NODE_ASK:
		moment->copied = payload_knows((int)record->detail);
		break;
	case NODE_SESSION:
		rt_self.session_fd = (int)record->detail;
		break;
	}
}

/* The answer to the last question in it. */
static bool take_records(const struct node_head *head)
{
	const char *at = (const char *)(head + 1), *end = (const char *)head + head->size;
	struct moment moment = moment_now(head->origin);

	while (end - at >= (ptrdiff_t)sizeof(struct node_record)) {
		const struct node_record *record = (const struct node_record *)at;

		if (record->size < sizeof(*record) || record->size > end - at)
			break;
		take_record(&moment, record);
		at += (record->size + 7u) & ~7u;
	}
	return moment.copied;
}

bool node_take(void *data, size_t size)
{
	struct node_head *head = data;

	if (size < sizeof(*head) || (uintptr_t)data % 8 || head->size != size)
		return false;
	head->flags = message_is_wanted() ? NODE_WANTED : 0;
	if (head->flags & NODE_WANTED && take_records(head))
		head->flags |= NODE_BYTES;
	head->ids = head->flags & NODE_WANTED && head->ids <= IDS_MAX ? head->ids : 0;
	head->first_id = message_numbers(head->ids);
	return true;
}
