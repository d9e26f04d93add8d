/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ready to run while no processor was free.
 */
#include "wire/event.h"
#include "analysis/rules/rule.h"

void rule_cpu_starved(struct rule_context *context)
{
	rule_on_wait(context, RT_WAIT_runqueue, "run queue on the critical path");
}
