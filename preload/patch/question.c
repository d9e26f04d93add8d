/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes questions and reads answers. The tracer is trusted no more than needed to stay whole when
 * it errs: sizes and places are checked, so that a bad answer hooks nothing.
 */
#include "preload/patch/question.h"
#include "preload/patch/mail.h"

static size_t padded(size_t size)
{
	return (size + 7) & ~(size_t)7;
}

static size_t objects_size(void)
{
	size_t size = sizeof(struct rt_ask);

	for (unsigned i = 0; i < loaded_count; i++)
		size += sizeof(struct rt_ask_object) + padded(text_length(loaded_objects[i].path));
	return size;
}

/* Where there is no room for all paths, those of objects told of before are left out: "/". */
static unsigned write_objects(void)
{
	struct rt_ask *ask = (struct rt_ask *)rt_region->mail;
	bool tight = objects_size() > RT_MAIL_SIZE;
	size_t at = sizeof(*ask);

	*ask = (struct rt_ask){.type = RT_ASK_OBJECTS};
	for (unsigned i = 0; i < loaded_count; i++) {
		const struct loaded *object = &loaded_objects[i];
		const char *path = tight && !object->fresh ? "/" : object->path;
		size_t length = text_length(path);
		struct rt_ask_object *entry = (struct rt_ask_object *)(rt_region->mail + at);
		size_t size = sizeof(*entry) + padded(length);

		if (size > RT_MAIL_SIZE - at)
			break;
		*entry = (struct rt_ask_object){
			.base = object->base,
			.size = (__u32)size,
			.path_size = (__u16)length,
			.flags = object->fresh ? RT_ASK_NEW : 0,
		};
		memcpy(entry->path, path, length);
		at += size;
		ask->count++;
	}
	return (unsigned)at;
}

static bool read_patch(
	struct wanted *wanted, const struct loaded *objects, unsigned count, size_t at, size_t size)
{
	const struct rt_patch *patch = (const struct rt_patch *)(rt_region->mail + at);
	const __u8 *bytes = (const __u8 *)(patch + 1);
	const struct loaded *object;

	if (size - at < sizeof(*patch) || patch->size > size - at || patch->size % 8 ||
		patch->object >= count || patch->window_size > RT_PATCH_WINDOW_MAX ||
		patch->code_size > RT_PATCH_CODE_MAX || patch->fixes > RT_PATCH_FIXES_MAX ||
		patch->stack_size > RT_PATCH_STACK_MAX || patch->stack_size % 8 ||
		patch->symbol_size > size ||
		sizeof(*patch) + padded(patch->window_size) + padded(patch->code_size) +
				patch->fixes * sizeof(struct rt_fix) + padded(patch->symbol_size) !=
			patch->size)
		return false;
	object = &objects[patch->object];
	*wanted = (struct wanted){.patch = patch, .address = object->base + patch->address};
	if (wanted->address < object->low || wanted->address >= object->high)
		return false;
	wanted->window = bytes;
	bytes += padded(patch->window_size);
	wanted->code = bytes;
	bytes += padded(patch->code_size);
	wanted->fixes = (const struct rt_fix *)bytes;
	bytes += patch->fixes * sizeof(struct rt_fix);
	wanted->symbol = (const char *)bytes;
	return true;
}

static unsigned question(unsigned asked, const struct loaded *objects, unsigned object_count,
	struct wanted *wanted, unsigned room, bool *more)
{
	unsigned size = mail_ask(asked), count = 0;
	struct rt_answer answer;
	size_t at = sizeof(answer);

	*more = false;
	if (size < sizeof(answer))
		return 0;
	memcpy(&answer, rt_region->mail, sizeof(answer));
	while (count < answer.count && count < room && at < size) {
		if (!read_patch(&wanted[count], objects, object_count, at, size))
			return count;
		at += wanted[count++].patch->size;
	}
	*more = answer.more;
	return count;
}

unsigned question_ask(struct wanted *wanted, unsigned room, bool *more)
{
	return question(write_objects(), loaded_objects, loaded_count, wanted, room, more);
}

unsigned question_more(struct wanted *wanted, unsigned room, bool *more)
{
	*(struct rt_ask *)rt_region->mail = (struct rt_ask){.type = RT_ASK_MORE};
	return question(sizeof(struct rt_ask), loaded_objects, loaded_count, wanted, room, more);
}

unsigned question_linked(const struct loaded *program, const struct rt_ask_linked *asked,
	unsigned count, struct wanted *wanted, unsigned room)
{
	struct rt_ask *ask = (struct rt_ask *)rt_region->mail;
	size_t size = count * sizeof(*asked);
	bool more;

	*ask = (struct rt_ask){RT_ASK_LINKED, count};
	memcpy(ask + 1, asked, size);
	return question((unsigned)(sizeof(*ask) + size), program, 1, wanted, room, &more);
}
