/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A large answer of a web service, that took some time to come. What came after its first byte
 * would go but for the limit's part.
 */
#include "analysis/rules/rule.h"

/* Of the whole call: receiving what is above the limit. */
static unsigned excess(const struct rule_context *context, const struct request *request)
{
	double duration = (double)node_duration(rule_node(context, request->node));
	double over = 1 - limit(context, "kb") * 1000 / (double)request->bytes_in;

	if (request->first_byte_ns == FACT_UNKNOWN || duration <= 0)
		return 0;
	return (unsigned)(over * 1000 * (duration - (double)request->first_byte_ns) / duration);
}

void rule_large_payload(struct rule_context *context)
{
	for (uint32_t s = 0; s < context->scope_count; s++) {
		const struct scope *scope = &context->scopes[s];

		for (uint32_t i = 0; i < scope->request_count; i++) {
			const struct request *request = rule_request(context, scope, i);
			struct finding *finding;

			if (!(rule_is_http(context, request) && !request->genai &&
				    !request->system && request->bytes_in != FACT_UNKNOWN &&
				    (double)request->bytes_in > limit(context, "kb") * 1000 &&
				    node_duration(rule_node(context, scope->requests[i])) >=
					    limit_ns(context, "each_ms")))
				continue;
			finding = finding_on_request(context, scope, i);
			finding_add(context, finding, scope->requests[i], excess(context, request));
			finding_occurred(finding, scope->unit);
		}
	}
}
