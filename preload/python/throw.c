/* SPDX-License-Identifier: Apache-2.0 */
#include "preload/python/throw.h"
#include "preload/python/context.h"
#include "preload/python/redirect.h"
#include "preload/python/span.h"

#define CHAIN_MAX 128

static py_any *coroutine_throw, *coroutine_close, *generator_throw, *generator_close;
static py_object *coroutine_type, *generator_type;

/* What a generator is known by while it is suspended: way_frames.c, way_events.c. */
static const void *key_of(const py_object *generator, int minor)
{
	const char *frame = (const char *)generator + py_at.generator_frame;

	if (minor == 11)
		return generator;
	return minor > 11 ? frame : PY_AT(void *, frame, 0);
}

/* What a generator waits for: a new reference, or NULL. */
static py_object *awaited_by(py_object *generator)
{
	bool coroutine = generator->type == coroutine_type;
	py_object *awaited =
		py.PyObject_GetAttrString(generator, coroutine ? "cr_await" : "gi_yieldfrom");

	if (!awaited)
		py.PyErr_Clear();
	return awaited;
}

static void chain_resume(struct py_thread *thread, py_object *generator)
{
	py.Py_IncRef(generator);
	for (int i = 0; i < CHAIN_MAX && generator &&
		(generator->type == coroutine_type || generator->type == generator_type);
		i++) {
		py_object *awaited = awaited_by(generator);

		py_span_thrown(thread, key_of(generator, py_at.minor));
		py.Py_DecRef(generator);
		generator = awaited;
	}
	py_drop(generator);
}

static py_object *thrown(
	py_any *real, py_object *generator, void *const *arguments, enum py_end end)
{
	struct py_thread *thread = py_context_is_ours() ? py_thread() : NULL;
	__u32 session = py_session;
	struct py_stack *stack;
	py_object *result;
	unsigned count;

	if (!thread)
		return real(generator, arguments[0], arguments[1], arguments[2]);
	stack = thread->stack;
	count = stack->count;
	chain_resume(thread, generator);
	result = real(generator, arguments[0], arguments[1], arguments[2]);
	if (session == py_session)
		py_span_throw_ends(thread, stack, count, end);
	return result;
}

#define THROWER(name, end)                                                    \
	static py_object *name##_hook(                                        \
		py_object *generator, void *first, void *second, void *third) \
	{                                                                     \
		void *const arguments[] = {first, second, third};             \
                                                                              \
		return thrown(name, generator, arguments, end);               \
	}

THROWER(coroutine_throw, PY_END_SUSPENDED)
THROWER(generator_throw, PY_END_SUSPENDED)
THROWER(coroutine_close, PY_END_RAISED)
THROWER(generator_close, PY_END_RAISED)

void py_throw_open(void)
{
	coroutine_type = py_data("PyCoro_Type");
	generator_type = py_data("PyGen_Type");
	if (!coroutine_type || !generator_type)
		return;
	py_redirect_method(coroutine_type, "throw", coroutine_throw_hook, &coroutine_throw);
	py_redirect_method(coroutine_type, "close", coroutine_close_hook, &coroutine_close);
	py_redirect_method(generator_type, "throw", generator_throw_hook, &generator_throw);
	py_redirect_method(generator_type, "close", generator_close_hook, &generator_close);
}
