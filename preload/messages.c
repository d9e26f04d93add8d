/* SPDX-License-Identifier: Apache-2.0 */
#include "preload/messages.h"

#include "preload/node/node.h"
#include "preload/node/messages.h"
#include "preload/python/python.h"

#include <errno.h>

bool message_is_wanted(void)
{
	return !region_off() && rt_region->families & 1u << RT_FAMILY_runtime &&
		!(rt_region->flags & RT_REGION_NO_RUNTIME);
}

__u64 message_numbers(unsigned count)
{
	return __atomic_fetch_add(&rt_region->runtime_spans, count, __ATOMIC_RELAXED) + 1;
}

bool message_ask(void)
{
	rt_self.asking = python_span();
	return message_is_wanted();
}

static ssize_t begin(const struct rt_bytes *name)
{
	__u64 number;

	if (!message_is_wanted())
		return 0;
	number = message_numbers(1);
	mark_emit(RT_EV_span_begin, number, (__s64)rt_self.asking, name);
	rt_self.asking = 0;
	return (ssize_t)number;
}

static ssize_t take_span(const struct span_message *message, size_t size)
{
	struct rt_bytes text = {.data = message->text,
		.size = (__u32)(size - sizeof(*message)),
		.type = RT_TAIL_SPAN,
		.info = RT_TOLD_FRAME};

	switch (message->type) {
	case SPAN_MESSAGE_BEGIN:
		return begin(&text);
	case SPAN_MESSAGE_END:
	case SPAN_MESSAGE_FAIL:
		mark_emit(RT_EV_span_end, message->span, message->type == SPAN_MESSAGE_FAIL, NULL);
		break;
	case SPAN_MESSAGE_FACT:
		text.type = RT_TAIL_FACT;
		text.info = 0;
		mark_emit(RT_EV_span_fact, message->span, 0, &text);
		break;
	}
	return (ssize_t)size;
}

ssize_t message_take(void *data, size_t size)
{
	__u32 magic = 0;

	if (region_mapped() && size >= sizeof(struct span_message) && size <= RT_TAIL_MAX * 8u)
		memcpy(&magic, data, sizeof(magic));
	if (magic == SPAN_MAGIC)
		return take_span(data, size);
	if (magic == NODE_MAGIC && node_take(data, size))
		return (ssize_t)size;
	*__errno_location() = EBADF;
	return -1;
}
