/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which functions are traced. The tracer leaves the rules in the region as text (data/python.rules
 * says how one is written); the first that fits decides.
 */
#ifndef PRELOAD_PYTHON_RULES_H
#define PRELOAD_PYTHON_RULES_H

#include "preload/emit.h"

enum py_rule {
	PY_RULE_SKIP,
	PY_RULE_CALL,
	PY_RULE_REQUEST,
	PY_RULE_IMPORT,
	PY_RULE_HAND,
	PY_RULE_TAKE,
};

/* Once, when the interpreter is met. */
COLD void py_rules_read(void);

/* name: module and qualified name; file: as the code object has it. */
COLD enum py_rule py_rules_pick(const char *name, const char *file);

#endif
