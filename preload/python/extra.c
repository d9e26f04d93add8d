/* SPDX-License-Identifier: Apache-2.0 */
#include "preload/python/extra.h"

#define TYPE_BASIC_SIZE 32 /* tp_basicsize in a type */
#define WORDS_MAX 64
#define TRIES_MAX 16

ssize_t py_extra_index = -1;
int py_extra_place;
int (*py_extra_get)(py_object *code, ssize_t index, void **extra);

static int (*set)(py_object *code, ssize_t index, void *extra);

bool py_extra_open(void (*release)(void *extra))
{
	ssize_t (*request)(void (*)(void *)) = py.PyUnstable_Eval_RequestCodeExtraIndex;

	py_extra_get = py.PyUnstable_Code_GetExtra;
	set = py.PyUnstable_Code_SetExtra;
	if (!request) {
		request = py._PyEval_RequestCodeExtraIndex;
		py_extra_get = py._PyCode_GetExtra;
		set = py._PyCode_SetExtra;
	}
	if (!request || !py_extra_get || !set)
		return false;
	py_extra_index = request(release);
	return py_extra_index >= 0;
}

static size_t words_of(const py_object *code)
{
	size_t words = PY_AT(size_t, code->type, TYPE_BASIC_SIZE) / sizeof(void *);

	return words < WORDS_MAX ? words : WORDS_MAX;
}

/* The one word that was empty before and leads to what was set. */
static int place_of(py_object *code, void *const *before, const void *extra)
{
	int found = 0;

	for (size_t i = 0; i < words_of(code); i++) {
		const struct py_extras *extras = ((void **)code)[i];

		if (before[i] || !extras)
			continue;
		if (found || extras->size <= py_extra_index || extras->of[py_extra_index] != extra)
			return 0;
		found = (int)(i * sizeof(void *));
	}
	return found;
}

bool py_extra_set(py_object *code, void *extra)
{
	static int tries;
	void *before[WORDS_MAX];

	if (py_extra_place || tries >= TRIES_MAX)
		return !set(code, py_extra_index, extra);
	tries++;
	memcpy(before, code, words_of(code) * sizeof(void *));
	if (set(code, py_extra_index, extra))
		return false;
	py_extra_place = place_of(code, before, extra);
	return true;
}
