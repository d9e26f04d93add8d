/* SPDX-License-Identifier: Apache-2.0 */
#include "preload/python/context_view.h"
#include "preload/python/redirect.h"

enum { EQUAL = 2, UNEQUAL = 3 }; /* of how objects are compared */

/* In a type. */
#define TYPE_MAPPING 112 /* its functions of a mapping, the first of which is its length */
#define TYPE_COMPARE 200
#define TYPE_ITERATE 216

typedef ssize_t py_length(py_object *self);
typedef py_object *py_view(py_object *self, py_object *unused);
typedef py_object *py_compare(py_object *left, py_object *right, int how);

static py_object *ours;
static py_length *real_length;
static py_compare *real_compare;
static py_view *real_iterate, *real_keys, *real_values, *real_items;

static bool has_ours(py_object *self)
{
	int has = py.PySequence_Contains(self, ours);

	if (has < 0)
		py.PyErr_Clear();
	return has > 0;
}

static ssize_t length_hook(py_object *self)
{
	ssize_t length = real_length(self);

	return length > 0 && has_ours(self) ? length - 1 : length;
}

/* All views list variables in one order. */
static ssize_t place_of_ours(py_object *self)
{
	py_object *iterator = real_iterate(self, NULL);
	py_object *keys = iterator ? py.PySequence_List(iterator) : NULL;
	ssize_t place = keys ? py.PySequence_Size(keys) : 0;

	while (place-- > 0 && py.PyList_GetItem(keys, place) != ours)
		;
	py_drop(keys);
	py_drop(iterator);
	return place;
}

static py_object *without_ours(py_object *self, py_view *real)
{
	py_object *view = real(self, NULL), *list, *rest = NULL;

	if (!view || !has_ours(self))
		return view;
	list = py.PySequence_List(view);
	if (list && !py.PySequence_DelItem(list, place_of_ours(self)))
		rest = py.PyObject_GetIter(list);
	py_drop(list);
	py_drop(view);
	return rest;
}

#define WITHOUT_OURS(name)                                                \
	static py_object *name##_hook(py_object *self, py_object *unused) \
	{                                                                 \
		(void)unused;                                             \
		return without_ours(self, real_##name);                   \
	}

WITHOUT_OURS(iterate)
WITHOUT_OURS(keys)
WITHOUT_OURS(values)
WITHOUT_OURS(items)

static py_object *dict_of(py_object *self)
{
	py_object *items = items_hook(self, NULL), *dict = items ? py.PyDict_New() : NULL;

	if (dict && py.PyDict_MergeFromSeq2(dict, items, 1)) {
		py_drop(dict);
		dict = NULL;
	}
	py_drop(items);
	return dict;
}

static py_object *compare_hook(py_object *left, py_object *right, int how)
{
	py_object *one, *two, *answer = NULL;

	if ((how != EQUAL && how != UNEQUAL) || left->type != right->type ||
		(!has_ours(left) && !has_ours(right)))
		return real_compare(left, right, how);
	one = dict_of(left);
	two = dict_of(right);
	if (one && two)
		answer = py.PyObject_RichCompare(one, two, how);
	py_drop(one);
	py_drop(two);
	return answer;
}

static void redirect_method(py_object *type, const char *name, py_view *hook, py_view **real)
{
	py_redirect_method(type, name, (py_any *)(void *)hook, (py_any **)(void *)real);
}

void py_context_view_open(py_object *variable)
{
	py_object *type = py_data("PyContext_Type");
	void **mapping = type ? PY_AT(void **, type, TYPE_MAPPING) : NULL;

	if (!mapping || !*mapping || !PY_AT(void *, type, TYPE_ITERATE) ||
		!py.PySequence_Contains || !py.PySequence_List || !py.PySequence_Size ||
		!py.PySequence_DelItem || !py.PyList_GetItem || !py.PyObject_GetIter ||
		!py.PyDict_New || !py.PyDict_MergeFromSeq2 || !py.PyObject_RichCompare)
		return;
	ours = variable;
	py_redirect(mapping, (void *)length_hook, (void **)(void *)&real_length);
	py_redirect(&PY_AT(void *, type, TYPE_ITERATE), (void *)iterate_hook,
		(void **)(void *)&real_iterate);
	py_redirect(&PY_AT(void *, type, TYPE_COMPARE), (void *)compare_hook,
		(void **)(void *)&real_compare);
	redirect_method(type, "keys", keys_hook, &real_keys);
	redirect_method(type, "values", values_hook, &real_values);
	redirect_method(type, "items", items_hook, &real_items);
}
