/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One tool called more often in a conversation than an agent that gets on calls it: by its MCP
 * name, or by the models that answer with a call of tools. What an agent asks for once more in the
 * same words brings nothing new: of such calls all but the first would go, of others those beyond
 * the limit; and with each model's turn what was done for it up to the next one.
 */
#include "analysis/rules/rule.h"

/* Requests of one conversation, of which each turn is longer than the one before. */
struct talk {
	const struct scope *scope;
	uint32_t first, end;
};

static uint32_t tool_of(const struct request *request)
{
	return request->tool ? request->tool : request->tools_called;
}

/* Models ask for what MCP then calls: each has its own count. */
static uint64_t tool_key(const struct request *request)
{
	return (uint64_t)tool_of(request) << 1 | (request->tool != 0);
}

static uint64_t call_key(const struct request *request)
{
	return request->argument_hash ? tool_key(request) << 32 | request->argument_hash : 0;
}

static bool is_new_talk(const struct request *request, int64_t messages)
{
	return request->messages != FACT_UNKNOWN && request->messages <= messages;
}

static void count(
	struct rule_context *context, const struct talk *talk, struct map *tools, struct map *calls)
{
	for (uint32_t i = talk->first; i < talk->end; i++) {
		const struct request *request = rule_request(context, talk->scope, i);

		if (!tool_of(request) || rule_failed(context, request))
			continue;
		*rule_place(context, tools, tool_key(request)) += 1;
		if (call_key(request))
			*rule_place(context, calls, call_key(request)) += 1;
	}
}

/* The call, and of a model's turn what it led to. */
static uint32_t add(struct rule_context *context, struct finding *finding, const struct talk *talk,
	uint32_t i, bool goes)
{
	bool is_turn = !rule_request(context, talk->scope, i)->tool;

	finding_add(context, finding, talk->scope->requests[i], goes ? REPLAY_WHOLE : 0);
	while (goes && is_turn && i + 1 < talk->end &&
		!rule_is_chat(context, rule_request(context, talk->scope, i + 1)))
		finding_add(context, finding, talk->scope->requests[++i], REPLAY_WHOLE);
	return i;
}

static void look(struct rule_context *context, const struct talk *talk)
{
	struct map tools = {0}, calls = {0}, seen = {0};

	count(context, talk, &tools, &calls);
	for (uint32_t i = talk->first; tools.count && i < talk->end; i++) {
		const struct request *request = rule_request(context, talk->scope, i);
		bool is_same = call_key(request) &&
			(double)*rule_place(context, &calls, call_key(request)) >=
				limit(context, "same_calls");
		struct finding *finding;
		uint64_t *place;

		if (!tool_of(request) ||
			(!is_same &&
				(double)*rule_place(context, &tools, tool_key(request)) <
					limit(context, "calls")))
			continue;
		place = rule_place(context, &seen, is_same ? call_key(request) : tool_key(request));
		finding = finding_on(context, rule_text(context, tool_of(request)));
		if (!*place)
			finding_occurred(finding, talk->scope->unit);
		i = add(context, finding, talk, i,
			(double)++*place >= (is_same ? 2 : limit(context, "calls")));
	}
	map_free(&tools);
	map_free(&calls);
	map_free(&seen);
}

void rule_agent_loop(struct rule_context *context)
{
	for (uint32_t s = 0; s < context->scope_count; s++) {
		struct talk talk = {.scope = &context->scopes[s]};
		int64_t messages = 0;

		for (uint32_t i = 0; i < talk.scope->request_count; i++) {
			const struct request *request = rule_request(context, talk.scope, i);

			if (!rule_is_chat(context, request) || request->messages == FACT_UNKNOWN)
				continue;
			if (is_new_talk(request, messages)) {
				talk.end = i;
				look(context, &talk);
				talk.first = i;
			}
			messages = request->messages;
		}
		talk.end = talk.scope->request_count;
		look(context, &talk);
	}
}
