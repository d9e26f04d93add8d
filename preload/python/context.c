/* SPDX-License-Identifier: Apache-2.0 */
#include "preload/python/context.h"
#include "preload/python/greenlet.h"
#include "preload/python/linkage.h"
#include "preload/python/span.h"

typedef py_object *py_method(py_object *self, py_object *arguments);

static py_object *variable, *zero;
static void *interpreter; /* the only one that we look at */
static py_init *task_init;
static py_method *context_copy;

bool py_context_open(void)
{
	if (!py.PyContextVar_New || !py.PyContextVar_Get || !py.PyContextVar_Set)
		return false;
	variable = py.PyContextVar_New("ragtime", NULL);
	zero = py.PyLong_FromUnsignedLongLong(0);
	interpreter = py.PyInterpreterState_Get ? py.PyInterpreterState_Get() : NULL;
	if (!variable || !zero) {
		py.PyErr_Clear();
		return false;
	}
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
	py_object *before;
};

static void variable_set(py_object *value)
{
	py_object *token = py.PyContextVar_Set(variable, value);

	if (token)
		py.Py_DecRef(token);
	else
		py.PyErr_Clear();
}

bool py_context_is_ours(void)
{
	return !py.PyInterpreterState_Get || py.PyInterpreterState_Get() == interpreter;
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
	if (py.PyContextVar_Get(variable, NULL, &copying->before))
		py.PyErr_Clear();
	variable_set(number);
	py.Py_DecRef(number);
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
	variable_set(copying->before ? copying->before : zero);
	py_drop(copying->before);
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

static void hook_copy_context(void)
{
	py_object *module = py_module("_contextvars");
	py_object *function = module ? py.PyObject_GetAttrString(module, "copy_context") : NULL;
	struct py_definition *definition;

	if (!function)
		return;
	definition = PY_AT(struct py_definition *, function, PY_FUNCTION_METHOD);
	if (function->type == py_data("PyCFunction_Type") &&
		text_equal(definition->name, "copy_context")) {
		context_copy = (py_method *)definition->method;
		definition->method = (void *)context_copy_hook;
	}
	py.Py_DecRef(function);
}

static void hook_task(void)
{
	py_object *module = py_module("_asyncio");
	py_object *type = module ? py.PyObject_GetAttrString(module, "Task") : NULL;

	if (!type)
		return;
	task_init = PY_AT(py_init *, type, PY_TYPE_INIT);
	PY_AT(py_init *, type, PY_TYPE_INIT) = task_init_hook;
	py.Py_DecRef(type);
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
	if (context_copy && task_init && py_cancelled && py_greenlet_current)
		return;
	py_pending_keep(&pending);
	py_greenlet_imported();
	if (!context_copy)
		hook_copy_context();
	if (!task_init)
		hook_task();
	if (!py_cancelled)
		find_cancelled();
	py_pending_restore(&pending);
}
