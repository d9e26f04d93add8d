/* SPDX-License-Identifier: Apache-2.0 */
#include "preload/python/code.h"
#include "preload/python/python.h"
#include "preload/python/qualname.h"
#include "preload/python/rules.h"

#include <sys/mman.h>

#define CODES_A_TIME 1024
#define NAME_MAX_SIZE 512
#define FILE_MAX_SIZE 1024

/* co_flags: a generator, a coroutine, an asynchronous generator */
#define FLAGS_SUSPENDING 0x2a0

struct py_code *py_ignored;
__u32 py_session;

static bool has_qualname;
static struct py_code *all, *unused;
static __u32 gone; /* counts those that have left `all` */
static struct py_code *fresh;
static unsigned fresh_left;

static bool codes_map(void)
{
	long at = raw6(mmap, 0, CODES_A_TIME * sizeof(*fresh), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at < 0 && at > -4096)
		return false;
	fresh = (struct py_code *)at;
	fresh_left = CODES_A_TIME;
	return true;
}

static struct py_code *code_make(void)
{
	struct py_code *code = unused;

	if (code) {
		unused = code->next;
	} else {
		if (!fresh_left && !codes_map())
			return NULL;
		code = fresh++;
		fresh_left--;
	}
	*code = (struct py_code){.next = all, .session = py_session};
	all = code;
	return code;
}

static void tell_count(struct py_code *code)
{
	if (code->counted && !region_off())
		mark_emit(RT_EV_runtime_counted, code->kind, (__s64)code->counted, NULL);
	code->counted = 0;
}

/* Its code object dies. */
static void code_release(void *extra)
{
	struct py_code *code = extra, **place = &all;

	if (!code || py_code_is_ignored(code))
		return;
	if (code->session == py_session)
		tell_count(code);
	gone++;
	while (*place && *place != code)
		place = &(*place)->next;
	if (*place)
		*place = code->next;
	code->next = unused;
	unused = code;
}

bool py_code_open(int minor)
{
	py_session++;
	py_ignored = (struct py_code *)((uintptr_t)py_session << 1 | 1);
	if (py_extra_index >= 0)
		return true;
	has_qualname = minor >= 11;
	return py_extra_open(code_release);
}

/* Their memory is for the next session's. */
static void imports_release(void)
{
	struct py_code **place = &all, *code;

	while ((code = *place)) {
		if (code->object) {
			place = &code->next;
			continue;
		}
		*place = code->next;
		code->next = unused;
		unused = code;
	}
}

/* What it visits may let others die: then it begins anew, with those that it has not visited. */
void py_code_each(void (*visit)(py_object *code))
{
	static __u32 round;
	struct py_code *code = all;

	round++;
	while (code) {
		__u32 before = gone;

		if (code->object && code->session == py_session && code->round != round) {
			code->round = round;
			visit(code->object);
		}
		code = before == gone ? code->next : all;
	}
}

void py_code_close(void (*each)(py_object *code))
{
	if (each)
		py_code_each(each);
	imports_release();
	py_session++;
	py_ignored = (struct py_code *)((uintptr_t)py_session << 1 | 1);
}

static const py_object *text_type(void)
{
	static const py_object *type;

	if (!type)
		type = py_data("PyUnicode_Type");
	return type;
}

/* ---- kinds ---- */

static __u64 hash_more(__u64 hash, const char *text)
{
	do
		hash = (hash ^ (__u8)*text) * 0x100000001b3ull;
	while (*text++);
	return hash;
}

/* The place of a function in the run's table, as a kind; 0 where the table is full. */
static unsigned kind_of(__u64 hash)
{
	__u64 *places = rt_region->runtime_functions;

	hash |= 1;
	for (unsigned step = 0; step < 64; step++) {
		unsigned at = (unsigned)(hash >> 7) + step;
		__u64 *place = &places[at % RT_RUNTIME_FUNCTIONS], there = 0;

		if (__atomic_compare_exchange_n(
			    place, &there, hash, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED) ||
			there == hash)
			return RT_KIND_RUNTIME + at % RT_RUNTIME_FUNCTIONS;
	}
	return 0;
}

struct text {
	char bytes[2 * NAME_MAX_SIZE + FILE_MAX_SIZE];
	unsigned size;
};

static void text_add(struct text *text, const char *part, size_t limit)
{
	size_t length = text_length(part);

	length = length < limit ? length : limit - 1;
	memcpy(text->bytes + text->size, part, length);
	text->bytes[text->size + length] = 0;
	text->size += (unsigned)length + 1;
}

struct names {
	const char *module, *name, *file;
	__u32 line;
};

/* A kind for it, told to the tracer. */
static bool code_name(struct py_code *code, const struct names *names)
{
	struct text text = {.size = 0};
	struct rt_bytes tail = {.data = text.bytes, .type = RT_TAIL_CODE, .info = names->line};
	__u64 hash = hash_more(0xcbf29ce484222325ull, names->module);
	unsigned kind;

	hash = hash_more(hash_more(hash, names->name), names->file);
	kind = kind_of((hash ^ names->line) * 0x9e3779b97f4a7c15ull);
	if (!kind)
		return false;
	code->kind = (__u16)kind;
	text_add(&text, names->module, NAME_MAX_SIZE);
	text_add(&text, names->name, NAME_MAX_SIZE);
	text_add(&text, names->file, FILE_MAX_SIZE);
	tail.size = text.size;
	if (!region_off())
		mark_emit(RT_EV_runtime_function, kind, code->role, &tail);
	return true;
}

/* ---- the decision ---- */

static long number_of(py_object *object, const char *name)
{
	py_object *number = py.PyObject_GetAttrString(object, name);
	long value = number ? py.PyLong_AsLong(number) : 0;

	py_drop(number);
	return value;
}

/* Module and name with a dot between, as rules have them. */
static void name_join(char *to, size_t room, const char *module, const char *name)
{
	size_t at = 0;

	for (; *module && at < room - 2; module++)
		to[at++] = *module;
	to[at++] = '.';
	for (; *name && at < room - 1; name++)
		to[at++] = *name;
	to[at] = 0;
}

static struct py_code *code_for(py_object *object, enum py_rule rule, const struct names *names)
{
	struct py_code *code;

	if (rule == PY_RULE_SKIP)
		return py_ignored;
	code = code_make();
	if (!code)
		return py_ignored;
	code->object = object;
	code->act = rule == PY_RULE_HAND ? PY_ACT_HAND
		: rule == PY_RULE_TAKE	 ? PY_ACT_TAKE
					 : PY_ACT_SPAN;
	code->role = (rule == PY_RULE_REQUEST ? RT_ROLE_REQUEST : 0) |
		(rule == PY_RULE_IMPORT ? RT_ROLE_IMPORT : 0) |
		(number_of(object, "co_flags") & FLAGS_SUSPENDING ? RT_ROLE_SUSPENDS : 0);
	if (code->act != PY_ACT_SPAN || code_name(code, names))
		return code;
	code_release(code);
	return py_ignored;
}

static const char *module_of(py_object *globals)
{
	py_object *name = globals ? py.PyDict_GetItemString(globals, "__name__") : NULL;
	const char *text;
	ssize_t size;

	text = name ? py.PyUnicode_AsUTF8AndSize(name, &size) : NULL;
	return text ? text : "?";
}

struct py_code *py_code_decide(struct py_seen *seen)
{
	py_object *file_holder, *name_holder, *full_holder = NULL, *object = seen->code;
	const char *full = NULL;
	struct py_pending pending;
	struct py_code *code;
	char joined[2 * NAME_MAX_SIZE];
	struct names names;

	if (!py_on || !region_mapped())
		return py_ignored;
	py_pending_keep(&pending);
	names.module = module_of(seen->globals);
	names.file = py_text_of(object, "co_filename", &file_holder);
	names.name = py_text_of(object, has_qualname ? "co_qualname" : "co_name", &name_holder);
	if (!has_qualname) {
		/* without arguments there is no telling what is in the place of the first */
		if (!number_of(object, "co_argcount"))
			seen->first_local = NULL;
		full = py_qualname(seen, name_holder, &full_holder);
	}
	names.name = full ? full : names.name;
	names.line = (__u32)number_of(object, "co_firstlineno");
	name_join(joined, sizeof(joined), names.module, names.name);
	code = code_for(object, py_rules_pick(joined, names.file), &names);
	if (!py_extra_set(object, code))
		code = py_ignored;
	py_drop(file_holder);
	py_drop(name_holder);
	py_drop(full_holder);
	py_pending_restore(&pending);
	return code;
}

struct py_code *py_code_import(const struct py_code *importer, const py_object *name)
{
	struct names names = {.module = "import", .file = ""};
	struct py_code *code;
	const char *text;
	ssize_t size;

	if (!name || name->type != text_type())
		return NULL;
	text = py.PyUnicode_AsUTF8AndSize((py_object *)name, &size);
	code = text ? code_make() : NULL;
	if (!code) {
		py.PyErr_Clear();
		return NULL;
	}
	names.name = text;
	code->act = PY_ACT_SPAN;
	code->role = importer->role;
	if (code_name(code, &names))
		return code;
	code_release(code);
	return NULL;
}

/* ---- functions called too often ---- */

bool py_code_is_hot(struct py_code *code, __u64 now)
{
	__u64 second = rt_region->ticks_per_second;

	if (!second || now - code->window >= second) {
		code->window = now;
		code->calls = 1;
		tell_count(code);
		return false;
	}
	code->counted++;
	return true;
}

void py_code_tell_counts(void)
{
	for (struct py_code *code = all; code; code = code->next)
		tell_count(code);
}
