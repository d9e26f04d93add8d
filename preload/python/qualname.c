/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nothing here may run code of the program: attributes are asked only of functions, of types, and
 * of what wraps a method, whose own code is the interpreter's.
 */
#include "preload/python/qualname.h"

#define TYPE_FLAGS 168 /* tp_flags in a type */
#define IS_TYPE (1ul << 31)
#define CLASSES_MAX 64

static const struct wrapper {
	const char *type, *inner;
} wrappers[] = {
	{"PyClassMethod_Type", "__func__"},
	{"PyStaticMethod_Type", "__func__"},
	{"PyProperty_Type", "fget"},
};

static bool is_type(const py_object *object)
{
	return PY_AT(unsigned long, object->type, TYPE_FLAGS) & IS_TYPE;
}

/* The function itself, a new reference, from what stands in a class for it. */
static py_object *unwrap(py_object *object)
{
	for (size_t i = 0; i < sizeof(wrappers) / sizeof(*wrappers); i++) {
		if (object->type != py_data(wrappers[i].type))
			continue;
		object = py.PyObject_GetAttrString(object, wrappers[i].inner);
		if (!object)
			py.PyErr_Clear();
		return object;
	}
	py.Py_IncRef(object);
	return object;
}

/* Its qualified name, if it is a function with this code. */
static const char *name_if(py_object *candidate, const py_object *code, py_object **holder)
{
	py_object *function = unwrap(candidate), *its;
	const char *name = NULL;

	if (!function || function->type != py_data("PyFunction_Type")) {
		py_drop(function);
		return NULL;
	}
	its = py.PyObject_GetAttrString(function, "__code__");
	if (its == code)
		name = py_text_of(function, "__qualname__", holder);
	py_drop(its);
	py.Py_DecRef(function);
	return name;
}

/* Through the classes that methods are looked up in. */
static const char *name_in_classes(
	py_object *type, py_object *name, const py_object *code, py_object **holder)
{
	py_object *classes = py.PyObject_GetAttrString(type, "__mro__");
	ssize_t count = classes ? py.PyTuple_Size(classes) : 0;
	const char *found = NULL;

	for (ssize_t i = 0; i < count && i < CLASSES_MAX && !found; i++) {
		py_object *class = py.PyTuple_GetItem(classes, i);
		py_object *candidate = class ? py._PyType_Lookup(class, name) : NULL;

		found = candidate ? name_if(candidate, code, holder) : NULL;
	}
	py.PyErr_Clear();
	py_drop(classes);
	return found;
}

const char *py_qualname(const struct py_seen *seen, py_object *name, py_object **holder)
{
	py_object *first = (py_object *)seen->first_local, *candidate;
	const char *text, *found = NULL;
	ssize_t size;

	*holder = NULL;
	text = name ? py.PyUnicode_AsUTF8AndSize(name, &size) : NULL;
	if (!text || !py._PyType_Lookup || !py.PyTuple_Size || !py.PyTuple_GetItem)
		return NULL;
	candidate = seen->globals ? py.PyDict_GetItemString(seen->globals, text) : NULL;
	if (candidate)
		found = name_if(candidate, seen->code, holder);
	if (!found && first)
		found = name_in_classes(
			is_type(first) ? first : first->type, name, seen->code, holder);
	return found;
}
