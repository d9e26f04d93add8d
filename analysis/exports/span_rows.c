/* SPDX-License-Identifier: Apache-2.0 */
/* Threads and spans of a run, row by row. */
#include "analysis/exports/span_rows.h"

#define COLUMNS                                                                                 \
	"s.id, s.parent, s.start_ns, s.end_ns, s.status, s.result, s.object, b.kind, b.fd,"     \
	" b.address, s.operation, o.family, " MODEL_WAIT_CLASS ", o.class, s.kind, s.evidence," \
	" o.name, o.module, b.name, c.file, c.line"
#define JOINS                                                                                \
	" LEFT JOIN operation o ON o.id = s.operation LEFT JOIN object b ON b.id = s.object" \
	" LEFT JOIN function c ON c.operation = s.operation"

struct query *thread_rows(struct model *model, const struct run *run)
{
	struct query *query = model_query(model,
		"SELECT t.id, p.id, p.pid, t.tid, t.span, t.name, COALESCE(p.script, p.program),"
		" t.id = (SELECT MIN(id) FROM thread f WHERE f.process = p.id)"
		" FROM thread t JOIN process p ON p.id = t.process WHERE p.run = ?"
		" ORDER BY p.id, t.id");

	query_bind(query, 1, run->id);
	return query;
}

bool thread_rows_next(struct query *query, struct thread_row *row)
{
	if (!query_next(query))
		return false;
	*row = (struct thread_row){
		.id = query_int(query, 0),
		.process = query_int(query, 1),
		.pid = query_int(query, 2),
		.tid = query_int(query, 3),
		.span = query_int(query, 4),
		.name = query_text(query, 5),
		.program = query_text(query, 6),
		.first = query_int(query, 7) != 0,
	};
	return true;
}

struct query *span_rows(struct model *model, const struct run *run, int64_t thread)
{
	/* of two that begin together the longer is outside, and of two that also end together the
	 * one that the other calls its parent */
	struct query *query = model_query(model,
		"SELECT " COLUMNS " FROM span s" JOINS " WHERE s.thread = ?1"
		" ORDER BY s.start_ns, COALESCE(s.end_ns, ?2) DESC,"
		" EXISTS (SELECT 1 FROM span u WHERE u.id = s.parent"
		"  AND u.start_ns = s.start_ns AND u.end_ns = s.end_ns), s.id");

	query_bind(query, 1, thread);
	query_bind(query, 2, run->end_ns);
	return query;
}

struct query *span_rows_process(struct model *model, const struct run *run, int64_t process)
{
	struct query *query = model_query(model,
		"SELECT " COLUMNS " FROM process p JOIN span s ON s.id = p.span" JOINS
		" WHERE p.id = ?1 AND p.run = ?2");

	query_bind(query, 1, process);
	query_bind(query, 2, run->id);
	return query;
}

struct query *span_rows_below(struct model *model, const struct run *run, int64_t parent)
{
	struct query *query = model_query(model,
		parent ? "SELECT " COLUMNS " FROM span s" JOINS " WHERE s.parent = ?1"
			 " ORDER BY s.start_ns, s.id"
		       : "SELECT " COLUMNS " FROM span s" JOINS " LEFT JOIN thread t ON"
			 " t.id = s.thread LEFT JOIN process p ON p.id = t.process OR p.span = s.id"
			 " WHERE s.parent IS NULL AND p.run = ?1 ORDER BY s.start_ns, s.id");

	query_bind(query, 1, parent ? parent : run->id);
	return query;
}

bool span_rows_next(struct query *query, const struct run *run, struct span_row *row)
{
	if (!query_next(query))
		return false;
	*row = (struct span_row){
		.id = query_int(query, 0),
		.parent = query_int(query, 1),
		.start_ns = query_int(query, 2),
		.end_ns = query_int(query, 3),
		.unfinished = query_is_null(query, 3),
		.status = query_int(query, 4),
		.has_status = !query_is_null(query, 4),
		.result = query_int(query, 5),
		.has_result = !query_is_null(query, 5),
		.object = query_int(query, 6),
		.object_kind = query_int(query, 7),
		.fd = query_int(query, 8),
		.has_fd = !query_is_null(query, 8),
		.address = query_int(query, 9),
		.has_address = !query_is_null(query, 9),
		.operation = query_int(query, 10),
		.family = query_int(query, 11),
		.wait_class = query_int(query, 12),
		.class_number = query_int(query, 13),
		.kind = (unsigned)query_int(query, 14),
		.evidence = (unsigned)query_int(query, 15),
		.name = query_text(query, 16),
		.module = query_text(query, 17),
		.object_name = query_text(query, 18),
		.file = query_text(query, 19),
		.line = query_int(query, 20),
	};
	if (row->unfinished)
		row->end_ns = run->end_ns;
	if (row->end_ns < row->start_ns)
		row->end_ns = row->start_ns;
	return true;
}
