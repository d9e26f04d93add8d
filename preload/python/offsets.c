/* SPDX-License-Identifier: Apache-2.0 */
#include "preload/python/offsets.h"

struct py_offsets py_at;

static const struct py_offsets known[] = {
#define OFFSETS(minor, code, globals, locals, owner, at, generator, state, context, frame, chain) \
	{minor, code, globals, locals, owner, at, generator, state, context, frame, chain},
#include "preload/python/offsets.def"
#undef OFFSETS
};

int py_minor(const char *version)
{
	const char *digit = text_after(version, "3.");
	int minor = 0;

	if (!digit || *digit < '0' || *digit > '9')
		return -1;
	while (*digit >= '0' && *digit <= '9')
		minor = minor * 10 + (*digit++ - '0');
	return minor;
}

/* A Context that we enter must show up in the thread, and as entered. */
static bool context_fits(void)
{
	py_object *context = py.PyContext_New ? py.PyContext_New() : NULL;
	char *thread = py.PyThreadState_Get();
	void *before = PY_AT(void *, thread, py_at.thread_context);
	bool fits;

	if (!context || py.PyContext_Enter(context))
		return false;
	fits = PY_AT(void *, thread, py_at.thread_context) == context &&
		PY_AT(int, context, PY_CONTEXT_ENTERED) == 1;
	fits &= !py.PyContext_Exit(context) &&
		PY_AT(void *, thread, py_at.thread_context) == before &&
		PY_AT(int, context, PY_CONTEXT_ENTERED) == 0;
	py.Py_DecRef(context);
	return fits;
}

/*
 * From 3.13 on the interpreter says itself where things are, for debuggers: a cookie, its version,
 * and then, from the place on that `free-threaded` has, sizes and offsets in a fixed order.
 */
static bool debug_table_fits(int minor)
{
	const char *runtime = py_data("_PyRuntime");
	const __u64 *version;

	if (minor < 13)
		return true;
	if (!runtime || !text_after(runtime, "xdebugpy"))
		return false;
	version = (const __u64 *)(runtime + 8);
	return (*version >> 16 & 0xff) == (unsigned)minor && *version >> 24 == 3;
}

bool py_offsets_find(int minor)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (known[i].minor != minor)
			continue;
		py_at = known[i];
		if (py.PyThreadState_Get && debug_table_fits(minor) && context_fits())
			return true;
		break;
	}
	py_at = (struct py_offsets){0};
	return false;
}
