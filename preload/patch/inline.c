/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overwrites entry instructions by a jump to a thunk, whose original is the relocated copy of those
 * instructions with a jump back.
 *
 * Only code that no other thread can be in the middle of is changed: that of a process with one
 * thread, or of a library that is not yet handed out (loaded.exposed). So no thread has an
 * instruction pointer between the overwritten bytes, or stale ones in its pipeline that matter;
 * leaving the kernel after mprotect serialises this one.
 *
 * Text stays executable while it is written to: where a policy forbids that, the first mprotect
 * fails and nothing has changed.
 */
#include "preload/patch/inline.h"
#include "preload/patch/thunk.h"

#include <errno.h>
#include <sys/mman.h>

#define JUMP 0xe9

static bool same_bytes(const __u8 *left, const __u8 *right, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		if (left[i] != right[i])
			return false;
	return true;
}

static bool distance_put(__u8 *at, uintptr_t from, uintptr_t to)
{
	intptr_t distance = (intptr_t)(to - from);
	__s32 value = (__s32)distance;

	if (value != distance)
		return false;
	memcpy(at, &value, sizeof(value));
	return true;
}

/* Its relocated instructions, behind the thunk. */
static bool code_put(const struct wanted *wanted, const struct loaded *object, __u8 *code)
{
	const struct rt_patch *patch = wanted->patch;

	memcpy(code, wanted->code, patch->code_size);
	for (unsigned i = 0; i < patch->fixes; i++) {
		const struct rt_fix *fix = &wanted->fixes[i];
		uintptr_t target = object->base + fix->target;

		if (!fix->end && fix->at + sizeof(target) <= patch->code_size) {
			memcpy(code + fix->at, &target, sizeof(target));
			continue;
		}
		if (fix->at + 4 > patch->code_size || fix->end > patch->code_size ||
			!distance_put(code + fix->at, (uintptr_t)code + fix->end, target))
			return false;
	}
	return true;
}

static __u32 prepare(struct wanted *wanted, const struct loaded *object, struct thunk_area *area)
{
	const struct rt_patch *patch = wanted->patch;
	const struct thunk_plan plan = {.kind = patch->kind,
		.stack_size = patch->stack_size,
		.entries_only = patch->flags & RT_PATCH_ENTRIES,
		.capture = patch->capture};
	struct thunk *thunk;
	__u8 *code;

	if (object->exposed)
		return RT_OUTCOME_THREADS;
	if (patch->window_size < RT_PATCH_JUMP || wanted->address < object->text ||
		wanted->address + patch->window_size > object->text_end ||
		!same_bytes((const __u8 *)wanted->address, wanted->window, patch->window_size))
		return RT_OUTCOME_CHANGED;
	thunk = wanted->hook ? thunk_add_hook(area, wanted->hook, patch->code_size)
			     : thunk_add(area, &plan, patch->code_size);
	if (!thunk)
		return RT_OUTCOME_MEMORY;
	code = (__u8 *)(thunk + 1);
	thunk->original = code;
	if (!code_put(wanted, object, code))
		return RT_OUTCOME_FAR;
	wanted->thunk = thunk;
	return RT_OUTCOME_INLINE;
}

static size_t room_for(const struct wanted *functions, unsigned count)
{
	size_t room = 0;

	for (unsigned i = 0; i < count; i++)
		if (functions[i].patch->flags & RT_PATCH_INLINE)
			room += THUNK_SIZE + THUNK_SIZE +
				(functions[i].patch->code_size & -THUNK_SIZE);
	return room;
}

static void fail(struct wanted *functions, unsigned count, __u32 outcome)
{
	for (unsigned i = 0; i < count; i++)
		if (functions[i].patch->flags & RT_PATCH_INLINE &&
			(!functions[i].outcome || functions[i].outcome == RT_OUTCOME_INLINE))
			functions[i].outcome = outcome;
}

static void jump_put(struct loaded *object, const struct wanted *wanted)
{
	__u8 *at = (__u8 *)wanted->address;
	__u8 jump[RT_PATCH_JUMP] = {JUMP};

	distance_put(jump + 1, wanted->address + RT_PATCH_JUMP,
		(uintptr_t)wanted->thunk->code + THUNK_LANDING);
	memcpy(at + 1, jump + 1, sizeof(jump) - 1);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	*at = JUMP;
	object->jump = at;
}

void inline_patch(struct loaded *object, struct wanted *functions, unsigned count)
{
	size_t room = room_for(functions, count), text = object->text_end - object->text;
	struct thunk_area area = {0};
	int err;

	if (!room)
		return;
	err = thunk_area_open(&area, room, object->low, object->high);
	if (err) {
		fail(functions, count, err == -ERANGE ? RT_OUTCOME_FAR : RT_OUTCOME_MEMORY);
		return;
	}
	for (unsigned i = 0; i < count; i++)
		if (functions[i].patch->flags & RT_PATCH_INLINE)
			functions[i].outcome = prepare(&functions[i], object, &area);
	if (!thunk_area_seal(&area) ||
		raw3(mprotect, object->text, text, PROT_READ | PROT_WRITE | PROT_EXEC)) {
		fail(functions, count, RT_OUTCOME_POLICY);
		return;
	}
	for (unsigned i = 0; i < count; i++)
		if (functions[i].outcome == RT_OUTCOME_INLINE)
			jump_put(object, &functions[i]);
	raw3(mprotect, object->text, text, PROT_READ | PROT_EXEC);
}
