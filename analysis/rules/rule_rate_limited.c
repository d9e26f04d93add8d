/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests refused with status 429, and the sleep that follows each: time that a higher limit, or
 * fewer requests, would not cost.
 */
#include "analysis/rules/rule.h"
#include "wire/event.h"

/* The sleep between a refusal and the next request, or NODE_NONE. */
static uint32_t sleep_after(
	const struct rule_context *context, const struct scope *scope, const struct node *refused)
{
	for (uint32_t i = rule_first_call(context, scope, refused->end_ns); i < scope->call_count;
		i++) {
		if (rule_node(context, scope->calls[i])->wait == RT_WAIT_sleep)
			return scope->calls[i];
	}
	return NODE_NONE;
}

static bool is_before_next(const struct rule_context *context, const struct scope *scope,
	uint32_t i, const struct node *sleep)
{
	return i + 1 >= scope->request_count ||
		sleep->start_ns < rule_node(context, scope->requests[i + 1])->start_ns;
}

void rule_rate_limited(struct rule_context *context)
{
	for (uint32_t s = 0; s < context->scope_count; s++) {
		const struct scope *scope = &context->scopes[s];

		for (uint32_t i = 0; i < scope->request_count; i++) {
			struct finding *finding;
			uint32_t sleep;

			if (rule_request(context, scope, i)->http_status != 429)
				continue;
			finding = finding_on_request(context, scope, i);
			finding_add(context, finding, scope->requests[i], REPLAY_WHOLE);
			finding_occurred(finding, scope->unit);
			sleep = sleep_after(context, scope, rule_node(context, scope->requests[i]));
			if (sleep != NODE_NONE &&
				is_before_next(context, scope, i, rule_node(context, sleep)))
				finding_add(context, finding, sleep, REPLAY_WHOLE);
		}
	}
}
