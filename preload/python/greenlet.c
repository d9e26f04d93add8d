/* SPDX-License-Identifier: Apache-2.0 */
#include "preload/python/greenlet.h"
#include "preload/python/python.h"
#include "preload/python/redirect.h"
#include "preload/python/span.h"

#include <sys/mman.h>

/* Places in greenlet's table of what it offers others: its type, and functions. */
enum { TYPE = 0, CURRENT = 4, THROW = 5, SWITCH = 6 };

#define DESCRIPTOR_WRAPPED 48 /* in a slot of a type: its function */
#define WITH_KEYWORDS 3	      /* METH_VARARGS | METH_KEYWORDS */
#define STACK_ROOM 128

py_object *(*py_greenlet_current)(void);

static struct py_table stacks; /* by greenlet */
static struct py_stack *unused;

static py_any *real_switch, *real_throw, *real_switch_method, *real_throw_method;
static py_init *real_init;

/* What returns here is the greenlet that had switched away. */
static py_object *followed(py_object *result)
{
	struct py_thread *thread = rt_self.runtime;

	if (thread && py_greenlet_current)
		py_greenlet_follow(thread);
	return result;
}

#define FOLLOWED(name)                                                                             \
	static py_object *name##_hook(py_object *greenlet, void *first, void *second, void *third) \
	{                                                                                          \
		return followed(real_##name(greenlet, first, second, third));                      \
	}

FOLLOWED(switch)
FOLLOWED(throw)
FOLLOWED(switch_method)
FOLLOWED(throw_method)

static void stack_forget(const void *greenlet);

/* One is made: what runs in it was asked for by who makes it. */
static int init_hook(py_object *greenlet, py_object *arguments, py_object *keywords)
{
	struct py_thread *thread = py_on ? py_thread() : NULL;
	int result = real_init(greenlet, arguments, keywords);

	if (thread && !result) {
		stack_forget(greenlet);
		py_span_hand(thread, greenlet);
	}
	return result;
}

/* Calls of the type find it there; those of greenlet.__init__, as gevent's, in the method's object.
 */
static void redirect_init(py_object *type)
{
	py_object *method = py.PyObject_GetAttrString(type, "__init__");

	py_redirect(
		&PY_AT(void *, type, PY_TYPE_INIT), (void *)init_hook, (void **)(void *)&real_init);
	if (method && method->type == py_data("PyWrapperDescr_Type") &&
		PY_AT(py_init *, method, DESCRIPTOR_WRAPPED) == real_init)
		py_redirect(&PY_AT(void *, method, DESCRIPTOR_WRAPPED), (void *)init_hook,
			(void **)(void *)&real_init);
	py_drop(method);
}

static void hook_all(void **functions)
{
	py_object *type = functions[TYPE];

	py_greenlet_current = (py_object * (*)(void))(uintptr_t)functions[CURRENT];
	py_redirect(&functions[SWITCH], (void *)switch_hook, (void **)(void *)&real_switch);
	py_redirect(&functions[THROW], (void *)throw_hook, (void **)(void *)&real_throw);
	py_redirect_method(type, "switch", switch_method_hook, &real_switch_method);
	py_redirect_method(type, "throw", throw_method_hook, &real_throw_method);
	redirect_init(type);
}

void py_greenlet_imported(void)
{
	py_object *module = py_greenlet_current ? NULL : py_module("greenlet._greenlet"), *capsule;
	void **functions;

	if (!module || !py.PyCapsule_GetPointer)
		return;
	capsule = py.PyObject_GetAttrString(module, "_C_API");
	functions = capsule ? py.PyCapsule_GetPointer(capsule, "greenlet._C_API") : NULL;
	if (functions)
		hook_all(functions);
	py.PyErr_Clear();
	py_drop(capsule);
}

static struct py_stack *stack_make(const void *greenlet)
{
	struct py_stack *stack = unused;
	long at;

	if (stack) {
		unused = stack->next;
	} else {
		at = raw6(mmap, 0, sizeof(*stack) + STACK_ROOM * sizeof(stack->open[0]),
			PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (at < 0 && at > -4096)
			return NULL;
		stack = (struct py_stack *)at;
		stack->room = STACK_ROOM;
	}
	stack->count = stack->beyond = 0;
	stack->of = greenlet;
	if (py_table_put(&stacks, (uintptr_t)greenlet, (__u64)(uintptr_t)stack, NULL))
		return stack;
	stack->next = unused;
	unused = stack;
	return NULL;
}

static void stack_free(struct py_place *place, struct py_stack *stack)
{
	py_table_remove(&stacks, place);
	stack->next = unused;
	unused = stack;
}

void py_greenlet_close(void)
{
	py_greenlet_current = NULL;
}

void py_greenlet_reset(void)
{
	for (size_t i = 0; i < stacks.capacity; i++) {
		struct py_stack *stack = (struct py_stack *)(uintptr_t)stacks.places[i].span;

		if (!stacks.places[i].key)
			continue;
		stack->next = unused;
		unused = stack;
	}
	py_table_clear(&stacks);
}

/* The address was another's, that ended without our seeing it. */
static void stack_forget(const void *greenlet)
{
	struct py_place *place = py_table_find(&stacks, (uintptr_t)greenlet);

	if (place)
		stack_free(place, (struct py_stack *)(uintptr_t)place->span);
}

/* Nothing of interest is on it: it may be another's, and so may the greenlet's address. */
static void stack_leave(struct py_thread *thread, struct py_stack *stack)
{
	struct py_place *place;

	if (stack == &thread->own || stack->count > 1 || (stack->count && stack->open[0].code))
		return;
	place = py_table_find(&stacks, (uintptr_t)stack->of);
	if (place)
		stack_free(place, stack);
}

void py_greenlet_follow(struct py_thread *thread)
{
	struct py_stack *before = thread->stack, *stack;
	py_object *greenlet = py_greenlet_current();
	struct py_place *place;

	if (!greenlet) {
		py.PyErr_Clear();
		return;
	}
	py.Py_DecRef(greenlet); /* it runs: others hold it too */
	if (before->of == greenlet)
		return;
	/* the thread's own stack is that of the first greenlet that is seen in it */
	if (!before->of && before == &thread->own) {
		before->of = greenlet;
		return;
	}
	place = py_table_find(&stacks, (uintptr_t)greenlet);
	stack = thread->own.of == greenlet ? &thread->own
		: place			   ? (struct py_stack *)(uintptr_t)place->span
					   : stack_make(greenlet);
	if (!stack)
		return;
	py_span_switch(thread, stack);
	if (!place && stack != &thread->own && py_span_is_handed(greenlet))
		py_span_take(thread, greenlet, NULL);
	stack_leave(thread, before);
}
