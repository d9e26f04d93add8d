/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/views/html_data.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/views/html_spans.h"
#include "lib/json.h"
#include "lib/map.h"
#include "lib/units.h"
#include "lib/words.h"

#define UNITS_SHOWN 500
#define PATH_PIECES 5000 /* of one unit; shorter ones than its share are not seen */
#define FOLDS_SHOWN "20000"

struct data {
	struct json json;
	struct model *model;
	const struct run *run;
	const struct report *report;
	const struct analysis *analysis;
};

static void put_run(struct data *data)
{
	struct json *json = &data->json;
	const struct run *run = data->run;
	const char *slash = run->script ? strrchr(run->script, '/') : NULL;
	char when[UNITS_SIZE];

	json_key(json, "run");
	json_open(json, '{');
	json_member_string(json, "command", run->command);
	json_member_string(json, "script", slash ? slash + 1 : run->script);
	json_member_string(json, "host", run->host);
	json_member_string(json, "mode", run->mode);
	json_member_string(json, "when",
		run->has_epoch ? units_time(when, run->start_ns + run->epoch_ns) : NULL);
	json_member_int(json, "start_ns", run->start_ns);
	json_member_int(json, "end_ns", run->end_ns);
	json_member_bool(json, "content", run->content);
	json_close(json, '}');
}

static const char *kind_name(enum table_kind kind)
{
	static const char *const names[] = {[TABLE_TEXT] = "text",
		[TABLE_NUMBER] = "number",
		[TABLE_COUNT] = "count",
		[TABLE_DURATION] = "duration",
		[TABLE_BYTES] = "bytes",
		[TABLE_SHARE] = "share",
		[TABLE_BOOL] = "bool",
		[TABLE_DOLLARS] = "dollars"};

	return names[kind];
}

static void put_section(struct json *json, struct section *section)
{
	json_open(json, '{');
	json_member_string(json, "name", section->name);
	json_member_string(json, "title", section->title);
	json_member_string(json, "empty", section->empty);
	json_key(json, "columns");
	json_open(json, '[');
	for (const struct table_column *column = table_columns(section->table);
		column->key || column->heading; column++) {
		if (!column->key)
			continue;
		json_open(json, '{');
		json_member_string(json, "key", column->key);
		json_member_string(
			json, "heading", column->heading ? column->heading : column->key);
		json_member_string(json, "kind", kind_name(column->kind));
		json_close(json, '}');
	}
	json_close(json, ']');
	json_key(json, "rows");
	table_json(section->table, json);
	json_member_string(json, "notes", section->notes.size ? buf_string(&section->notes) : NULL);
	json_close(json, '}');
}

static void put_sections(struct data *data)
{
	json_key(&data->json, "sections");
	json_open(&data->json, '[');
	for (size_t i = 0; i < data->report->section_count; i++) {
		if (data->report->sections[i].table)
			put_section(&data->json, &data->report->sections[i]);
	}
	json_close(&data->json, ']');
}

static void put_finding(struct data *data, const struct finding *finding)
{
	const struct graph *graph = data->analysis->graph;
	struct json *json = &data->json;
	char effort[2] = {finding->advice ? finding->advice->effort : 'M', 0};

	json_open(json, '{');
	json_member_string(json, "rule", finding->rule);
	json_member_string(json, "severity", severity_name(finding->severity));
	json_member_string(json, "title", finding->title);
	json_member_string(json, "what", finding->what);
	json_member_string(json, "note", finding->note);
	json_member_double(json, "impact", finding->impact);
	json_member_int(json, "saving_ns", finding->saving_ns > 0 ? finding->saving_ns : 0);
	json_member_double(json, "share", finding->share);
	json_member_int(json, "confidence", finding->confidence);
	json_member_string(json, "fix",
		finding->advice && finding->advice->count ? finding->advice->fixes[0] : NULL);
	json_member_string(json, "effort", effort);
	json_member_string(json, "timeline", priority_timeline((enum priority)finding->severity));
	json_member_int(json, "evidence_count", finding->count);
	json_key(json, "evidence");
	json_open(json, '[');
	for (uint32_t i = 0; i < finding->count && i < FINDING_EVIDENCE; i++)
		json_int(json, graph->nodes[finding->nodes[i]].id);
	json_close(json, ']');
	json_close(json, '}');
}

static void put_findings(struct data *data)
{
	const struct findings *findings = &data->analysis->findings;

	json_key(&data->json, "findings");
	json_open(&data->json, '[');
	for (uint32_t i = 0; i < findings->count; i++)
		put_finding(data, findings->list[i]);
	json_close(&data->json, ']');
}

static void put_leaves(struct json *json, const int64_t leaves[WAIT_CLASSES])
{
	char number[16];

	json_key(json, "leaves");
	json_open(json, '{');
	for (unsigned i = 0; i < WAIT_CLASSES; i++) {
		if (leaves[i] <= 0)
			continue;
		snprintf(number, sizeof(number), "%u", i);
		json_member_int(json, number, leaves[i]);
	}
	json_close(json, '}');
}

static void put_unit(struct data *data, const struct unit *unit)
{
	const struct units *units = data->analysis->units;
	const struct graph *graph = data->analysis->graph;
	const struct node *root = &graph->nodes[unit->root];
	struct json *json = &data->json;
	int64_t origin = data->run->start_ns;

	json_open(json, '{');
	json_member_int(json, "span", root->id);
	json_member_string(json, "name", node_name(graph, root));
	json_member_int(json, "start", root->start_ns - origin);
	json_member_int(json, "end", root->end_ns - origin);
	put_leaves(json, unit->leaves);
	json_key(json, "path");
	json_open(json, '[');
	for (uint32_t i = 0; i < unit->section_count; i++) {
		const struct section_of_path *piece = &units->path.sections[unit->first + i];

		if (piece->end_ns - piece->start_ns < unit_duration(units, unit) / PATH_PIECES)
			continue;
		json_open(json, '[');
		json_int(json, graph->nodes[piece->node].id);
		json_int(json, piece->start_ns - origin);
		json_int(json, piece->end_ns - origin);
		json_close(json, ']');
	}
	json_close(json, ']');
	json_close(json, '}');
}

static int compare_lengths(const void *left, const void *right, void *context)
{
	const struct units *units = context;
	const struct unit *a = &units->list[*(const uint32_t *)left];
	const struct unit *b = &units->list[*(const uint32_t *)right];
	int64_t x = unit_duration(units, a), y = unit_duration(units, b);

	return x != y ? (x < y) - (x > y) : (a->root > b->root) - (a->root < b->root);
}

static int put_units(struct data *data)
{
	struct units *units = data->analysis->units;
	struct json *json = &data->json;
	uint32_t *order = malloc((units->count + 1) * sizeof(*order));

	if (!order)
		return -ENOMEM;
	for (uint32_t i = 0; i < units->count; i++)
		order[i] = i;
	qsort_r(order, units->count, sizeof(*order), compare_lengths, units);
	json_key(json, "units");
	json_open(json, '{');
	json_member_bool(json, "are_requests", units->are_requests);
	json_member_int(json, "total_ns", units->total_ns);
	json_member_int(json, "shown_of", units->count);
	put_leaves(json, units->leaves);
	json_key(json, "list");
	json_open(json, '[');
	for (uint32_t i = 0; i < units->count && i < UNITS_SHOWN; i++)
		put_unit(data, &units->list[order[i]]);
	json_close(json, ']');
	json_close(json, '}');
	free(order);
	return 0;
}

static void put_impacts(struct data *data)
{
	const struct graph *graph = data->analysis->graph;
	const struct impacts *impacts = &data->analysis->impacts;
	struct json *json = &data->json;

	json_key(json, "impacts");
	json_open(json, '[');
	for (uint32_t i = 0; i < impacts->count; i++) {
		const struct impact *impact = &impacts->list[i];
		const struct graph_operation *operation = &graph->operations[impact->operation];

		if (!impact->what_if[2].percent)
			continue;
		json_open(json, '{');
		json_member_string(json, "name", strtab_get(graph->texts, operation->name));
		json_member_int(json, "class", operation->class);
		json_member_int(json, "score", (int64_t)(impact->score + 0.5));
		json_member_string(json, "priority", priority_name(impact_priority(impact->score)));
		json_member_double(json, "share", impact->share);
		json_member_int(json, "save_25", impact->what_if[1].saving_ns);
		json_member_int(json, "save_50", impact->what_if[2].saving_ns);
		json_member_int(json, "p50", impact->what_if[2].p50_ns);
		json_member_int(json, "p95", impact->what_if[2].p95_ns);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void put_words(struct json *json)
{
	static const char *const lists[] = {"class", "wait", "evidence"};
	char number[16];

	json_key(json, "words");
	json_open(json, '{');
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		json_key(json, lists[i]);
		json_open(json, '{');
		for (const struct word *word = words; word->list; word++) {
			if (strcmp(word->list, lists[i]) != 0)
				continue;
			snprintf(number, sizeof(number), "%u", word->number);
			json_key(json, number);
			json_open(json, '{');
			json_member_string(json, "name", word->name);
			json_member_string(json, "title", word->title ? word->title : word->name);
			json_close(json, '}');
		}
		json_close(json, '}');
	}
	json_close(json, '}');
}

static void put_tables(struct data *data)
{
	const struct graph *graph = data->analysis->graph;
	struct json *json = &data->json;
	struct query *query;

	json_key(json, "operations");
	json_open(json, '[');
	for (uint32_t i = 0; i < graph->operation_count; i++) {
		json_open(json, '{');
		json_member_string(
			json, "name", strtab_get(graph->texts, graph->operations[i].name));
		json_member_int(json, "class", graph->operations[i].class);
		json_close(json, '}');
	}
	json_close(json, ']');
	json_key(json, "threads");
	json_open(json, '[');
	for (uint32_t i = 0; i < graph->thread_count; i++) {
		json_open(json, '{');
		json_member_int(json, "tid", graph->threads[i].tid);
		json_member_int(json, "pid",
			model_number(data->model, "SELECT pid FROM process WHERE id = ?1",
				graph->threads[i].process, 0));
		json_member_string(json, "name", strtab_get(graph->texts, graph->threads[i].name));
		json_close(json, '}');
	}
	json_close(json, ']');
	query = model_query(data->model,
		"SELECT b.id, b.name FROM object b JOIN process p ON p.id = b.process"
		" WHERE p.run = ?1 AND b.name IS NOT NULL ORDER BY b.id LIMIT 20000");
	query_bind(query, 1, data->run->id);
	json_key(json, "objects");
	json_open(json, '{');
	while (query_next(query))
		json_member_string(json, query_text(query, 0), query_text(query, 1));
	json_close(json, '}');
	query_free(query);
}

/* The places of a graph's operations and threads, by their row's id. 0 or -ENOMEM. */
static int map_places(const struct graph *graph, struct map *operations, struct map *threads)
{
	for (uint32_t i = 0; i < graph->operation_count; i++) {
		uint64_t *place = map_at(operations, (uint64_t)graph->operations[i].id);

		if (!place)
			return -ENOMEM;
		*place = i;
	}
	for (uint32_t i = 0; i < graph->thread_count; i++) {
		uint64_t *place = map_at(threads, (uint64_t)graph->threads[i].id);

		if (!place)
			return -ENOMEM;
		*place = i;
	}
	return 0;
}

static int64_t place_of(const struct map *places, int64_t id)
{
	const uint64_t *place = map_find(places, (uint64_t)id);

	return place ? (int64_t)*place : 0;
}

enum { FOLD_ID, FOLD_PARENT, FOLD_OPERATION, FOLD_THREAD, FOLD_SELF, FOLD_CALLS, FOLD_COLUMNS };

/* Each column is written beside the others, in one pass. */
static void put_fold_columns(
	struct data *data, const struct map *operations, const struct map *threads)
{
	static const char *const names[] = {"id", "parent", "operation", "thread", "self", "calls"};
	struct query *query = model_query(data->model,
		"SELECT id, parent, operation, thread, self_ns, calls FROM profile"
		" WHERE run = ?1 ORDER BY sum_ns DESC, id LIMIT " FOLDS_SHOWN);
	struct buf texts[FOLD_COLUMNS] = {0};

	query_bind(query, 1, data->run->id);
	while (query_next(query)) {
		for (int i = 0; i < FOLD_COLUMNS; i++) {
			int64_t value = query_int(query, i);

			if (i == FOLD_OPERATION)
				value = place_of(operations, value);
			if (i == FOLD_THREAD)
				value = place_of(threads, value);
			buf_printf(
				&texts[i], "%s%lld", texts[i].size ? "," : "[", (long long)value);
		}
	}
	query_free(query);
	for (int i = 0; i < FOLD_COLUMNS; i++) {
		buf_puts(&texts[i], texts[i].size ? "]" : "[]");
		json_key(&data->json, names[i]);
		json_number(&data->json, buf_string(&texts[i]));
		data->json.out->failed |= texts[i].failed;
		buf_free(&texts[i]);
	}
}

static int put_folds(struct data *data)
{
	struct map operations = {0}, threads = {0};
	int err = map_places(data->analysis->graph, &operations, &threads);

	json_key(&data->json, "folds");
	json_open(&data->json, '{');
	if (!err)
		put_fold_columns(data, &operations, &threads);
	json_close(&data->json, '}');
	map_free(&operations);
	map_free(&threads);
	return err;
}

/* Of all processes together; CPU use is that since the sample before. */
static void put_snapshots(struct data *data)
{
	struct query *query = model_query(data->model,
		"WITH at AS (SELECT (u.at_ns - r.start_ns) / 100000000 AS slot, u.process,"
		"  MAX(u.at_ns) - r.start_ns AS at_ns, MAX(u.rss_bytes) AS rss,"
		"  MAX(u.cpu_ns) AS cpu, MAX(u.threads) AS threads, r.start_ns AS origin"
		"  FROM usage u JOIN process p ON p.id = u.process JOIN run r ON r.id = p.run"
		"  WHERE r.id = ?1 GROUP BY 1, 2),"
		" step AS (SELECT *, cpu - LAG(cpu) OVER w AS used,"
		"  at_ns - LAG(at_ns) OVER w AS took FROM at"
		"  WINDOW w AS (PARTITION BY process ORDER BY at_ns))"
		" SELECT MAX(at_ns), SUM(rss), SUM(threads),"
		"  SUM(CASE WHEN took > 0 THEN CAST(used AS REAL) / took END), MAX(origin),"
		"  slot FROM step GROUP BY slot ORDER BY slot LIMIT 5000");
	struct query *active = model_query(data->model,
		"SELECT COUNT(*) FROM span s JOIN operation o ON o.id = s.operation"
		" AND o.family = 14 WHERE s.start_ns <= ?1 AND s.end_ns > ?1");
	struct json *json = &data->json;

	query_bind(query, 1, data->run->id);
	json_key(json, "snapshots");
	json_open(json, '[');
	while (query_next(query)) {
		json_open(json, '{');
		json_member_int(json, "at_ns", query_int(query, 0));
		json_member_int(json, "rss_bytes", query_int(query, 1));
		json_member_int(json, "threads", query_int(query, 2));
		if (query_is_null(query, 3))
			json_member_null(json, "cpu_share");
		else
			json_member_double(json, "cpu_share", query_double(query, 3));
		query_bind(active, 1, query_int(query, 0) + query_int(query, 4));
		json_member_int(json, "active", query_next(active) ? query_int(active, 0) : 0);
		json_close(json, '}');
	}
	json_close(json, ']');
	query_free(active);
	query_free(query);
}

int html_data(struct buf *out, const struct report *report)
{
	struct data data = {.json = {.out = out},
		.model = report->model,
		.run = report->run,
		.report = report,
		.analysis = report->analysis};
	struct span_choice choice;
	int err = html_span_choice(report->analysis->graph, HTML_SPANS_MAX, &choice);

	if (err)
		return err;
	json_open(&data.json, '{');
	put_run(&data);
	put_words(&data.json);
	put_sections(&data);
	put_findings(&data);
	err = put_units(&data);
	put_impacts(&data);
	put_tables(&data);
	html_spans(&data.json, &choice);
	html_facts(&data.json, &choice);
	if (!err)
		err = put_folds(&data);
	put_snapshots(&data);
	json_close(&data.json, '}');
	return err ? err : out->failed ? -ENOMEM : 0;
}
