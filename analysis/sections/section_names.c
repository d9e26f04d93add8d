/* SPDX-License-Identifier: Apache-2.0 */
/* Per host name: lookups, failures, time. */
#include "analysis/report.h"
#include "wire/event.h"

static const struct table_column columns[] = {
	{"host", "name", TABLE_TEXT},
	{"lookups", "lookups", TABLE_COUNT},
	{"errors", "failed", TABLE_COUNT},
	{"time_ns", "time", TABLE_DURATION},
	{"max_ns", "longest", TABLE_DURATION},
	{0},
};

enum { TIME = 3 }; /* of the columns */

_Static_assert(RT_FAMILY_dns == 4, "a number in the query below");

static const char sql[] =
	"SELECT COALESCE(object_name, 'unknown'), SUM(calls), SUM(errors), SUM(sum_ns), MAX(max_ns)"
	" FROM profile WHERE run = ? AND family = 4 GROUP BY object_name ORDER BY 1";

int section_names(const struct section_context *context, struct section *section)
{
	return section_fill(context, section, columns, sql, TIME);
}
