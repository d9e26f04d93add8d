/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A conversation whose prompt grows with every turn and is never cut: each turn sends, pays for and
 * waits for all turns before it.
 */
#include "analysis/rules/rule.h"

/* Turns of one conversation, by the last and the one before it. */
struct talk {
	uint32_t first, last, turns;
};

static bool goes_on(const struct request *before, const struct request *request)
{
	return request->model == before->model && request->messages > before->messages &&
		request->input_tokens > before->input_tokens;
}

static void look(struct rule_context *context, const struct scope *scope, const struct talk *talk)
{
	const struct request *first = rule_request(context, scope, talk->first);
	const struct request *last = rule_request(context, scope, talk->last);
	struct finding *finding;

	if (talk->turns < limit(context, "turns") ||
		(double)last->input_tokens < limit(context, "input_tokens") ||
		(double)last->input_tokens < limit(context, "times") * (double)first->input_tokens)
		return;
	finding = finding_on_request(context, scope, talk->last);
	for (uint32_t i = talk->first; i <= talk->last; i++) {
		if (rule_is_chat(context, rule_request(context, scope, i)))
			finding_add(context, finding, scope->requests[i], 0);
	}
	finding_occurred(finding, scope->unit);
	finding_note(finding, "from %lld to %lld tokens in %u turns",
		(long long)first->input_tokens, (long long)last->input_tokens, talk->turns);
}

void rule_prompt_growth(struct rule_context *context)
{
	for (uint32_t s = 0; s < context->scope_count; s++) {
		const struct scope *scope = &context->scopes[s];
		struct talk talk = {0};

		for (uint32_t i = 0; i < scope->request_count; i++) {
			const struct request *request = rule_request(context, scope, i);

			if (!rule_is_chat(context, request) || rule_failed(context, request) ||
				request->messages == FACT_UNKNOWN ||
				request->input_tokens == FACT_UNKNOWN)
				continue;
			if (talk.turns &&
				goes_on(rule_request(context, scope, talk.last), request)) {
				talk.last = i;
				talk.turns++;
				continue;
			}
			if (talk.turns)
				look(context, scope, &talk);
			talk = (struct talk){i, i, 1};
		}
		if (talk.turns)
			look(context, scope, &talk);
	}
}
