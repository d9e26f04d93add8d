/* SPDX-License-Identifier: Apache-2.0 */
/* Calls too small and too many to be timed one by one. */
#include "analysis/report.h"

static const struct table_column columns[] = {
	{"name", "operation", TABLE_TEXT},
	{"calls", "calls", TABLE_COUNT},
	{"bytes", "bytes", TABLE_BYTES},
	{"threads", "threads", TABLE_COUNT},
	{0},
};

enum { CALLS = 1 }; /* of the columns */

static const char sql[] = "SELECT o.name, SUM(c.calls), SUM(c.bytes), COUNT(*) FROM counter c"
			  " JOIN operation o ON o.id = c.operation JOIN thread t ON t.id = c.thread"
			  " JOIN process p ON p.id = t.process WHERE p.run = ? AND c.calls > 0"
			  " GROUP BY o.id ORDER BY o.name";

int section_counted(const struct section_context *context, struct section *section)
{
	section->whole = true;
	return section_fill(context, section, columns, sql, CALLS);
}
