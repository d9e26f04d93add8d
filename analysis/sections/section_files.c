/* SPDX-License-Identifier: Apache-2.0 */
/* Per file: opens, what was read and written, and how long threads were in calls on it. */
#include "analysis/report.h"
#include "wire/event.h"

static const struct table_column columns[] = {
	{"path", "file", TABLE_TEXT},
	{"opens", "opens", TABLE_COUNT},
	{"failed_opens", "failed", TABLE_COUNT},
	{"reads", "reads", TABLE_COUNT},
	{"bytes_read", "read", TABLE_BYTES},
	{"writes", "writes", TABLE_COUNT},
	{"bytes_written", "written", TABLE_BYTES},
	{"syncs", NULL, TABLE_COUNT},
	{"time_ns", "time", TABLE_DURATION},
	{"max_ns", "longest", TABLE_DURATION},
	{"errors", NULL, TABLE_COUNT},
	{0},
};

enum {
	PATH,
	OPENS,
	FAILED,
	READS,
	BYTES_READ,
	WRITES,
	BYTES_WRITTEN,
	SYNCS,
	TIME,
	LONGEST,
	ERRORS
};

#define OPENING "name IN ('open', 'fopen', 'opendir', 'dlopen')"
#define READING "name IN ('read', 'pread', 'readv', 'preadv', 'fread', 'sendfile', 'readdir')"
#define WRITING "name IN ('write', 'pwrite', 'writev', 'pwritev', 'fwrite', 'copy_file_range')"
#define SYNCING "name IN ('fsync', 'fdatasync', 'msync')"
#define SUM_WHERE(condition, value) " SUM(CASE WHEN " condition " THEN " value " ELSE 0 END)"

_Static_assert(RT_OBJECT_file == 1 && RT_OBJECT_library == 9, "numbers in the query below");

/* clang-format off */
static const char sql[] =
	"SELECT COALESCE(object_name, 'unknown file'),"
	SUM_WHERE(OPENING, "calls") "," SUM_WHERE(OPENING, "errors") ","
	SUM_WHERE(READING, "calls") "," SUM_WHERE(READING, "bytes") ","
	SUM_WHERE(WRITING, "calls") "," SUM_WHERE(WRITING, "bytes") ","
	SUM_WHERE(SYNCING, "calls") ","
	" SUM(self_ns), MAX(max_ns), SUM(errors) FROM profile"
	" WHERE run = ? AND object_kind IN (1, 9) GROUP BY object_name ORDER BY 1";
/* clang-format on */

int section_files(const struct section_context *context, struct section *section)
{
	return section_fill(context, section, columns, sql, TIME);
}
