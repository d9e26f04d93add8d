/* SPDX-License-Identifier: Apache-2.0 */
#include "preload/python/api.h"

#include <dlfcn.h>

#pragma weak dlsym
#pragma weak dlerror

struct py_api py;

static const struct {
	const char *name;
	void **place;
} names[] = {
#define PY(result, name, parameters) {#name, (void **)&py.name},
#include "preload/python/api.def"
#undef PY
};

void *py_data(const char *name)
{
	void *found = dlsym ? dlsym(RTLD_DEFAULT, name) : NULL;

	/* A name that is not there left a message that is not the program's. */
	if (!found && dlerror)
		dlerror();
	return found;
}

bool py_api_find(void)
{
	if (!py_data("PySys_AddAuditHook") || !py_data("Py_GetVersion"))
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		*names[i].place = py_data(names[i].name);
	return true;
}

void py_pending_keep(struct py_pending *pending)
{
	*pending = (struct py_pending){0};
	if (py.PyErr_Occurred())
		py.PyErr_Fetch(&pending->type, &pending->value, &pending->traceback);
}

void py_pending_restore(const struct py_pending *pending)
{
	py.PyErr_Clear();
	if (pending->type)
		py.PyErr_Restore(pending->type, pending->value, pending->traceback);
}

const char *py_text_of(py_object *object, const char *name, py_object **holder)
{
	const char *text;
	ssize_t size;

	*holder = py.PyObject_GetAttrString(object, name);
	text = *holder ? py.PyUnicode_AsUTF8AndSize(*holder, &size) : NULL;
	if (!text)
		py.PyErr_Clear();
	return text ? text : "";
}

void py_drop(py_object *object)
{
	if (object)
		py.Py_DecRef(object);
}

py_object *py_module(const char *name)
{
	py_object *modules = py.PySys_GetObject("modules");

	return modules ? py.PyDict_GetItemString(modules, name) : NULL;
}
