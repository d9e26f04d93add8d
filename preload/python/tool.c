/* SPDX-License-Identifier: Apache-2.0 */
#include "preload/python/tool.h"
#include "preload/python/redirect.h"

#define METHOD_FASTCALL 0x80
#define METHOD_ONE 0x8
#define METHOD_NONE 0x4
#define NOWHERE (-1)

/*
 * Tools 0 to 2 are named. 5 is set aside for an optimiser that no version has, so that no program
 * misses it; 4 and 3 are anybody's.
 */
static const long places[] = {5, 4, 3, 2, 1, 0};

typedef py_object *py_method(py_object *self, py_object *argument);
typedef py_object *py_fast(py_object *self, py_object *const *arguments, ssize_t count);

static py_object *monitoring, *none;
static const struct py_tool_use *use;
static long tool = NOWHERE;
static py_method *get_events, *get_tool, *all_events;
static py_fast *use_tool;

static long place_take(long except)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		py_object *result;

		if (places[i] == except)
			continue;
		result = py.PyObject_CallMethod(
			monitoring, "use_tool_id", "ls", places[i], "ragtime");
		py_drop(result);
		if (result)
			return places[i];
		py.PyErr_Clear();
	}
	return NOWHERE;
}

static void place_free(long place)
{
	py_object *result = py.PyObject_CallMethod(monitoring, "free_tool_id", "l", place);

	if (!result)
		py.PyErr_Clear();
	py_drop(result);
}

static bool asks_for_ours(const py_object *number)
{
	return tool != NOWHERE && number && number->type == py_data("PyLong_Type") &&
		py.PyLong_AsLong((py_object *)(uintptr_t)number) == tool;
}

/* The program gets our place, as if we had never had it. */
static void make_room(void)
{
	long left = tool;

	tool = place_take(left);
	if (tool != NOWHERE && !use->begin(tool)) {
		use->end(tool);
		place_free(tool);
		tool = NOWHERE;
	}
	use->end(left);
	place_free(left);
	if (tool == NOWHERE)
		use->lost();
}

static py_object *on_use_tool(py_object *self, py_object *const *arguments, ssize_t count)
{
	if (count && asks_for_ours(arguments[0]))
		make_room();
	return use_tool(self, arguments, count);
}

static py_object *on_get_events(py_object *self, py_object *number)
{
	return asks_for_ours(number) ? py.PyLong_FromUnsignedLongLong(0) : get_events(self, number);
}

static py_object *on_get_tool(py_object *self, py_object *number)
{
	if (!asks_for_ours(number))
		return get_tool(self, number);
	py.Py_IncRef(none);
	return none;
}

/* By events: which tools have asked for them, a bit for each. */
static py_object *on_all_events(py_object *self, py_object *unused)
{
	py_object *all = all_events(self, unused);

	for (unsigned i = 0; all && tool != NOWHERE && use->event(i); i++) {
		const char *event = use->event(i);
		py_object *tools_of = py.PyDict_GetItemString(all, event), *others;
		long bits = tools_of ? py.PyLong_AsLong(tools_of) : 0;

		if (!(bits & 1l << tool))
			continue;
		bits &= ~(1l << tool);
		others = bits ? py.PyLong_FromUnsignedLongLong((unsigned long long)bits) : NULL;
		if (others ? py.PyDict_SetItemString(all, event, others)
			   : py.PyDict_DelItemString(all, event))
			py.PyErr_Clear();
		py_drop(others);
	}
	return all;
}

static void hide(const char *name, int flags, void *hook, void *original)
{
	py_redirect_function(monitoring, name, flags, hook, original);
}

enum rt_runtime py_tool_open(py_object *module, const struct py_tool_use *wanted)
{
	monitoring = module;
	use = wanted;
	none = py_data("_Py_NoneStruct");
	tool = place_take(NOWHERE);
	if (tool == NOWHERE)
		return RT_RUNTIME_TAKEN;
	if (!use->begin(tool)) {
		py_tool_close();
		return RT_RUNTIME_FAILED;
	}
	hide("use_tool_id", METHOD_FASTCALL, (void *)on_use_tool, &use_tool);
	hide("get_events", METHOD_ONE, (void *)on_get_events, &get_events);
	hide("get_tool", METHOD_ONE, (void *)on_get_tool, &get_tool);
	hide("_all_events", METHOD_NONE, (void *)on_all_events, &all_events);
	return RT_RUNTIME_EVENTS;
}

void py_tool_close(void)
{
	if (tool == NOWHERE)
		return;
	use->end(tool);
	place_free(tool);
	tool = NOWHERE;
}
