/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 3.8 to 3.11 evaluate each frame through a pointer (PEP 523): ours looks at the frame's code and
 * goes on to what was there before, which is the interpreter's own or another tool's.
 *
 * 3.11 runs calls from Python to Python in one C function; with a hook each of them takes C stack,
 * and a program that has raised its recursion limit would run out of it. So when three quarters of
 * the stack are used, the hook is taken out for what is called from there on.
 */
#include "preload/python/context.h"
#include "preload/python/python.h"
#include "preload/python/way.h"

#include <pthread.h>

#define INTERPRETER_SIZE 4096 /* looked through for 3.8's pointer */
#define SMALL_STACK (1u << 20)
#define OWNER_GENERATOR 1
#define SUSPENDED (-1)
#define RETURN_GENERATOR 75 /* 3.11's instruction after which one waits to be begun */

typedef py_object *eval_frame(void *thread, char *frame, int throws);
typedef py_object *eval_frame_8(char *frame, int throws);

static eval_frame *before;
static eval_frame_8 *before_8;
static void *interpreter;
static int version;
static void **place_8; /* where 3.8 keeps the pointer */
static bool chained;   /* another tool's hook goes on to ours, which so cannot be taken out */

extern int pthread_getattr_np(pthread_t, pthread_attr_t *) __attribute__((weak));
#pragma weak pthread_attr_getstack
#pragma weak pthread_attr_destroy
#pragma weak pthread_self

static NOINLINE uintptr_t stack_find(void)
{
	pthread_attr_t attributes;
	void *low = NULL;
	size_t size = 0;

	rt_self.runtime_stack = 1;
	if (!pthread_getattr_np || pthread_getattr_np(pthread_self(), &attributes))
		return 1;
	if (!pthread_attr_getstack(&attributes, &low, &size))
		rt_self.runtime_stack = (uintptr_t)low + (size > SMALL_STACK ? size / 4 : size / 2);
	pthread_attr_destroy(&attributes);
	return rt_self.runtime_stack;
}

static inline bool stack_is_short(void)
{
	ptrdiff_t offset = rt_self_offset;
	uintptr_t low = likely(offset) ? ((const struct rt_self __seg_fs *)offset)->runtime_stack
				       : rt_self.runtime_stack;

	return frame_here() < (likely(low) ? low : stack_find());
}

static py_object *hook(void *thread, char *frame, int throws);

static NOINLINE py_object *evaluate_unseen(void *thread, char *frame, int throws)
{
	py_object *result;

	py._PyInterpreterState_SetEvalFrameFunc(interpreter, (void *)before);
	result = before(thread, frame, throws);
	if (py_on)
		py._PyInterpreterState_SetEvalFrameFunc(interpreter, (void *)hook);
	return result;
}

static inline py_object *evaluate(void *thread, char *frame, int throws)
{
	return version == 8 ? before_8(frame, throws) : before(thread, frame, throws);
}

/* What the frame is suspended as; NULL: it cannot be, or is only about to make what can. */
static const char *generator_of(const struct py_code *code, const char *frame)
{
	if (!(code->role & RT_ROLE_SUSPENDS))
		return NULL;
	if (version < 11)
		return frame;
	return PY_AT(char, frame, py_at.frame_owner) == OWNER_GENERATOR
		? frame - py_at.generator_frame
		: NULL;
}

/* Has it been suspended before? */
static bool has_run(const struct py_code *code, const char *frame)
{
	if (!(code->role & RT_ROLE_SUSPENDS))
		return false;
	if (version < 11)
		return PY_AT(int, frame, py_at.frame_at) >= 0;
	return *PY_AT(const __u8 *, frame, py_at.frame_at) != RETURN_GENERATOR;
}

static bool makes_generator(const struct py_code *code, const char *generator)
{
	return version == 11 && code->role & RT_ROLE_SUSPENDS && !generator;
}

static bool is_suspended(const char *generator)
{
	if (version < 10)
		return PY_AT(void *, generator, py_at.generator_state) != NULL;
	return PY_AT(signed char, generator, py_at.generator_state) == SUSPENDED;
}

static enum py_end end_of(const char *generator, const py_object *result)
{
	if (result)
		return generator && is_suspended(generator) ? PY_END_SUSPENDED : PY_END_RETURNED;
	return py_cancelled && py.PyErr_Occurred() == py_cancelled ? PY_END_CANCELLED
								   : PY_END_RAISED;
}

static NOINLINE py_object *evaluate_handing(
	const struct py_code *code, void *state, char *frame, int throws)
{
	struct py_thread *thread = py_thread();
	__u32 session = py_session;
	py_object *result;

	if (!thread || throws)
		return evaluate(state, frame, throws);
	if (code->act == PY_ACT_HAND) {
		py_span_hand(thread, py_first_local(frame));
		return evaluate(state, frame, throws);
	}
	py_span_take(thread, py_first_local(frame), frame);
	result = evaluate(state, frame, throws);
	if (likely(session == py_session))
		py_span_leave(py_thread(), PY_END_RETURNED);
	return result;
}

static NOINLINE py_object *evaluate_any(struct py_code *code, void *state, char *frame, int throws)
{
	const char *generator = generator_of(code, frame);
	struct py_entry entry = {
		.code = code,
		.frame = frame,
		.generator = generator,
		.first_local = py_first_local(frame),
	};
	__u32 session = py_session;
	struct py_thread *thread;
	py_object *result;

	if (code->act != PY_ACT_SPAN)
		return evaluate_handing(code, state, frame, throws);
	thread = py_thread();
	if (!thread || makes_generator(code, generator))
		return evaluate(state, frame, throws);
	entry.resumes = generator && has_run(code, frame);
	py_span_enter(thread, &entry);
	result = evaluate(state, frame, throws);
	/* hooks that were taken out meanwhile know of it no more */
	if (likely(session == py_session))
		py_span_leave(py_thread(), end_of(generator, result));
	return result;
}

static NOINLINE py_object *evaluate_seen(struct py_code *code, void *state, char *frame, int throws)
{
	struct py_thread *thread = likely(py_span_is_plain(code)) ? py_thread() : NULL;
	struct py_open *open = NULL;
	__u32 session = py_session;
	py_object *result;

	if (likely(thread != NULL))
		open = py_span_enter_plain(
			thread, code, frame, state ? py_context_entered(state) : py_context());
	if (unlikely(!open))
		return evaluate_any(code, state, frame, throws);
	result = evaluate(state, frame, throws);
	if (likely(session == py_session))
		py_span_leave_plain(py_thread(), open, end_of(NULL, result));
	return result;
}

static NOINLINE struct py_code *decide(char *frame)
{
	static __thread bool deciding;
	struct py_seen seen = {
		.code = PY_AT(py_object *, frame, py_at.frame_code),
		.globals = PY_AT(py_object *, frame, py_at.frame_globals),
		.first_local = py_first_local(frame),
	};
	struct py_code *code;

	if (deciding)
		return py_ignored;
	deciding = true;
	code = py_code_decide(&seen);
	deciding = false;
	return code;
}

static inline struct py_code *code_of(char *frame)
{
	struct py_code *code = py_code_of(PY_AT(py_object *, frame, py_at.frame_code));

	return likely(code != NULL) ? code : decide(frame);
}

static py_object *hook(void *thread, char *frame, int throws)
{
	struct py_code *code;

	if (version == 11 && unlikely(stack_is_short()))
		return evaluate_unseen(thread, frame, throws);
	code = code_of(frame);
	if (likely(code == py_ignored))
		return before(thread, frame, throws);
	return evaluate_seen(code, thread, frame, throws);
}

static py_object *hook_8(char *frame, int throws)
{
	struct py_code *code = code_of(frame);

	if (likely(code == py_ignored))
		return before_8(frame, throws);
	return evaluate_seen(code, NULL, frame, throws);
}

/* 3.8 has no function that sets the pointer: it is found by what it holds. */
static enum rt_runtime open_8(void)
{
	void *standard = (void *)py._PyEval_EvalFrameDefault;

	for (int at = 0; standard && at < INTERPRETER_SIZE; at += (int)sizeof(void *)) {
		void **place = &PY_AT(void *, interpreter, at);

		if (*place != standard)
			continue;
		place_8 = place;
		before_8 = (eval_frame_8 *)*place;
		*place = (void *)hook_8;
		return RT_RUNTIME_FRAMES;
	}
	return RT_RUNTIME_FAILED;
}

enum rt_runtime way_frames_open(int minor)
{
	version = minor;
	interpreter = py.PyInterpreterState_Main();
	if (!py_at.minor)
		return RT_RUNTIME_UNKNOWN;
	if (chained)
		return RT_RUNTIME_FRAMES;
	if (minor == 8)
		return open_8();
	if (!py._PyInterpreterState_SetEvalFrameFunc || !py._PyInterpreterState_GetEvalFrameFunc)
		return RT_RUNTIME_FAILED;
	before = (eval_frame *)py._PyInterpreterState_GetEvalFrameFunc(interpreter);
	py._PyInterpreterState_SetEvalFrameFunc(interpreter, (void *)hook);
	return RT_RUNTIME_FRAMES;
}

void way_frames_close(void)
{
	py_code_close(NULL);
	if (version == 8) {
		chained = place_8 && *place_8 != (void *)hook_8;
		if (place_8 && !chained)
			*place_8 = (void *)before_8;
		return;
	}
	chained = py._PyInterpreterState_GetEvalFrameFunc(interpreter) != (void *)hook;
	if (!chained)
		py._PyInterpreterState_SetEvalFrameFunc(interpreter, (void *)before);
}
