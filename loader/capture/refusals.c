/* SPDX-License-Identifier: Apache-2.0 */
#include "loader/capture/refusals.h"

#include "lib/log.h"
#include "loader/stream/pack.h"
#include "loader/symbols/plan.h"

void refusals_tell(struct plan *plan, struct pack *pack)
{
	size_t count = plan_refusals(plan);
	struct plan_refusal refusal;

	for (size_t i = 0; i < count; i++) {
		if (plan_refusal(plan, i, &refusal))
			pack_limit(
				pack, refusal.module, refusal.name, refusal.reason, refusal.hooked);
	}
}

void refusals_report(struct plan *plan)
{
	size_t count = plan_refusals(plan);
	struct plan_refusal refusal;

	for (size_t i = 0; i < count; i++) {
		if (plan_refusal(plan, i, &refusal) && !refusal.unasked)
			log_warn("%s%s%s: %s", refusal.module, *refusal.module ? ": " : "",
				refusal.name, refusal.reason);
	}
}
