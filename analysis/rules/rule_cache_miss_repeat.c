/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cache is asked, says no, and the same request as an earlier time is sent: the earlier answer
 * was never kept, or not under that key. The work after the miss would go.
 */
#include <string.h>

#include "analysis/rules/rule.h"
#include "wire/event.h"

static bool is_miss(const struct rule_context *context, const struct request *request)
{
	return request_class(context->graph, request) == RT_CLASS_cache_lookup &&
		!strcmp(rule_text(context, request->cache), "miss");
}

static void look(struct rule_context *context, const struct scope *scope, uint32_t i, uint32_t miss)
{
	struct finding *finding = finding_on_request(context, scope, miss);

	finding_add(context, finding, scope->requests[miss], 0);
	finding_add(context, finding, scope->requests[i], REPLAY_WHOLE);
	finding_occurred(finding, scope->unit);
}

/* When each was last answered, + 1: of the run, for what one request computed the next could have
 * had. */
void rule_cache_miss_repeat(struct rule_context *context)
{
	struct map asked = {0};

	for (uint32_t s = 0; s < context->scope_count; s++) {
		const struct scope *scope = &context->scopes[s];
		uint32_t miss = 0; /* place of the last + 1 */

		for (uint32_t i = 0; i < scope->request_count; i++) {
			const struct request *request = rule_request(context, scope, i);
			const struct node *node = rule_node(context, scope->requests[i]);
			uint64_t *before;

			if (is_miss(context, request))
				miss = i + 1;
			if (!request->request_hash)
				continue;
			before = rule_place(context, &asked, request->request_hash);
			if (*before && miss &&
				rule_node(context, scope->requests[miss - 1])->start_ns >=
					(int64_t)*before - 1)
				look(context, scope, i, miss - 1);
			*before = (uint64_t)node->end_ns + 1;
		}
	}
	map_free(&asked);
}
