// SPDX-License-Identifier: Apache-2.0
/*
 * The bare hook: the least that a span of a Python function costs, in CPython 3.8 to 3.13. Two
 * timestamps, a stack of who is in whom, one record of 32 bytes with its parent, and a look into
 * the code object to know whether it is traced at all. No filter but a file's name (BARE), no
 * tasks, no threads, no generators, no limits, and nobody reads the ring. Ragtime's goals are
 * multiples of it.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>

#define RECORDS (1u << 17)
#define DEPTH_MAX 1024
#define METHOD_FASTCALL 0x80
#define INTERPRETER_SIZE 4096

typedef struct object {
	ssize_t references;
	struct object *type;
} object;

struct record {
	uint64_t start;
	uint32_t duration, kind;
	uint64_t span, parent;
};

struct open {
	uint64_t start, span;
};

static __thread struct {
	struct record *records;
	uint64_t next;
	unsigned depth;
	struct open open[DEPTH_MAX];
} self;

static char ignored, traced; // what code objects point to
static const char *wanted;
static int minor;
static uint64_t spans;
static ssize_t extra;
static object *none, *disable, *monitoring;

static object *(*before)(void *thread, char *frame, int throws);
static object *(*before_8)(char *frame, int throws);
static int (*extra_get)(object *code, ssize_t index, void **value);
static int (*extra_set)(object *code, ssize_t index, void *value);
static object *(*attribute)(object *of, const char *name);
static const char *(*text_of)(object *text);
static object *(*call_method)(object *of, const char *name, const char *format, ...);
static void (*reference)(object *of);

static void *find(const char *name)
{
	return dlsym(RTLD_DEFAULT, name);
}

static void span_begin(void)
{
	struct open *open = &self.open[self.depth++ % DEPTH_MAX];

	open->span = ++spans;
	open->start = __builtin_ia32_rdtsc();
}

static void span_end(void)
{
	uint64_t end = __builtin_ia32_rdtsc();
	struct open *open = &self.open[--self.depth % DEPTH_MAX];
	struct record *record;

	if (__builtin_expect(!self.records, 0))
		self.records = mmap(NULL, RECORDS * sizeof(*record), PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	record = &self.records[self.next++ % RECORDS];
	record->start = open->start;
	record->duration = (uint32_t)(end - open->start);
	record->span = open->span;
	record->parent = self.depth ? self.open[(self.depth - 1) % DEPTH_MAX].span : 0;
}

static __attribute__((noinline)) void *decide(object *code)
{
	object *file = attribute(code, "co_filename");
	const char *name = file ? text_of(file) : NULL;
	void *what = wanted && name && strstr(name, wanted) ? &traced : &ignored;

	extra_set(code, extra, what);
	return what;
}

static inline void *what_of(object *code)
{
	void *what = NULL;

	extra_get(code, extra, &what);
	return what ? what : decide(code);
}

// ---- 3.8 to 3.11: a function around the evaluation of each frame ----

static inline object *code_in(char *frame)
{
	return *(object **)(frame + 32);
}

static object *hook(void *thread, char *frame, int throws)
{
	object *result;

	if (what_of(code_in(frame)) == &ignored)
		return before(thread, frame, throws);
	span_begin();
	result = before(thread, frame, throws);
	span_end();
	return result;
}

static object *hook_8(char *frame, int throws)
{
	object *result;

	if (what_of(code_in(frame)) == &ignored)
		return before_8(frame, throws);
	span_begin();
	result = before_8(frame, throws);
	span_end();
	return result;
}

static void frames_open(void)
{
	void *interpreter = ((void *(*)(void))find("PyInterpreterState_Main"))();
	void *(*get)(void *) = find("_PyInterpreterState_GetEvalFrameFunc");
	void (*set)(void *, void *) = find("_PyInterpreterState_SetEvalFrameFunc");
	void *standard = find("_PyEval_EvalFrameDefault"), **place = interpreter;

	if (minor > 8) {
		before = get(interpreter);
		set(interpreter, hook);
		return;
	}
	for (size_t i = 0; i < INTERPRETER_SIZE / sizeof(*place); i++)
		if (place[i] == standard) {
			before_8 = standard;
			place[i] = hook_8;
			return;
		}
}

// ---- from 3.12 on: sys.monitoring ----

static object *answer(object *what)
{
	reference(what);
	return what;
}

static object *on_start(object *own, object *const *arguments, ssize_t count)
{
	void *what = NULL;

	(void)own;
	(void)count;
	extra_get(arguments[0], extra, &what);
	if (!what) {
		what = decide(arguments[0]);
		if (what == &traced)
			call_method(monitoring, "set_local_events", "iOi", 4, arguments[0], 4);
	}
	if (what == &ignored)
		return answer(disable);
	span_begin();
	return answer(none);
}

static object *on_return(object *own, object *const *arguments, ssize_t count)
{
	(void)own;
	(void)arguments;
	(void)count;
	span_end();
	return answer(none);
}

static struct {
	const char *name;
	object *(*receive)(object *, object *const *, ssize_t);
	int flags;
	const char *doc;
} methods[] = {
	{"start", on_start, METHOD_FASTCALL, NULL}, {"return", on_return, METHOD_FASTCALL, NULL}};

static void events_open(void)
{
	object *(*make)(void *, object *, object *) = find("PyCFunction_NewEx");

	monitoring = ((object * (*)(const char *)) find("PySys_GetObject"))("monitoring");
	reference(monitoring);
	disable = attribute(monitoring, "DISABLE");
	call_method(monitoring, "use_tool_id", "is", 4, "bare");
	for (int i = 0; i < 2; i++)
		call_method(monitoring, "register_callback", "iiO", 4, i ? 4 : 1,
			make(&methods[i], NULL, NULL));
	call_method(monitoring, "set_events", "ii", 4, 1);
}

// ---- the way in ----

static int on_audit(const char *event, object *arguments, void *data)
{
	static int done;
	ssize_t (*request)(void (*)(void *)) = find("PyUnstable_Eval_RequestCodeExtraIndex");

	(void)arguments;
	(void)data;
	if (done || strcmp(event, "import"))
		return 0;
	done = 1;
	minor = atoi(((const char *(*)(void))find("Py_GetVersion"))() + 2);
	if (!request)
		request = find("_PyEval_RequestCodeExtraIndex");
	extra_get = find(minor < 12 ? "_PyCode_GetExtra" : "PyUnstable_Code_GetExtra");
	extra_set = find(minor < 12 ? "_PyCode_SetExtra" : "PyUnstable_Code_SetExtra");
	attribute = find("PyObject_GetAttrString");
	text_of = find("PyUnicode_AsUTF8");
	call_method = find("PyObject_CallMethod");
	reference = find("Py_IncRef");
	none = find("_Py_NoneStruct");
	extra = request(NULL);
	if (minor < 12)
		frames_open();
	else
		events_open();
	return 0;
}

__attribute__((constructor)) static void bare_open(void)
{
	int (*add)(int (*)(const char *, object *, void *), void *) = find("PySys_AddAuditHook");

	wanted = getenv("BARE");
	if (add)
		add(on_audit, NULL);
}
