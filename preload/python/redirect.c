/* SPDX-License-Identifier: Apache-2.0 */
#include "preload/python/redirect.h"

#define REDIRECTS_MAX 32

#define DESCRIPTOR_METHOD 40 /* in a method of a type: its definition */

static struct redirect {
	void **word, *hook, *real;
} redirects[REDIRECTS_MAX];
static unsigned count;

void py_redirect(void **word, void *hook, void **real)
{
	for (unsigned i = 0; i < count; i++)
		if (redirects[i].word == word)
			return;
	if (count == REDIRECTS_MAX)
		return;
	*real = *word;
	redirects[count++] = (struct redirect){word, hook, *real};
	__atomic_store_n(word, hook, __ATOMIC_RELEASE);
}

void py_redirect_method(py_object *type, const char *name, py_any *hook, py_any **real)
{
	py_object *method = py.PyObject_GetAttrString(type, name);
	struct py_definition *definition;

	if (!method)
		py.PyErr_Clear();
	if (method && method->type == py_data("PyMethodDescr_Type")) {
		definition = PY_AT(struct py_definition *, method, DESCRIPTOR_METHOD);
		if (text_equal(definition->name, name))
			py_redirect(&definition->method, (void *)hook, (void **)(void *)real);
	}
	py_drop(method);
}

bool py_redirect_function(py_object *module, const char *name, int flags, void *hook, void **real)
{
	py_object *function = py.PyObject_GetAttrString(module, name);
	struct py_definition *definition;
	bool fits;

	if (!function) {
		py.PyErr_Clear();
		return false;
	}
	definition = PY_AT(struct py_definition *, function, PY_FUNCTION_METHOD);
	fits = function->type == py_data("PyCFunction_Type") &&
		text_equal(definition->name, name) && definition->flags == flags;
	if (fits)
		py_redirect(&definition->method, hook, real);
	py.Py_DecRef(function);
	return fits;
}

void py_redirects_return(void)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < count; i++) {
		void *hook = redirects[i].hook;

		if (!__atomic_compare_exchange_n(redirects[i].word, &hook, redirects[i].real, false,
			    __ATOMIC_RELEASE, __ATOMIC_RELAXED))
			redirects[kept++] = redirects[i];
	}
	count = kept;
}
