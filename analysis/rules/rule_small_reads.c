/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file read in very many small pieces: a larger buffer takes the same bytes with a small part of
 * the calls. Such calls have no rows of their own; their thread is the evidence.
 */
#include "analysis/rules/rule.h"
#include "wire/event.h"

/* What one read could take as well. */
#define BUFFER_BYTES 65536

void rule_small_reads(struct rule_context *context)
{
	struct query *query = model_query(context->graph->model,
		"SELECT object_name, SUM(f.calls), SUM(bytes), SUM(self_ns), MIN(t.span)"
		" FROM profile f JOIN thread t ON t.id = f.thread WHERE run = ? AND object_kind = 1"
		" AND f.name IN ('read', 'pread', 'readv', 'preadv') GROUP BY object"
		" HAVING SUM(bytes) > 0 ORDER BY object");

	query_bind(query, 1, context->graph->run->id);
	while (query_next(query)) {
		const char *name = query_text(query, 0);
		int64_t calls = query_int(query, 1), mean = query_int(query, 2) / calls;
		uint32_t root = graph_find(context->graph, query_int(query, 4));
		struct finding *finding;

		if ((double)calls < limit(context, "reads") ||
			(double)mean > limit(context, "max_mean_bytes") || root == NODE_NONE)
			continue;
		finding = finding_on(context, name ? name : "a file");
		finding_add(context, finding, root, 0);
		finding_add_time(finding,
			query_int(query, 3) - query_int(query, 3) * mean / BUFFER_BYTES,
			RT_WAIT_disk);
		finding_occurred(finding, context->units->owner[root]);
		finding_note(finding, "%lld reads of %lld bytes each", (long long)calls,
			(long long)mean);
	}
	query_free(query);
}
