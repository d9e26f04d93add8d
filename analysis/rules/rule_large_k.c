/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A search that fetches very many neighbours: more than a model reads well, and all of them are
 * fetched, sent and read. What fewer would save in the prompt is not known.
 */
#include "analysis/rules/rule.h"
#include "wire/event.h"

static int64_t k_of(const struct request *request)
{
	return request->k != FACT_UNKNOWN ? request->k : request->rows;
}

static bool is_search(const struct rule_context *context, const struct request *request)
{
	unsigned class = request_class(context->graph, request);

	return class == RT_CLASS_vector_search || class == RT_CLASS_retrieval;
}

void rule_large_k(struct rule_context *context)
{
	for (uint32_t s = 0; s < context->scope_count; s++) {
		const struct scope *scope = &context->scopes[s];

		for (uint32_t i = 0; i < scope->request_count; i++) {
			const struct request *request = rule_request(context, scope, i);
			struct finding *finding;

			if (!is_search(context, request) || rule_failed(context, request) ||
				k_of(request) == FACT_UNKNOWN ||
				(double)k_of(request) < limit(context, "k"))
				continue;
			finding = finding_on_request(context, scope, i);
			finding_add(context, finding, scope->requests[i], 0);
			finding_occurred(finding, scope->unit);
			finding_note(finding, "k = %lld", (long long)k_of(request));
		}
	}
}
