/* SPDX-License-Identifier: Apache-2.0 */
/* Loads a run's spans. Trusts no number of the database: parents may be missing or go in circles.
 */
#include "analysis/path/graph.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/path/requests.h"
#include "analysis/sections/sql.h"
#include "lib/map.h"
#include "lib/words.h"

/* How the operations of imported modules begin. */
#define IMPORT "import "

struct loading {
	struct graph *graph;
	struct map operations; /* id: index */
	struct map processes;  /* span: 1, of the run's processes */
	uint32_t node_capacity;
};

static void *grow(void *list, uint32_t count, uint32_t *capacity, size_t size)
{
	void *more;

	if (count < *capacity)
		return list;
	if (*capacity > UINT32_MAX / 2 - 1)
		return NULL;
	*capacity = *capacity ? *capacity * 2 : 256;
	more = realloc(list, *capacity * size);
	if (!more)
		*capacity = count;
	return more;
}

/* A program of some size has a thousand modules, each a little time: together they are one thing.
 */
static int group_imports(struct graph *graph, uint32_t *capacity)
{
	struct graph_operation *list = grow(
		graph->operations, graph->operation_count, capacity, sizeof(*graph->operations));

	if (!list)
		return -ENOMEM;
	graph->operations = list;
	for (uint32_t i = 1; i < graph->operation_count; i++) {
		if (!strncmp(strtab_get(graph->texts, list[i].name), IMPORT, strlen(IMPORT)))
			list[i].group = graph->operation_count;
	}
	list[graph->operation_count] = (struct graph_operation){
		.name = strtab_adds(graph->texts, "imports"), .group = graph->operation_count};
	graph->operation_count++;
	return 0;
}

static int load_operations(struct loading *loading)
{
	struct graph *graph = loading->graph;
	struct query *query = model_query(
		graph->model, "SELECT id, name, class, family FROM operation ORDER BY id");
	uint32_t capacity = 0;
	int err = 0;

	graph->operations = grow(NULL, 0, &capacity, sizeof(*graph->operations));
	if (!graph->operations)
		err = -ENOMEM;
	else
		graph->operations[graph->operation_count++] = (struct graph_operation){0};
	while (!err && query_next(query)) {
		uint64_t *place = map_at(&loading->operations, (uint64_t)query_int(query, 0));
		const char *name = query_text(query, 1);
		struct graph_operation *list = grow(graph->operations, graph->operation_count,
			&capacity, sizeof(*graph->operations));

		if (list)
			graph->operations = list;
		if (!place || !list) {
			err = -ENOMEM;
			break;
		}
		*place = graph->operation_count;
		list[graph->operation_count++] = (struct graph_operation){
			.id = query_int(query, 0),
			.name = strtab_adds(graph->texts, name ? name : "?"),
			.group = graph->operation_count - 1,
			.class = (uint8_t)query_int(query, 2),
			.family = (uint8_t)query_int(query, 3),
		};
	}
	query_free(query);
	return err ? err : group_imports(graph, &capacity);
}

/* What part of the time in which none of its threads is in a waiting call a process is on the CPU.
 */
#define CPU_PARTS                                                                                \
	"SELECT p.id, " PROCESS_CPU " AS cpu,"                                                   \
	" (SELECT SUM(" THREAD_WALL ") FROM thread t, run r WHERE t.process = p.id AND r.id = ?" \
	" ) - COALESCE((SELECT SUM(self_ns) FROM profile WHERE process = p.id"                   \
	" AND wait_class <> 0), 0) AS rest FROM process p WHERE p.run = ?"

static void load_cpu_parts(struct graph *graph)
{
	struct query *query = model_query(graph->model, CPU_PARTS);

	query_bind(query, 1, graph->run->id);
	query_bind(query, 2, graph->run->id);
	while (query_next(query)) {
		int64_t process = query_int(query, 0), rest = query_int(query, 2);
		double part = rest > 0 ? query_double(query, 1) / (double)rest : 1;

		if (query_is_null(query, 1))
			continue;
		for (uint32_t i = 0; i < graph->thread_count; i++) {
			if (graph->threads[i].process != process)
				continue;
			graph->threads[i].has_cpu = true;
			graph->threads[i].cpu_part = part < 1 ? part : 1;
		}
	}
	query_free(query);
}

/* Where the threads' own are known. Waits for a processor that were recorded are not own time. */
#define THREAD_PARTS                                                                        \
	"SELECT e.thread, e.cpu_ns, e.runqueue_ns - COALESCE(w.queued, 0),"                 \
	" e.wall_ns - COALESCE(w.waited, 0) FROM thread_time e LEFT JOIN (SELECT thread,"   \
	" SUM(self_ns) AS waited, SUM(CASE WHEN wait_class = 2 THEN self_ns END) AS queued" \
	" FROM profile WHERE wait_class <> 0 GROUP BY thread) w ON w.thread = e.thread"     \
	" WHERE e.run = ? ORDER BY e.thread"

static void load_thread_parts(struct graph *graph)
{
	struct query *query = model_query(graph->model, THREAD_PARTS);

	query_bind(query, 1, graph->run->id);
	while (query_next(query)) {
		double own = query_double(query, 3);
		double cpu = query_double(query, 1), queue = query_double(query, 2);

		uint32_t index = graph_find_thread(graph, query_int(query, 0));
		struct graph_thread *thread;

		if (own <= 0 || index == NODE_NONE)
			continue;
		thread = &graph->threads[index];
		thread->has_cpu = true;
		thread->cpu_part = cpu < own ? cpu / own : 1;
		thread->queue_part = queue > 0 ? queue / own : 0;
		if (thread->queue_part > 1 - thread->cpu_part)
			thread->queue_part = 1 - thread->cpu_part;
	}
	query_free(query);
}

static int load_threads(struct loading *loading)
{
	struct graph *graph = loading->graph;
	struct query *query = model_query(graph->model,
		"SELECT t.id, t.process, t.tid, t.creator_tid, t.name, p.span,"
		" " MODEL_THREAD_START ", " MODEL_THREAD_END
		" FROM thread t JOIN process p ON p.id = t.process JOIN run r ON r.id = p.run"
		" WHERE r.id = ? ORDER BY p.id, t.id");
	uint32_t capacity = 0;
	int64_t before = 0;
	int err = 0;

	query_bind(query, 1, graph->run->id);
	while (!err && query_next(query)) {
		uint64_t *place =
			map_at(&loading->graph->thread_by_id, (uint64_t)query_int(query, 0));
		uint64_t *root = map_at(&loading->processes, (uint64_t)query_int(query, 5));
		const char *name = query_text(query, 4);
		struct graph_thread *list = grow(
			graph->threads, graph->thread_count, &capacity, sizeof(*graph->threads));

		if (list)
			graph->threads = list;
		if (!place || !root || !list) {
			err = -ENOMEM;
			break;
		}
		*root = 1;
		*place = graph->thread_count + 1;
		list[graph->thread_count++] = (struct graph_thread){
			.id = query_int(query, 0),
			.process = query_int(query, 1),
			.tid = query_int(query, 2),
			.creator_tid = query_int(query, 3),
			.name = name ? strtab_adds(graph->texts, name) : 0,
			.start_ns = query_int(query, 6),
			.end_ns = query_int(query, 7),
			.root = NODE_NONE,
			.is_main = query_int(query, 1) != before,
		};
		before = query_int(query, 1);
	}
	query_free(query);
	return err;
}

/* Not yet is no failure. */
static bool is_failure(int64_t status)
{
	return status && status != EINPROGRESS && status != EAGAIN && status != EINTR;
}

/* Of the row at hand; false: it is of another run. */
static bool read_node(const struct loading *loading, const struct query *query, struct node *node)
{
	const struct graph *graph = loading->graph;
	uint64_t *operation = map_find(&loading->operations, (uint64_t)query_int(query, 3));
	uint32_t thread = graph_find_thread(loading->graph, query_int(query, 2));

	if (thread == NODE_NONE &&
		(!query_is_null(query, 2) ||
			!map_find(&loading->processes, (uint64_t)query_int(query, 0))))
		return false;
	*node = (struct node){
		.id = query_int(query, 0),
		.thread = thread,
		.operation = operation ? (uint32_t)*operation : 0,
		.kind = (uint8_t)query_int(query, 4),
		.start_ns = query_int(query, 5),
		.end_ns = query_is_null(query, 6) ? graph->run->end_ns : query_int(query, 6),
		.flags = (query_is_null(query, 6) ? NODE_UNFINISHED : 0) |
			(is_failure(query_int(query, 7)) ? NODE_FAILED : 0),
		.evidence = (uint8_t)query_int(query, 8),
		.object = (uint32_t)query_int(query, 9),
		.wait = operation ? (uint8_t)query_int(query, 10) : RT_WAIT_none,
		.request = NODE_NONE,
		.cause = NODE_NONE,
	};
	if (node->wait == RT_WAIT_poll && !query_is_null(query, 11) && !query_int(query, 11))
		node->flags |= NODE_TIMER;
	if (node->end_ns < node->start_ns)
		node->end_ns = node->start_ns;
	return true;
}

/* Parents are ids until all nodes are there; they wait in `parents`. */
static int load_nodes(struct loading *loading)
{
	struct graph *graph = loading->graph;
	struct query *query = model_query(graph->model,
		"SELECT s.id, s.parent, s.thread, s.operation, s.kind, s.start_ns, s.end_ns,"
		" s.status, s.evidence, s.object, " MODEL_WAIT_CLASS ", s.result FROM span s"
		" LEFT JOIN operation o ON o.id = s.operation LEFT JOIN object b ON b.id = s.object"
		" ORDER BY s.id");
	uint32_t capacity = 0, parent_capacity = 0;
	int64_t *parents = NULL;
	int err = 0;

	while (!err && query_next(query)) {
		struct node *nodes =
			grow(graph->nodes, graph->count, &capacity, sizeof(*graph->nodes));
		int64_t *more = grow(parents, graph->count, &parent_capacity, sizeof(*parents));

		graph->nodes = nodes ? nodes : graph->nodes;
		parents = more ? more : parents;
		if (!nodes || !more)
			err = -ENOMEM;
		else if (read_node(loading, query, &nodes[graph->count]))
			parents[graph->count++] = query_int(query, 1);
	}
	query_free(query);
	for (uint32_t i = 0; !err && i < graph->count; i++) {
		struct node *node = &graph->nodes[i];

		node->parent = parents[i] ? graph_find(graph, parents[i]) : NODE_NONE;
		if (node->kind != RT_SPAN_thread || node->thread == NODE_NONE)
			continue;
		node->flags |= NODE_THREAD;
		graph->threads[node->thread].root = i;
	}
	free(parents);
	return err;
}

uint32_t graph_find(const struct graph *graph, int64_t id)
{
	uint32_t low = 0, high = graph->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (graph->nodes[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < graph->count && graph->nodes[low].id == id ? low : NODE_NONE;
}

uint32_t graph_find_thread(const struct graph *graph, int64_t id)
{
	const uint64_t *place = map_find(&graph->thread_by_id, (uint64_t)id);

	return place ? (uint32_t)*place - 1 : NODE_NONE;
}

/* Of two that begin together the longer is outside; ids decide the rest. */
static int compare_starts(const void *left, const void *right, void *context)
{
	const struct graph *graph = context;
	const struct node *a = &graph->nodes[*(const uint32_t *)left];
	const struct node *b = &graph->nodes[*(const uint32_t *)right];

	if (a->start_ns != b->start_ns)
		return a->start_ns < b->start_ns ? -1 : 1;
	if (a->end_ns != b->end_ns)
		return a->end_ns > b->end_ns ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

static int compare_ends(const void *left, const void *right, void *context)
{
	const struct graph *graph = context;
	const struct node *a = &graph->nodes[*(const uint32_t *)left];
	const struct node *b = &graph->nodes[*(const uint32_t *)right];

	if (a->end_ns != b->end_ns)
		return a->end_ns < b->end_ns ? -1 : 1;
	if (a->start_ns != b->start_ns)
		return a->start_ns < b->start_ns ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

static void sort(struct graph *graph, uint32_t *list, uint32_t count,
	int (*compare)(const void *, const void *, void *))
{
	uint32_t i = 1;

	while (i < count && compare(&list[i - 1], &list[i], graph) < 0)
		i++;
	if (i < count)
		qsort_r(list, count, sizeof(*list), compare, graph);
}

static bool is_listed(const struct graph *graph, const struct node *node)
{
	return node->parent < graph->count && !(node->flags & NODE_HIDDEN);
}

/* Breadth first from the roots: what is in a circle is never reached. */
static void put_order(struct graph *graph)
{
	graph->order_count = 0;
	for (uint32_t i = 0; i < graph->count; i++) {
		if (graph->nodes[i].parent == NODE_NONE && !(graph->nodes[i].flags & NODE_HIDDEN))
			graph->order[graph->order_count++] = i;
	}
	for (uint32_t i = 0; i < graph->order_count; i++) {
		const struct node *node = &graph->nodes[graph->order[i]];

		memcpy(&graph->order[graph->order_count], &graph->by_start[node->first],
			node->child_count * sizeof(*graph->order));
		graph->order_count += node->child_count;
	}
}

int graph_link(struct graph *graph)
{
	size_t size = ((size_t)graph->count + 1) * sizeof(uint32_t);
	uint32_t at = 0;

	if (!graph->by_start) {
		graph->by_start = malloc(size);
		graph->by_end = malloc(size);
		graph->order = malloc(size);
	}
	if (!graph->by_start || !graph->by_end || !graph->order)
		return -ENOMEM;
	for (uint32_t i = 0; i < graph->count; i++)
		graph->nodes[i].child_count = 0;
	for (uint32_t i = 0; i < graph->count; i++) {
		if (is_listed(graph, &graph->nodes[i]))
			graph->nodes[graph->nodes[i].parent].child_count++;
	}
	for (uint32_t i = 0; i < graph->count; i++) {
		graph->nodes[i].first = at;
		at += graph->nodes[i].child_count;
		graph->nodes[i].child_count = 0;
	}
	for (uint32_t i = 0; i < graph->count; i++) {
		struct node *parent;

		if (!is_listed(graph, &graph->nodes[i]))
			continue;
		parent = &graph->nodes[graph->nodes[i].parent];
		graph->by_start[parent->first + parent->child_count++] = i;
	}
	memcpy(graph->by_end, graph->by_start, at * sizeof(uint32_t));
	for (uint32_t i = 0; i < graph->count; i++) {
		const struct node *node = &graph->nodes[i];

		sort(graph, &graph->by_start[node->first], node->child_count, compare_starts);
		sort(graph, &graph->by_end[node->first], node->child_count, compare_ends);
	}
	put_order(graph);
	return 0;
}

const char *node_name(const struct graph *graph, const struct node *node)
{
	return strtab_get(graph->texts, node_operation(graph, node)->name);
}

struct graph *graph_new(struct model *model, const struct run *run)
{
	struct graph *graph = calloc(1, sizeof(*graph));
	struct loading loading = {.graph = graph};
	int err;

	if (!graph)
		return NULL;
	graph->model = model;
	graph->run = run;
	graph->texts = strtab_new();
	graph->folds = fold_tree_new(model, run->id);
	err = graph->texts && graph->folds ? load_operations(&loading) : -ENOMEM;
	if (!err)
		err = load_threads(&loading);
	if (!err)
		err = load_nodes(&loading);
	if (!err)
		err = requests_load(graph);
	if (!err) {
		load_cpu_parts(graph);
		load_thread_parts(graph);
		err = graph_link(graph);
	}
	map_free(&loading.operations);
	map_free(&loading.processes);
	if (err) {
		graph_free(graph);
		return NULL;
	}
	return graph;
}

void graph_free(struct graph *graph)
{
	if (!graph)
		return;
	free(graph->nodes);
	free(graph->by_start);
	free(graph->by_end);
	free(graph->order);
	free(graph->operations);
	free(graph->threads);
	map_free(&graph->thread_by_id);
	free(graph->requests);
	strtab_free(graph->texts);
	fold_tree_free(graph->folds);
	free(graph);
}
