/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting for locks, where nothing is known that another thread did meanwhile.
 */
#include "wire/event.h"
#include "analysis/rules/rule.h"

void rule_lock_wait(struct rule_context *context)
{
	rule_on_wait(context, RT_WAIT_lock, "locks on the critical path");
}
