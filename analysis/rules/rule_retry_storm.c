/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request that fails and is sent again, several times. The failures and the sleeps between
 * them would go. Intervals that do not grow make it worse for both sides.
 */
#include "analysis/rules/rule.h"
#include "wire/event.h"

/* The next try of the same thing, or NODE_NONE. */
static uint32_t retry_of(const struct rule_context *context, const struct scope *scope, uint32_t i)
{
	for (uint32_t j = i + 1; j < scope->request_count && j - i < RULE_NEAR; j++) {
		const struct request *request = rule_request(context, scope, j);

		if (rule_template(context, scope, j) != rule_template(context, scope, i) ||
			request->request_hash != rule_request(context, scope, i)->request_hash)
			continue;
		return rule_follows(rule_node(context, scope->requests[i]),
			       rule_node(context, scope->requests[j]),
			       limit_ns(context, "max_gap_ms"))
			? j
			: NODE_NONE;
	}
	return NODE_NONE;
}

static bool can_retry(const struct rule_context *context, const struct request *request)
{
	return rule_failed(context, request) &&
		(request->http_status == FACT_UNKNOWN || request->http_status == 408 ||
			request->http_status == 429 || request->http_status >= 500);
}

static void add_sleeps(struct rule_context *context, struct finding *finding,
	const struct scope *scope, int64_t from_ns, int64_t to_ns)
{
	for (uint32_t i = rule_first_call(context, scope, from_ns); i < scope->call_count; i++) {
		const struct node *node = rule_node(context, scope->calls[i]);

		if (node->start_ns >= to_ns)
			break;
		if (node->wait == RT_WAIT_sleep)
			finding_add(context, finding, scope->calls[i], REPLAY_WHOLE);
	}
}

struct tries {
	uint32_t list[64];
	uint32_t count;
	bool grows;
};

/* Failures in a row from `i` on, and what follows them. */
static void read_tries(const struct rule_context *context, const struct scope *scope, uint32_t i,
	struct tries *tries)
{
	int64_t before_ns = 0;

	*tries = (struct tries){.list = {i}, .count = 1, .grows = true};
	while (tries->count < 64 && can_retry(context, rule_request(context, scope, i))) {
		uint32_t next = retry_of(context, scope, i);
		int64_t gap_ns;

		if (next == NODE_NONE)
			break;
		gap_ns = rule_node(context, scope->requests[next])->start_ns -
			rule_node(context, scope->requests[i])->end_ns;
		if (before_ns &&
			(double)gap_ns <
				(double)before_ns * (1 + limit(context, "growth_percent") / 100))
			tries->grows = false;
		before_ns = gap_ns;
		tries->list[tries->count++] = i = next;
	}
}

static bool is_retry(const struct rule_context *context, const struct scope *scope, uint32_t i)
{
	for (uint32_t j = i; j-- && i - j < RULE_NEAR;) {
		if (rule_template(context, scope, j) == rule_template(context, scope, i))
			return can_retry(context, rule_request(context, scope, j)) &&
				retry_of(context, scope, j) == i;
	}
	return false;
}

static void look(struct rule_context *context, const struct scope *scope, uint32_t i)
{
	struct tries tries;
	struct finding *finding;
	uint32_t failures = 0;

	read_tries(context, scope, i, &tries);
	for (uint32_t j = 0; j < tries.count; j++)
		failures += can_retry(context, rule_request(context, scope, tries.list[j]));
	if (failures < limit(context, "failures"))
		return;
	finding = finding_on_request(context, scope, i);
	for (uint32_t j = 0; j + 1 < tries.count; j++) {
		const struct node *node = rule_node(context, scope->requests[tries.list[j]]);

		finding_add(context, finding, scope->requests[tries.list[j]], REPLAY_WHOLE);
		add_sleeps(context, finding, scope, node->start_ns,
			rule_node(context, scope->requests[tries.list[j + 1]])->start_ns);
	}
	finding_occurred(finding, scope->unit);
	if (!tries.grows)
		finding_escalate(finding);
	finding_note(finding,
		tries.grows ? "%u failures" : "%u failures; the intervals do not grow", failures);
}

void rule_retry_storm(struct rule_context *context)
{
	for (uint32_t s = 0; s < context->scope_count; s++) {
		const struct scope *scope = &context->scopes[s];

		for (uint32_t i = 0; i < scope->request_count; i++) {
			if (can_retry(context, rule_request(context, scope, i)) &&
				!is_retry(context, scope, i))
				look(context, scope, i);
		}
	}
}
