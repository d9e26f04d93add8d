/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 3.12 on: sys.monitoring, received in C. The begin of every function is an event that its receiver
 * switches off for good where the function is of no interest; what else is to be known of a
 * function is asked for with its code object alone. So functions of no interest cost nothing.
 *
 * Exceptions that pass through a frame, and those thrown into a generator, can be asked for only of
 * all functions.
 */
#include "preload/python/install.h"
#include "preload/python/tool.h"
#include "preload/python/way.h"

#define METHOD_FASTCALL 0x80

/* PyMethodDef */
struct definition {
	const char *name;
	py_object *(*receive)(py_object *self, py_object *const *arguments, ssize_t count);
	int flags;
	const char *doc;
};

static py_object *monitoring, *disable, *none, *code_type;
static long tool, local_events;
static bool opened_before;

static inline py_object *answer(py_object *object)
{
	py.Py_IncRef(object);
	return object;
}

/*
 * What a frame is known by. Of an interpreter whose layout we do not know it is the frame object,
 * which stays with its frame.
 */
static inline const void *frame_now(void)
{
	return likely(py_at.minor) ? py_frame_of(py.PyThreadState_Get())
				   : (const void *)py.PyEval_GetFrame();
}

static inline const void *generator_of(const struct py_code *code, const void *frame)
{
	return code->role & RT_ROLE_SUSPENDS ? frame : NULL;
}

/* An argument by its name, where its place is not known; its function holds it. */
static NOINLINE const py_object *argument_of(py_object *frame, const char *name)
{
	py_object *locals = frame ? py.PyObject_GetAttrString(frame, "f_locals") : NULL;
	py_object *value = locals ? py.PyObject_CallMethod(locals, "get", "s", name) : NULL;

	if (!value)
		py.PyErr_Clear();
	py_drop(value);
	py_drop(locals);
	return value == none ? NULL : value;
}

/* What is done about a function may depend on its first argument. */
static inline const py_object *first_local(const struct py_code *code, const void *frame)
{
	if (likely(py_at.minor))
		return py_first_local(frame);
	if (code->act != PY_ACT_SPAN)
		return argument_of((py_object *)(uintptr_t)frame, "self");
	return code->role & RT_ROLE_IMPORT ? argument_of((py_object *)(uintptr_t)frame, "name")
					   : NULL;
}

static bool succeeds(py_object *result)
{
	if (!result)
		py.PyErr_Clear();
	py_drop(result);
	return result != NULL;
}

static NOINLINE struct py_code *decide(py_object *object)
{
	struct py_seen seen = {.code = object, .globals = py.PyEval_GetGlobals()};
	struct py_code *code = py_code_decide(&seen);

	if (code != py_ignored)
		succeeds(py.PyObject_CallMethod(
			monitoring, "set_local_events", "lOl", tool, object, local_events));
	return code;
}

/* From 3.13 on extensions may tell of events of their own, in what is no code object. */
static inline struct py_code *code_of(py_object *object)
{
	struct py_code *code = likely(object->type == code_type) ? py_code_of(object) : py_ignored;

	return likely(code != NULL) ? code : decide(object);
}

static NOINLINE void enter_any(struct py_code *code, bool begins, bool resumes)
{
	struct py_thread *thread = py_thread();
	const void *frame = frame_now();
	struct py_entry entry = {
		.code = code,
		.frame = frame,
		.generator = generator_of(code, frame),
		.begins = begins,
		.resumes = resumes,
	};

	if (!thread)
		return;
	entry.first_local = first_local(code, frame);
	if (likely(code->act == PY_ACT_SPAN))
		py_span_enter(thread, &entry);
	else if (code->act == PY_ACT_HAND && entry.first_local && begins)
		py_span_hand(thread, entry.first_local);
	else if (code->act == PY_ACT_TAKE && begins)
		py_span_take(thread, entry.first_local, frame);
}

static inline void enter(struct py_code *code, bool begins, bool resumes)
{
	struct py_thread *thread;
	const void *state;

	if (likely(py_span_is_plain(code) && py_at.minor)) {
		thread = py_thread();
		state = py.PyThreadState_Get();
		if (likely(thread &&
			    py_span_enter_plain(
				    thread, code, py_frame_of(state), py_context_entered(state))))
			return;
	}
	enter_any(code, begins, resumes);
}

/* The frame's end: it is the innermost, or what was called from it never told us its own. */
static void leave(const struct py_code *code, enum py_end end)
{
	struct py_thread *thread = py_thread();
	const void *frame;

	if (code == py_ignored || code->act == PY_ACT_HAND || !thread)
		return;
	frame = frame_now();
	if (likely(py_span_is_innermost(thread, frame) && py_span_is_plain(code)))
		py_span_leave_plain(thread, &thread->stack->open[thread->stack->count - 1], end);
	else if (py_span_is_innermost(thread, frame) || py_span_find(thread, frame))
		py_span_leave(thread, end);
	else if (end != PY_END_SUSPENDED && code->role & RT_ROLE_SUSPENDS)
		py_span_gone(frame);
}

static py_object *on_start(py_object *self, py_object *const *arguments, ssize_t count)
{
	struct py_code *code = code_of(arguments[0]);

	(void)self;
	(void)count;
	if (code == py_ignored)
		return answer(disable);
	enter(code, true, false);
	return answer(none);
}

static py_object *on_resume(py_object *self, py_object *const *arguments, ssize_t count)
{
	struct py_code *code = code_of(arguments[0]);

	(void)self;
	(void)count;
	if (code == py_ignored)
		return answer(disable);
	enter(code, false, true);
	return answer(none);
}

static py_object *on_throw(py_object *self, py_object *const *arguments, ssize_t count)
{
	struct py_code *code = code_of(arguments[0]);

	(void)self;
	(void)count;
	if (code != py_ignored)
		enter(code, false, false);
	return answer(none);
}

static py_object *on_return(py_object *self, py_object *const *arguments, ssize_t count)
{
	(void)self;
	(void)count;
	leave(code_of(arguments[0]), PY_END_RETURNED);
	return answer(none);
}

static py_object *on_yield(py_object *self, py_object *const *arguments, ssize_t count)
{
	(void)self;
	(void)count;
	leave(code_of(arguments[0]), PY_END_SUSPENDED);
	return answer(none);
}

static py_object *on_unwind(py_object *self, py_object *const *arguments, ssize_t count)
{
	struct py_code *code = code_of(arguments[0]);

	(void)self;
	leave(code,
		py_cancelled && count > 2 && arguments[2]->type == py_cancelled ? PY_END_CANCELLED
										: PY_END_RAISED);
	return answer(none);
}

static struct receiver {
	const char *event;
	bool local;
	struct definition definition;
	long bit;
} receivers[] = {
	{"PY_START", false, {"start", on_start, METHOD_FASTCALL, NULL}, 0},
	{"PY_RESUME", true, {"resume", on_resume, METHOD_FASTCALL, NULL}, 0},
	{"PY_RETURN", true, {"return", on_return, METHOD_FASTCALL, NULL}, 0},
	{"PY_YIELD", true, {"yield", on_yield, METHOD_FASTCALL, NULL}, 0},
	{"PY_THROW", false, {"throw", on_throw, METHOD_FASTCALL, NULL}, 0},
	{"PY_UNWIND", false, {"unwind", on_unwind, METHOD_FASTCALL, NULL}, 0},
};

#define RECEIVERS (sizeof(receivers) / sizeof(*receivers))

/* ---- in a place among the tools ---- */

static bool receiver_register(struct receiver *receiver, py_object *events)
{
	py_object *bit = py.PyObject_GetAttrString(events, receiver->event), *function, *result;

	if (!bit)
		return false;
	receiver->bit = py.PyLong_AsLong(bit);
	py.Py_DecRef(bit);
	function = py.PyCFunction_NewEx(&receiver->definition, NULL, NULL);
	if (!function)
		return false;
	result = py.PyObject_CallMethod(
		monitoring, "register_callback", "llO", tool, receiver->bit, function);
	py.Py_DecRef(function);
	py_drop(result);
	return result != NULL;
}

static void ask_local(py_object *code)
{
	succeeds(py.PyObject_CallMethod(
		monitoring, "set_local_events", "lOl", tool, code, local_events));
}

static void forget_local(py_object *code)
{
	succeeds(py.PyObject_CallMethod(monitoring, "set_local_events", "lOl", tool, code, 0l));
}

static bool begin(long place)
{
	py_object *events = py.PyObject_GetAttrString(monitoring, "events");
	long global_events = 0;
	bool done = events != NULL;

	tool = place;
	for (size_t i = 0; done && i < RECEIVERS; i++) {
		done = receiver_register(&receivers[i], events);
		if (receivers[i].local)
			local_events |= receivers[i].bit;
		/* what was suspended before we came is seen nowhere else first */
		if (!receivers[i].local ||
			(rt_came_late && receivers[i].definition.receive == on_resume))
			global_events |= receivers[i].bit;
	}
	py_drop(events);
	if (!done) {
		py.PyErr_Clear();
		return false;
	}
	py_code_each(ask_local);
	return succeeds(
		py.PyObject_CallMethod(monitoring, "set_events", "ll", tool, global_events));
}

/* Callbacks that are not called any more go last: no event finds none. */
static void end(long place)
{
	long now = tool;

	tool = place;
	succeeds(py.PyObject_CallMethod(monitoring, "set_events", "ll", tool, 0l));
	py_code_each(forget_local);
	for (size_t i = 0; i < RECEIVERS; i++)
		succeeds(py.PyObject_CallMethod(
			monitoring, "register_callback", "llO", tool, receivers[i].bit, none));
	tool = now;
}

static void lost(void)
{
	py_remove();
	py_tell(RT_RUNTIME_TAKEN);
}

static const char *event_asked(unsigned i)
{
	return i < RECEIVERS ? receivers[i].event : NULL;
}

static const struct py_tool_use use = {
	.begin = begin,
	.end = end,
	.lost = lost,
	.event = event_asked,
};

enum rt_runtime way_events_open(int minor)
{
	enum rt_runtime how;

	(void)minor;
	monitoring = py.PySys_GetObject("monitoring");
	none = py_data("_Py_NoneStruct");
	code_type = py_data("PyCode_Type");
	if (!monitoring || !none || !code_type || !py.PyEval_GetGlobals || !py.PyCFunction_NewEx)
		return RT_RUNTIME_FAILED;
	py.Py_IncRef(monitoring);
	disable = py.PyObject_GetAttrString(monitoring, "DISABLE");
	if (!disable)
		return RT_RUNTIME_FAILED;
	/* what was answered with DISABLE is asked again */
	if (opened_before)
		succeeds(py.PyObject_CallMethod(monitoring, "restart_events", NULL));
	opened_before = true;
	how = py_tool_open(monitoring, &use);
	return how == RT_RUNTIME_EVENTS && !py_at.minor ? RT_RUNTIME_BARE : how;
}

void way_events_close(void)
{
	py_tool_close();
	py_code_close(NULL);
	py.Py_DecRef(disable);
	py.Py_DecRef(monitoring);
}
