/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting for Python's interpreter lock, which another thread held.
 */
#include "wire/event.h"
#include "analysis/rules/rule.h"

void rule_gil_wait(struct rule_context *context)
{
	rule_on_wait(context, RT_WAIT_gil, "the interpreter lock on the critical path");
}
