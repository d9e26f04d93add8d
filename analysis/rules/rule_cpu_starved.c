/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ready to run, and no processor free. Where the traced processes themselves keep the processors
 * busy that is a cause; where others do, it is what this measurement suffers from, and other
 * findings come before it. What imports waited does not count: they happen once.
 */
#include "analysis/rules/rule.h"
#include "wire/event.h"

/* What part of all processors' time the traced processes had, in percent. */
static double own_percent(const struct rule_context *context)
{
	const struct run *run = context->graph->run;
	int64_t cpu_ns = model_number(context->graph->model,
		"SELECT SUM(cpu_ns) FROM thread_time WHERE run = ?", run->id, 0);
	double all_ns = (double)(run->end_ns - run->start_ns) * (double)run->processors;

	return all_ns > 0 ? (double)cpu_ns * 100 / all_ns : 0;
}

void rule_cpu_starved(struct rule_context *context)
{
	bool is_own = own_percent(context) >= limit(context, "own_percent");
	double share = rule_share(context, RT_WAIT_runqueue);
	struct finding *finding;

	if (!is_own && share < limit(context, "others_share_percent"))
		return;
	finding = rule_on_wait(context, RT_WAIT_runqueue,
		is_own ? "the program's own threads keep all processors busy"
		       : "other programs keep the processors busy");
	if (!is_own)
		finding_doubt(finding, (int)limit(context, "others_confidence_percent"));
}
