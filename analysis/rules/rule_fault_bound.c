/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting for pages of mapped files to be read.
 */
#include "wire/event.h"
#include "analysis/rules/rule.h"

void rule_fault_bound(struct rule_context *context)
{
	rule_on_wait(context, RT_WAIT_fault, "page faults on the critical path");
}
