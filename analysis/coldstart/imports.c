/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/coldstart/imports.h"

#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#define PREFIX "import "
#define DEPTH_MAX 256

/* An import that is under way; those of one thread nest. */
struct open_import {
	size_t row;
	int64_t end_ns;
};

struct gathering {
	struct result *result;
	struct open_import open[DEPTH_MAX];
	size_t depth;
	int64_t thread;
};

/* The row's place, or -1 where memory is out. */
static ssize_t row_of(struct result *result, const char *module)
{
	struct import_row *more;

	for (size_t i = 0; i < result->import_count; i++) {
		if (!strcmp(result->imports[i].module, module))
			return (ssize_t)i;
	}
	more = realloc(result->imports, (result->import_count + 1) * sizeof(*more));
	if (!more)
		return -1;
	result->imports = more;
	more[result->import_count] = (struct import_row){.module = strdup(module)};
	if (!more[result->import_count].module)
		return -1;
	return (ssize_t)result->import_count++;
}

/* To this run's figure; a module is met twice where its first import failed. */
static void add_to(struct series *series, size_t run, double ns)
{
	series_fill(series, run);
	if (series->count == run)
		series_add(series, 0);
	if (series->count > run)
		series->values[run] += ns;
}

static void add_import(struct gathering *gathering, const char *module, int64_t start_ns,
	int64_t end_ns, bool extension)
{
	struct result *result = gathering->result;
	size_t run = result->wall_ns.count - 1;
	ssize_t place = row_of(result, module);
	struct import_row *row = place < 0 ? NULL : &result->imports[place];
	double ns = (double)(end_ns - start_ns);

	if (!row) {
		result->failed = true;
		return;
	}
	while (gathering->depth && gathering->open[gathering->depth - 1].end_ns <= start_ns)
		gathering->depth--;
	if (gathering->depth) {
		struct import_row *around =
			&result->imports[gathering->open[gathering->depth - 1].row];

		add_to(&around->self_ns, run, -ns);
		if (!row->total_ns.count && !row->within)
			row->within = strdup(around->module);
	}
	row->extension |= extension;
	add_to(&row->total_ns, run, ns);
	add_to(&row->self_ns, run, ns);
	if (gathering->depth < DEPTH_MAX)
		gathering->open[gathering->depth++] = (struct open_import){(size_t)place, end_ns};
}

void imports_add(struct result *result, struct model *model, const struct run *run, int64_t process,
	int64_t ready_ns)
{
	struct query *query = model_query(model,
		"SELECT o.name, s.start_ns, s.end_ns, s.thread, EXISTS (SELECT 1 FROM span c"
		"  JOIN operation d ON d.id = c.operation AND d.name = 'dlopen' WHERE c.parent = s.id)"
		" FROM span s JOIN operation o ON o.id = s.operation AND o.name GLOB '" PREFIX "*'"
		" JOIN thread t ON t.id = s.thread JOIN process p ON p.id = t.process"
		" WHERE p.run = ?1 AND p.pid = (SELECT pid FROM process WHERE id = ?2)"
		" AND s.end_ns <= ?3 ORDER BY s.thread, s.start_ns, s.end_ns DESC");
	struct gathering gathering = {.result = result};

	query_bind(query, 1, run->id);
	query_bind(query, 2, process);
	query_bind(query, 3, ready_ns);
	while (query_next(query)) {
		if (gathering.thread != query_int(query, 3))
			gathering.depth = 0;
		gathering.thread = query_int(query, 3);
		add_import(&gathering, query_text(query, 0) + strlen(PREFIX), query_int(query, 1),
			query_int(query, 2), query_int(query, 4));
	}
	query_free(query);
	for (size_t i = 0; i < result->import_count; i++) {
		series_fill(&result->imports[i].total_ns, result->wall_ns.count);
		series_fill(&result->imports[i].self_ns, result->wall_ns.count);
	}
}
