/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the innermost place out: the kernel's functions, then native ones, walked on the copy of the
 * stack; where that comes to the function that runs Python's frames, those stand in its place, as
 * many as it runs in one call.
 */
#include "loader/kernel/samples.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/kernel/kernel_symbols.h"
#include "loader/kernel/python_frames.h"
#include "loader/kernel/space.h"
#include "loader/stream/pack.h"
#include "loader/symbols/code.h"

#define NATIVE_MAX 128

struct samples {
	struct pack *pack;
	struct spaces *spaces;
	struct pythons *pythons;
	struct kernel_symbols *kernel;
};

struct samples *samples_new(struct programs *programs, struct pack *pack)
{
	struct samples *samples = calloc(1, sizeof(*samples));

	if (!samples)
		return NULL;
	samples->pack = pack;
	samples->spaces = spaces_new();
	samples->pythons = pythons_new(programs);
	samples->kernel = kernel_symbols_new();
	if (samples->spaces && samples->pythons && samples->kernel)
		return samples;
	samples_free(samples);
	return NULL;
}

void samples_free(struct samples *samples)
{
	if (!samples)
		return;
	spaces_free(samples->spaces);
	pythons_free(samples->pythons);
	kernel_symbols_free(samples->kernel);
	free(samples);
}

void samples_forget(struct samples *samples, pid_t pid)
{
	spaces_forget(samples->spaces, pid);
	pythons_forget(samples->pythons, pid);
}

void samples_look(struct samples *samples, pid_t pid)
{
	struct space *space = spaces_of(samples->spaces, pid);
	struct space_place place;

	if (!space)
		return;
	space_find(space, 0, &place, 0);
	pythons_look(samples->pythons, pid, space);
}

/* A place on the native stack. */
struct native {
	struct space_place place;
	uint64_t start; /* of its function, in the file */
	const char *name;
};

/* One sample on its way. */
struct walk {
	struct samples *samples;
	const struct rk_note *note;
	const struct rk_sample *sample;
	struct space *space;
	struct native native[NATIVE_MAX];
	unsigned native_count;
	struct rk_python_frame python[RK_SAMPLE_PYTHON];
	unsigned python_count;
	uint32_t frame; /* the innermost so far, of those that are in the block */
};

static void walk_native(struct walk *walk)
{
	const struct rk_sample *sample = walk->sample;
	struct code_registers registers = {sample->ip, sample->sp, sample->bp};
	const struct code_stack stack = {
		sample->stack, walk->note->size - offsetof(struct rk_sample, stack), sample->sp};
	bool more = sample->sp != 0;

	while (more && walk->native_count < NATIVE_MAX) {
		struct native *native = &walk->native[walk->native_count];
		/* a return address may stand behind its function's last instruction */
		uint64_t back = walk->native_count ? 1 : 0;

		if (!space_find(walk->space, registers.ip - back, &native->place, walk->note->ns))
			break;
		native->start = native->place.address;
		native->name = "";
		if (native->place.code)
			native->name = code_name(
				native->place.code, native->place.address, &native->start);
		walk->native_count++;
		more = code_step(native->place.code, native->place.address, &stack, &registers);
	}
}

static void put(
	struct walk *walk, unsigned language, const char *name, const char *module, uint32_t line)
{
	const struct pack_frame frame = {walk->frame, language, name, module, line};

	walk->frame = pack_frame(walk->samples->pack, &frame);
}

static void put_native(struct walk *walk, const struct native *native)
{
	char name[32];

	if (*native->name) {
		put(walk, RT_LANGUAGE_NATIVE, native->name, native->place.module, 0);
		return;
	}
	snprintf(name, sizeof(name), "0x%llx", (unsigned long long)native->start);
	put(walk, RT_LANGUAGE_NATIVE, native->place.code ? name : "?", native->place.module, 0);
}

static void put_python(struct walk *walk, const struct rk_python_frame *frame)
{
	struct python_code code =
		pythons_code(walk->samples->pythons, (pid_t)walk->note->pid, frame);

	put(walk, RT_LANGUAGE_PYTHON, *code.name ? code.name : "?", code.file, code.line);
}

static bool is_evaluator(const struct walk *walk, const struct native *native)
{
	uint64_t known = pythons_evaluator(walk->samples->pythons, (pid_t)walk->note->pid);

	return known && native->place.code && native->start + native->place.bias == known;
}

/* How many calls of the interpreter there are: on the native stack, or in Python's frames. */
static unsigned count_calls(const struct walk *walk, bool native)
{
	unsigned calls = 0;

	for (unsigned i = 0; native && i < walk->native_count; i++)
		calls += is_evaluator(walk, &walk->native[i]);
	for (unsigned i = 0; !native && i < walk->python_count; i++)
		calls += walk->python[i].code & 1;
	return calls;
}

/* From the outermost in: Python's frames of one call, which ends where the next begins. */
static unsigned put_call(struct walk *walk, unsigned left)
{
	do
		put_python(walk, &walk->python[--left]);
	while (left && !(walk->python[left - 1].code & 1));
	return left;
}

/*
 * Where the calls do not match (the stack was cut, a function was inlined), Python's frames stand
 * together, around what is native inside the innermost call.
 */
static void put_program(struct walk *walk)
{
	unsigned python = walk->python_count, native = walk->native_count;
	bool match = python && count_calls(walk, true) == count_calls(walk, false);

	if (python && !match) {
		for (unsigned inner = 0; inner < native; inner++)
			if (is_evaluator(walk, &walk->native[inner]))
				native = inner;
		while (python)
			put_python(walk, &walk->python[--python]);
	}
	while (native--) {
		if (match && python && is_evaluator(walk, &walk->native[native]))
			python = put_call(walk, python);
		else
			put_native(walk, &walk->native[native]);
	}
}

/* The bytes come from our own program in the kernel, but what they count is a stranger's. */
static bool is_sound(const struct rk_note *note, const struct rk_sample *sample)
{
	return note->size >= offsetof(struct rk_sample, stack) &&
		sample->kernel_frames <= RK_SAMPLE_KERNEL &&
		sample->python_frames <= RK_SAMPLE_PYTHON;
}

void samples_take(
	struct samples *samples, uint32_t thread, const struct rk_note *note, uint64_t ticks)
{
	const struct rk_sample *sample = (const void *)note->bytes;
	struct walk walk = {.samples = samples, .note = note, .sample = sample};
	struct pack_sample row = {
		.thread = thread, .of = RT_SAMPLED_CPU, .ticks = ticks, .weight_ns = note->a};

	if (!is_sound(note, sample))
		return;
	walk.space = spaces_of(samples->spaces, (pid_t)note->pid);
	pack_samples_begin(samples->pack);
	if (walk.space) {
		walk_native(&walk);
		pythons_look(samples->pythons, (pid_t)note->pid, walk.space);
		walk.python_count =
			pythons_frames(samples->pythons, (pid_t)note->pid, sample, walk.python);
		put_program(&walk);
	}
	for (unsigned i = sample->kernel_frames; i-- > 0;)
		put(&walk, RT_LANGUAGE_KERNEL,
			kernel_symbols_name(samples->kernel, sample->kernel[i]), "kernel", 0);
	row.frame = walk.frame;
	pack_sample(samples->pack, &row);
}
