/* SPDX-License-Identifier: Apache-2.0 */
/* Why spans have the parents that they have, and of those that have none, what is likely the
 * reason. */
#include <errno.h>

#include "analysis/report.h"
#include "lib/words.h"

static const struct table_column columns[] = {
	{"evidence", "evidence", TABLE_TEXT},
	{"meaning", "", TABLE_TEXT},
	{"spans", "spans", TABLE_COUNT},
	{0},
};

enum { EVIDENCE, MEANING, SPANS };

static const char *const meanings[] = {
	[RT_EVIDENCE_unknown] = "nothing tells what made them: they stand below their thread",
	[RT_EVIDENCE_inferred] = "by time and what they carry",
	[RT_EVIDENCE_strong] = "by a hand-off that both sides saw",
	[RT_EVIDENCE_exact] = "by the stack, the task or the thread that ran them",
};

/* What a span without a known parent is, and so what its parent may have been lost by. */
enum orphan { ORPHAN_LOST, ORPHAN_FUNCTION, ORPHAN_FORKED, ORPHAN_CALL };

static const char *const reasons[] = {
	[ORPHAN_LOST] = "records of their threads were lost",
	[ORPHAN_FUNCTION] = "made before tracing began, or by code that hands work on in a way "
			    "that is not followed",
	[ORPHAN_FORKED] = "work that another process handed over, as to a pool",
	[ORPHAN_CALL] = "the call around them never returned, or its record was lost",
};

/* The reasons above, by number. */
static const char orphans_sql[] =
	"SELECT o.name, COUNT(*) n, CASE"
	" WHEN EXISTS (SELECT 1 FROM loss l WHERE l.thread = t.id AND l.reason IN (1, 2, 3, 5))"
	" THEN 0 WHEN f.operation IS NULL THEN 3 WHEN p.birth IN (2, 3) THEN 2 ELSE 1 END why"
	" FROM span s JOIN operation o ON o.id = s.operation JOIN thread t ON t.id = s.thread"
	" JOIN process p ON p.id = t.process LEFT JOIN function f ON f.operation = o.id"
	" WHERE p.run = ?1 AND s.evidence = 0 AND s.kind NOT IN (9, 10)"
	" GROUP BY o.id, why ORDER BY n DESC, o.name, why LIMIT 5";

_Static_assert(RT_SPAN_process == 9 && RT_SPAN_thread == 10, "numbers in the queries");
_Static_assert(RT_LOSS_ring_full == 1 && RT_LOSS_late == 5, "numbers in the query above");

static void note_orphans(const struct section_context *context, struct section *section)
{
	struct query *query = model_query(context->model, orphans_sql);

	query_bind(query, 1, context->run->id);
	while (query_next(query)) {
		const char *name = query_text(query, 0);
		long long count = query_int(query, 1);

		buf_printf(&section->notes, "%s: %lld without a parent; likely %s.\n",
			name ? name : "?", count, reasons[query_int(query, 2)]);
	}
	query_free(query);
}

int section_evidence(const struct section_context *context, struct section *section)
{
	struct table *table = table_new(columns);
	struct query *query;

	section->table = table;
	section->whole = true;
	if (!table)
		return -ENOMEM;
	query = model_query(context->model,
		"SELECT s.evidence, COUNT(*) FROM span s JOIN thread t ON t.id = s.thread"
		" JOIN process p ON p.id = t.process WHERE p.run = ?1 AND s.kind NOT IN (9, 10)"
		" GROUP BY s.evidence ORDER BY s.evidence DESC");
	query_bind(query, 1, context->run->id);
	while (query_next(query)) {
		unsigned evidence = (unsigned)query_int(query, 0);

		table_row(table);
		table_set_text(table, EVIDENCE, word_name("evidence", evidence));
		if (evidence < sizeof(meanings) / sizeof(*meanings))
			table_set_text(table, MEANING, meanings[evidence]);
		table_set(table, SPANS, query_int(query, 1));
	}
	query_free(query);
	note_orphans(context, section);
	return 0;
}
