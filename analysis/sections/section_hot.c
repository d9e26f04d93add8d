/* SPDX-License-Identifier: Apache-2.0 */
/* Functions by the processor time that samples found in them: native, of Python and of the kernel
 * alike. */
#include "analysis/report.h"
#include "wire/event.h"

static const struct table_column columns[] = {
	{"function", "function", TABLE_TEXT},
	{"code", "code", TABLE_TEXT},
	{"module", "in", TABLE_TEXT},
	{"samples", "samples", TABLE_COUNT},
	{"self_ns", "itself", TABLE_DURATION},
	{"time_ns", "with what it calls", TABLE_DURATION},
	{0},
};

enum { SELF = 4 }; /* of the columns */

_Static_assert(RT_SAMPLED_CPU == 0 && RT_LANGUAGE_KERNEL == 1 && RT_LANGUAGE_PYTHON == 2,
	"numbers in the query below");

/* A function that calls itself counts once a sample. */
static const char sql[] =
	"WITH RECURSIVE leaf(frame, samples, ns) AS (SELECT s.frame, COUNT(*), SUM(s.weight_ns)"
	"  FROM sample s JOIN thread t ON t.id = s.thread JOIN process p ON p.id = t.process"
	"  WHERE p.run = ? AND s.sampled = 0 AND s.frame IS NOT NULL GROUP BY s.frame),"
	" chain(leaf, frame) AS (SELECT frame, frame FROM leaf UNION ALL"
	"  SELECT c.leaf, f.caller FROM chain c JOIN frame f ON f.id = c.frame"
	"  WHERE f.caller IS NOT NULL),"
	" place AS (SELECT c.leaf, f.name, f.module, f.language, MAX(c.leaf = c.frame) AS self"
	"  FROM chain c JOIN frame f ON f.id = c.frame"
	"  GROUP BY c.leaf, f.name, f.module, f.language)"
	" SELECT CASE WHEN l.name = '' THEN '?' ELSE l.name END,"
	" CASE l.language WHEN 1 THEN 'kernel' WHEN 2 THEN 'Python' ELSE 'native' END, l.module,"
	" SUM(s.samples), SUM(CASE WHEN l.self THEN s.ns ELSE 0 END), SUM(s.ns)"
	" FROM place l JOIN leaf s ON s.frame = l.leaf GROUP BY l.name, l.module, l.language"
	" ORDER BY l.language, l.module, l.name";

int section_hot(const struct section_context *context, struct section *section)
{
	return section_fill(context, section, columns, sql, SELF);
}
