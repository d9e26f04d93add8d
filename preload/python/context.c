/* SPDX-License-Identifier: Apache-2.0 */
#include "preload/python/context.h"
#include "preload/python/context_view.h"
#include "preload/python/greenlet.h"
#include "preload/python/interpreters.h"
#include "preload/python/linkage.h"
#include "preload/python/python.h"
#include "preload/python/redirect.h"
#include "preload/python/span.h"

typedef py_object *py_method(py_object *self, py_object *arguments);

static py_object *variable;
static struct {
	bool copy, task;
} hooked;		  /* in this session */
static void *interpreter; /* the only one that we look at */
static py_init *task_init;
static py_method *context_copy;

bool py_context_open(void)
{
	if (!py.PyContextVar_New || !py.PyContextVar_Get || !py.PyContextVar_Set ||
		!py.PyContextVar_Reset)
		return false;
	variable = py.PyContextVar_New("ragtime", NULL);
	interpreter = py.PyInterpreterState_Get ? py.PyInterpreterState_Get() : NULL;
	if (!variable) {
		py.PyErr_Clear();
		return false;
	}
	py_context_view_open(variable);
	return true;
}

__u64 py_context_span(void)
{
	py_object *value = NULL;
	__u64 span;

	if (py.PyContextVar_Get(variable, NULL, &value) || !value)
		return 0;
	span = py.PyLong_AsUnsignedLongLongMask(value);
	py.Py_DecRef(value);
	return span;
}

/* ---- around the copying ---- */

struct py_copying {
	struct py_thread *thread; /* NULL: nothing was set */
	const void *context;
	const struct py_copying *around;
	py_object *variable, *token;
};

bool py_context_is_ours(void)
{
	return py_on && (!py.PyInterpreterState_Get || py.PyInterpreterState_Get() == interpreter);
}

/* Where the running function is not traced, what the Context was given holds on. */
static void copying_begin(struct py_copying *copying, bool task)
{
	struct py_thread *thread;
	py_object *number;
	__u64 span, made;

	*copying = (struct py_copying){.thread = NULL};
	thread = py_context_is_ours() ? py_thread() : NULL;
	if (!thread)
		return;
	copying->context = py_context();
	/* one way of copying may be made of another: the outer one counts */
	if (thread->copying && thread->copying->context == copying->context)
		return;
	span = py_span_now(thread, copying->context);
	if (!span)
		return;
	made = span;
	if (task && !region_off()) {
		made = py_span_number(thread);
		mark_emit(RT_EV_runtime_task, made, (__s64)span, NULL);
	}
	number = py.PyLong_FromUnsignedLongLong(made);
	if (!number) {
		py.PyErr_Clear();
		return;
	}
	copying->token = py.PyContextVar_Set(variable, number);
	py.Py_DecRef(number);
	if (!copying->token) {
		py.PyErr_Clear();
		return;
	}
	copying->variable = variable;
	py.Py_IncRef(variable);
	copying->thread = thread;
	copying->around = thread->copying;
	thread->copying = copying;
}

static void copying_end(const struct py_copying *copying)
{
	struct py_pending pending;

	if (!copying->thread)
		return;
	copying->thread->copying = copying->around;
	py_pending_keep(&pending);
	/* in another Context, as of a greenlet that came between, there is nothing to put back */
	if (py.PyContextVar_Reset(copying->variable, copying->token))
		py.PyErr_Clear();
	py.Py_DecRef(copying->token);
	py.Py_DecRef(copying->variable);
	py_pending_restore(&pending);
}

static int task_init_hook(py_object *self, py_object *arguments, py_object *keywords)
{
	struct py_copying copying;
	int result;

	copying_begin(&copying, true);
	result = task_init(self, arguments, keywords);
	copying_end(&copying);
	return result;
}

static py_object *context_copy_hook(py_object *self, py_object *arguments)
{
	struct py_copying copying;
	py_object *result;

	copying_begin(&copying, false);
	result = context_copy(self, arguments);
	copying_end(&copying);
	return result;
}

static py_object *copy_current_hook(void)
{
	struct py_copying copying;
	py_object *result;

	copying_begin(&copying, false);
	result = py.PyContext_CopyCurrent();
	copying_end(&copying);
	return result;
}

/* ---- where Contexts are copied ---- */

#define METHOD_NONE 0x4

static void hook_copy_context(void)
{
	py_object *module = py_module("_contextvars");

	hooked.copy = module &&
		py_redirect_function(module, "copy_context", METHOD_NONE, (void *)context_copy_hook,
			(void **)(void *)&context_copy);
}

/* The type stays: its slot is put back. */
static void hook_task(void)
{
	py_object *module = py_module("_asyncio");
	py_object *type = module ? py.PyObject_GetAttrString(module, "Task") : NULL;

	if (!type)
		return;
	py_redirect(&PY_AT(void *, type, PY_TYPE_INIT), (void *)task_init_hook,
		(void **)(void *)&task_init);
	hooked.task = true;
}

static void find_cancelled(void)
{
	py_object *module = py_module("asyncio.exceptions");

	if (module)
		py_cancelled = py.PyObject_GetAttrString(module, "CancelledError");
}

void py_context_imported(void)
{
	struct py_pending pending;

	linkage_redirect("PyContext_CopyCurrent", (void *)py.PyContext_CopyCurrent,
		(void *)copy_current_hook);
	py_pending_keep(&pending);
	py_greenlet_imported();
	py_interpreters_imported();
	if (!hooked.copy)
		hook_copy_context();
	if (!hooked.task)
		hook_task();
	if (!py_cancelled)
		find_cancelled();
	py_pending_restore(&pending);
}

void py_context_close(void)
{
	linkage_return("PyContext_CopyCurrent", (void *)py.PyContext_CopyCurrent,
		(void *)copy_current_hook);
	hooked.copy = hooked.task = false;
	py_drop(variable);
	variable = NULL;
}
