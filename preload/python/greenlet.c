/* SPDX-License-Identifier: Apache-2.0 */
#include "preload/python/greenlet.h"
#include "preload/python/span.h"

#include <sys/mman.h>

#define CURRENT 4 /* PyGreenlet_GetCurrent's place in greenlet's table of functions */
#define STACK_ROOM 128

py_object *(*py_greenlet_current)(void);

static struct py_table stacks; /* by greenlet */
static struct py_stack *unused;

void py_greenlet_imported(void)
{
	py_object *module = py_greenlet_current ? NULL : py_module("greenlet._greenlet"), *capsule;
	void **functions;

	if (!module || !py.PyCapsule_GetPointer)
		return;
	capsule = py.PyObject_GetAttrString(module, "_C_API");
	functions = capsule ? py.PyCapsule_GetPointer(capsule, "greenlet._C_API") : NULL;
	if (functions)
		py_greenlet_current = (py_object * (*)(void))(uintptr_t)functions[CURRENT];
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

/* Nothing of interest is on it: it may be another's, and so may the greenlet's address. */
static void stack_leave(struct py_thread *thread, struct py_stack *stack)
{
	struct py_place *place;

	if (stack == &thread->own || stack->count)
		return;
	place = py_table_find(&stacks, (uintptr_t)stack->of);
	if (place)
		py_table_remove(&stacks, place);
	stack->next = unused;
	unused = stack;
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
	stack_leave(thread, before);
}
