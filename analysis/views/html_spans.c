/* SPDX-License-Identifier: Apache-2.0 */
/* The spans of a graph as columns of JSON. */
#include "analysis/views/html_spans.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/words.h"

#define FACTS_MAX 20000 /* spans whose attributes are shown */

static int64_t *durations_of(const struct graph *graph)
{
	int64_t *durations = malloc((graph->count + 1) * sizeof(*durations));

	for (uint32_t i = 0; durations && i < graph->count; i++)
		durations[i] = node_duration(&graph->nodes[i]);
	return durations;
}

static int descending(const void *left, const void *right)
{
	int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;

	return (a < b) - (a > b);
}

int html_span_choice(const struct graph *graph, uint32_t most, struct span_choice *choice)
{
	int64_t *durations;

	*choice = (struct span_choice){.graph = graph, .shortest_ns = INT64_MIN};
	if (graph->count <= most)
		return 0;
	durations = durations_of(graph);
	if (!durations)
		return -ENOMEM;
	qsort(durations, graph->count, sizeof(*durations), descending);
	/* equal ones stay out together: the choice must not hang on their order */
	choice->shortest_ns = durations[most] + 1;
	free(durations);
	return 0;
}

bool html_span_chosen(const struct span_choice *choice, const struct node *node)
{
	return node_duration(node) >= choice->shortest_ns || node->request != NODE_NONE;
}

enum column {
	COLUMN_ID,
	COLUMN_PARENT,
	COLUMN_START,
	COLUMN_DURATION,
	COLUMN_OPERATION,
	COLUMN_THREAD,
	COLUMN_OBJECT,
	COLUMN_WAIT,
	COLUMN_EVIDENCE,
	COLUMN_FAILED,
	COLUMN_COUNT
};

static const char *const column_names[] = {"id", "parent", "start", "duration", "operation",
	"thread", "object", "wait", "evidence", "failed"};

static void put_cell(
	struct json *json, const struct graph *graph, const struct node *node, enum column column)
{
	switch (column) {
	case COLUMN_ID:
		json_int(json, node->id);
		break;
	case COLUMN_PARENT:
		if (node->parent == NODE_NONE)
			json_null(json);
		else
			json_int(json, graph->nodes[node->parent].id);
		break;
	case COLUMN_START:
		json_int(json, node->start_ns - graph->run->start_ns);
		break;
	case COLUMN_DURATION:
		json_int(json, node_duration(node));
		break;
	case COLUMN_OPERATION:
		json_int(json, node->operation);
		break;
	case COLUMN_THREAD:
		json_int(json, node->thread == NODE_NONE ? -1 : (int64_t)node->thread);
		break;
	case COLUMN_OBJECT:
		json_int(json, node->object);
		break;
	case COLUMN_WAIT:
		json_int(json, node->wait);
		break;
	case COLUMN_EVIDENCE:
		json_int(json, node->evidence);
		break;
	default:
		json_int(json, node->flags & NODE_FAILED ? 1 : 0);
		break;
	}
}

/* Roots have no operation: threads are told by their names, processes by what they run. */
static const char *label_of(
	const struct graph *graph, const struct node *node, struct query *programs)
{
	const char *name;

	if (graph->operations[node->operation].id)
		return NULL;
	if (node->thread != NODE_NONE) {
		const struct graph_thread *thread = &graph->threads[node->thread];

		name = strtab_get(graph->texts, thread->name);
		return *name ? name : thread->is_main ? "main" : "thread";
	}
	query_bind(programs, 1, node->id);
	name = query_next(programs) ? query_text(programs, 0) : NULL;
	return name ? basename(name) : word_name("kind", node->kind);
}

static void put_labels(struct json *json, const struct span_choice *choice)
{
	const struct graph *graph = choice->graph;
	struct query *programs = model_query(
		graph->model, "SELECT COALESCE(script, program) FROM process WHERE span = ?1");

	json_key(json, "label");
	json_open(json, '[');
	for (uint32_t i = 0; i < graph->count; i++) {
		if (html_span_chosen(choice, &graph->nodes[i]))
			json_string(json, label_of(graph, &graph->nodes[i], programs));
	}
	json_close(json, ']');
	query_free(programs);
}

void html_spans(struct json *json, const struct span_choice *choice)
{
	const struct graph *graph = choice->graph;

	json_key(json, "spans");
	json_open(json, '{');
	for (enum column column = 0; column < COLUMN_COUNT; column++) {
		json_key(json, column_names[column]);
		json_open(json, '[');
		for (uint32_t i = 0; i < graph->count; i++) {
			if (html_span_chosen(choice, &graph->nodes[i]))
				put_cell(json, graph, &graph->nodes[i], column);
		}
		json_close(json, ']');
	}
	put_labels(json, choice);
	json_close(json, '}');
	json_member_int(json, "spans_of", graph->count);
}

void html_facts(struct json *json, const struct span_choice *choice)
{
	const struct graph *graph = choice->graph;
	struct query *query = model_query(
		graph->model, "SELECT key, value FROM attribute WHERE span = ?1 ORDER BY key");
	uint32_t shown = 0;
	char id[32];

	json_key(json, "facts");
	json_open(json, '{');
	for (uint32_t i = 0; i < graph->count && shown < FACTS_MAX; i++) {
		const struct node *node = &graph->nodes[i];
		bool any = false;

		if (!html_span_chosen(choice, node))
			continue;
		query_bind(query, 1, node->id);
		while (query_next(query)) {
			if (!any) {
				snprintf(id, sizeof(id), "%lld", (long long)node->id);
				json_key(json, id);
				json_open(json, '[');
			}
			any = true;
			json_open(json, '[');
			json_string(json, query_text(query, 0));
			if (query_is_text(query, 1))
				json_string(json, query_text(query, 1));
			else if (query_is_real(query, 1))
				json_double(json, query_double(query, 1));
			else
				json_int(json, query_int(query, 1));
			json_close(json, ']');
		}
		if (any)
			json_close(json, ']');
		shown += any;
	}
	json_close(json, '}');
	query_free(query);
}
