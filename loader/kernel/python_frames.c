/* SPDX-License-Identifier: Apache-2.0 */
#include "loader/kernel/python_frames.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "lib/log.h"
#include "lib/map.h"
#include "lib/strtab.h"
#include "loader/kernel/programs.h"
#include "loader/kernel/space.h"
#include "loader/symbols/code.h"
#include "loader/symbols/elf.h"

#define TEXT_MAX 512
#define CODES_MAX 65536 /* names that are remembered; forgotten at once when it is reached */
#define NONE RK_PYTHON_NONE
/* struct _Py_DebugOffsets of 3.13, at the beginning of _PyRuntime: 64-bit words */
#define SELF_COOKIE "xdebugpy"
#define SELF_THREADED 2
#define SELF_INTERPRETERS 5
#define SELF_NEXT 8
#define SELF_THREADS 9

struct layout {
	unsigned minor;
	struct rk_python offsets;
	uint16_t code_file, code_line, text;
};

static const struct layout layouts[] = {
#define PYTHON(minor, first, next, threads, t_next, t_id, t_frame, hold, back, code, entry, from, \
	apart, file, name, line, text)                                                            \
	{minor,                                                                                   \
		{first, next, threads, t_next, t_id, t_frame, hold, back, code, entry, from,      \
			apart, name, {0}},                                                        \
		file, line, text},
#include "loader/kernel/pythons.def"
};

struct python {
	const struct layout *layout; /* NULL: none has been found */
	uint64_t evaluator;
	unsigned generation; /* of the space, that was looked through last */
};

struct known_code {
	uint64_t name; /* check */
	uint32_t text, file, line;
};

struct pythons {
	struct programs *programs;
	struct map by_pid; /* struct python * */
	struct map codes;  /* by pid and address: struct known_code * */
	struct strtab *texts;
};

struct pythons *pythons_new(struct programs *programs)
{
	struct pythons *pythons = calloc(1, sizeof(*pythons));

	if (!pythons)
		return NULL;
	pythons->programs = programs;
	pythons->texts = strtab_new();
	if (pythons->texts)
		return pythons;
	free(pythons);
	return NULL;
}

static void free_all(struct map *map)
{
	for (size_t i = 0; i < map->capacity; i++)
		if (map->entries[i].used)
			free((void *)(uintptr_t)map->entries[i].value);
	map_free(map);
}

void pythons_free(struct pythons *pythons)
{
	if (!pythons)
		return;
	free_all(&pythons->by_pid);
	free_all(&pythons->codes);
	strtab_free(pythons->texts);
	free(pythons);
}

static bool read_memory(pid_t pid, uint64_t address, void *bytes, size_t size)
{
	struct iovec here = {bytes, size}, there = {(void *)(uintptr_t)address, size};

	return process_vm_readv(pid, &here, 1, &there, 1, 0) == (ssize_t)size;
}

/* From "python3.11" or "libpython3.11.so.1.0"; 0: it is neither. A build without the interpreter's
 * lock ("3.13t") has other layouts. */
static unsigned minor_of(const char *module)
{
	unsigned minor;
	char after = 0;
	const char *name = strncmp(module, "lib", 3) ? module : module + 3;

	if (sscanf(name, "python3.%u%c", &minor, &after) < 1 || after == 't')
		return 0;
	return minor;
}

static const struct layout *layout_of(unsigned minor)
{
	for (size_t i = 0; i < sizeof(layouts) / sizeof(*layouts); i++)
		if (layouts[i].minor == minor)
			return &layouts[i];
	return NULL;
}

/* Of versions that say themselves where interpreters are, by that. False where it does not fit. */
static bool ask_program(pid_t pid, uint64_t runtime, struct rk_python *offsets, unsigned minor)
{
	uint64_t words[SELF_THREADS + 1];

	if (minor < 13)
		return true;
	if (!read_memory(pid, runtime, words, sizeof(words)) ||
		memcmp(words, SELF_COOKIE, sizeof(words[0])) != 0 || words[SELF_THREADED])
		return false;
	offsets->interpreters = words[SELF_INTERPRETERS];
	offsets->interpreter_next = (uint32_t)words[SELF_NEXT];
	offsets->interpreter_threads = (uint32_t)words[SELF_THREADS];
	return true;
}

struct looking {
	struct pythons *pythons;
	struct python *python;
	pid_t pid;
};

static int look_at_file(void *context, const struct space_place *place)
{
	struct looking *looking = context;
	unsigned minor = minor_of(place->module);
	const struct layout *layout = layout_of(minor);
	struct elf *elf = code_elf(place->code);
	struct elf_symbol evaluator;
	struct rk_python offsets;
	uint64_t runtime;

	if (!minor || !elf_variable(elf, "_PyRuntime", &runtime))
		return 1;
	runtime += place->bias;
	if (layout)
		offsets = layout->offsets;
	if (!layout || !ask_program(looking->pid, runtime, &offsets, minor)) {
		log_warn("process %d: the functions of Python 3.%u are not seen in samples: this "
			 "version or build is not known",
			(int)looking->pid, minor);
		return 0;
	}
	offsets.interpreters += runtime;
	if (programs_python(looking->pythons->programs, (uint32_t)looking->pid, &offsets))
		return 0;
	looking->python->layout = layout;
	if (elf_exported(elf, "_PyEval_EvalFrameDefault", &evaluator))
		looking->python->evaluator = evaluator.address + place->bias;
	log_debug("process %d: Python 3.%u in %s", (int)looking->pid, minor, place->module);
	return 0;
}

static struct python *find(const struct pythons *pythons, pid_t pid)
{
	uint64_t *place = map_find(&pythons->by_pid, (uint64_t)pid);

	return place ? (struct python *)(uintptr_t)*place : NULL;
}

void pythons_look(struct pythons *pythons, pid_t pid, struct space *space)
{
	struct looking looking = {pythons, find(pythons, pid), pid};
	uint64_t *place;

	if (!looking.python) {
		looking.python = calloc(1, sizeof(*looking.python));
		place = looking.python ? map_at(&pythons->by_pid, (uint64_t)pid) : NULL;
		if (!place) {
			free(looking.python);
			return;
		}
		*place = (uint64_t)(uintptr_t)looking.python;
	}
	if (looking.python->layout || looking.python->generation == space_generation(space))
		return;
	looking.python->generation = space_generation(space);
	space_files(space, look_at_file, &looking);
}

static void forget_codes(struct pythons *pythons)
{
	free_all(&pythons->codes);
	strtab_clear(pythons->texts);
}

void pythons_forget(struct pythons *pythons, pid_t pid)
{
	struct python *python = find(pythons, pid);

	if (!python)
		return;
	if (python->layout) {
		programs_python(pythons->programs, (uint32_t)pid, NULL);
		forget_codes(pythons);
	}
	map_remove(&pythons->by_pid, (uint64_t)pid);
	free(python);
}

uint64_t pythons_evaluator(const struct pythons *pythons, pid_t pid)
{
	const struct python *python = find(pythons, pid);

	return python ? python->evaluator : 0;
}

unsigned pythons_frames(const struct pythons *pythons, pid_t pid, const struct rk_sample *sample,
	struct rk_python_frame *frames)
{
	const struct python *python = find(pythons, pid);
	unsigned count = 0;

	for (unsigned i = 0; python && python->layout && i < sample->python_frames; i++) {
		const struct rk_python_frame *frame = &sample->python[i];

		if (!(frame->code & 1 && python->layout->offsets.entry_apart))
			frames[count++] = *frame;
		else if (count)
			frames[count - 1].code |= 1;
	}
	return count;
}

/* Characters beyond ASCII as UTF-8: names of functions rarely have them. */
static size_t put_character(char *out, uint32_t character)
{
	if (character < 0x80) {
		out[0] = (char)character;
		return 1;
	}
	if (character < 0x800) {
		out[0] = (char)(0xc0 | character >> 6);
		out[1] = (char)(0x80 | (character & 0x3f));
		return 2;
	}
	if (character < 0x10000) {
		out[0] = (char)(0xe0 | character >> 12);
		out[1] = (char)(0x80 | (character >> 6 & 0x3f));
		out[2] = (char)(0x80 | (character & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | (character >> 18 & 7));
	out[1] = (char)(0x80 | (character >> 12 & 0x3f));
	out[2] = (char)(0x80 | (character >> 6 & 0x3f));
	out[3] = (char)(0x80 | (character & 0x3f));
	return 4;
}

/* A string object: its length stands at 16, what its characters are like at 32. */
static uint32_t read_text(
	struct pythons *pythons, pid_t pid, const struct layout *layout, uint64_t address)
{
	uint8_t head[40], bytes[TEXT_MAX * 4];
	char text[TEXT_MAX * 4];
	uint64_t length, start = address + layout->text;
	uint32_t state, width;
	size_t size = 0;

	if (!address || !read_memory(pid, address, head, sizeof(head)))
		return 0;
	memcpy(&length, head + 16, sizeof(length));
	memcpy(&state, head + 32, sizeof(state));
	/* interned 2 bits (3.12 on: likewise), width 3, compact 1, ascii 1 */
	width = state >> 2 & 7;
	if (!length || (width != 1 && width != 2 && width != 4) || !(state >> 5 & 1))
		return 0;
	if (length > TEXT_MAX)
		length = TEXT_MAX;
	if (!(state >> 6 & 1))
		start += layout->minor >= 12 ? 16 : 24;
	if (!read_memory(pid, start, bytes, length * width))
		return 0;
	for (size_t i = 0; i < length; i++) {
		uint32_t character = 0;

		memcpy(&character, bytes + i * width, width);
		size += put_character(text + size, character);
	}
	return strtab_add(pythons->texts, text, size);
}

static void read_code(struct pythons *pythons, pid_t pid, const struct layout *layout,
	uint64_t address, struct known_code *code)
{
	uint64_t file = 0;

	code->text = read_text(pythons, pid, layout, code->name);
	if (read_memory(pid, address + layout->code_file, &file, sizeof(file)))
		code->file = read_text(pythons, pid, layout, file);
	if (!read_memory(pid, address + layout->code_line, &code->line, sizeof(code->line)))
		code->line = 0;
}

static struct known_code *code_of(struct pythons *pythons, uint64_t key)
{
	struct known_code *code;
	uint64_t *place;

	if (pythons->codes.count >= CODES_MAX)
		forget_codes(pythons);
	place = map_at(&pythons->codes, key);
	if (!place)
		return NULL;
	if (*place)
		return (void *)(uintptr_t)*place;
	code = calloc(1, sizeof(*code));
	if (code)
		*place = (uint64_t)(uintptr_t)code;
	else
		map_remove(&pythons->codes, key);
	return code;
}

struct python_code pythons_code(
	struct pythons *pythons, pid_t pid, const struct rk_python_frame *frame)
{
	const struct python *python = find(pythons, pid);
	uint64_t address = frame->code & ~1ull;
	struct known_code *code;

	if (!python || !python->layout)
		return (struct python_code){"", "", 0};
	code = code_of(pythons, address ^ (uint64_t)(uint32_t)pid << 42);
	if (!code)
		return (struct python_code){"", "", 0};
	if (code->name != frame->name) {
		*code = (struct known_code){.name = frame->name};
		read_code(pythons, pid, python->layout, address, code);
	}
	return (struct python_code){strtab_get(pythons->texts, code->text),
		strtab_get(pythons->texts, code->file), code->line};
}
