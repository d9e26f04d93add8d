/* SPDX-License-Identifier: Apache-2.0 */
#include "preload/python/interpreters.h"
#include "preload/python/install.h"
#include "preload/python/redirect.h"

#define WITH_KEYWORDS 3 /* METH_VARARGS | METH_KEYWORDS */

typedef py_object *py_create(py_object *module, py_object *arguments, py_object *keywords);

static py_create *create;
static bool hooked;

static py_object *create_hook(py_object *module, py_object *arguments, py_object *keywords)
{
	py_object *made = create(module, arguments, keywords);

	if (made && !region_off())
		py_tell(RT_RUNTIME_SECOND);
	return made;
}

/* 3.13 gave the module its name for good. */
void py_interpreters_imported(void)
{
	static const char *const modules[] = {"_interpreters", "_xxsubinterpreters"};

	for (size_t i = 0; !hooked && i < sizeof(modules) / sizeof(*modules); i++) {
		py_object *module = py_module(modules[i]);

		hooked = module &&
			py_redirect_function(module, "create", WITH_KEYWORDS, (void *)create_hook,
				(void **)(void *)&create);
	}
}

void py_interpreters_close(void)
{
	hooked = false;
}
