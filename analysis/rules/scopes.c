/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/rules/scopes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "wire/event.h"

/* What a node's scope is known by: its unit, or behind all of those its thread. */
static uint32_t scope_key(const struct units *units, uint32_t index)
{
	const struct node *node = &units->graph->nodes[index];

	if (units->owner[index] != NODE_NONE)
		return units->owner[index];
	return node->thread == NODE_NONE ? NODE_NONE : units->count + node->thread;
}

static bool is_sent(const struct node *node)
{
	return node->request != NODE_NONE && !(node->flags & NODE_SERVER);
}

static bool is_call(const struct node *node)
{
	return node->request == NODE_NONE && !(node->flags & NODE_HIDDEN) &&
		(node->wait == RT_WAIT_dns || node->wait == RT_WAIT_connect ||
			node->wait == RT_WAIT_tls || node->wait == RT_WAIT_sleep);
}

/* Requests before calls, by scope, then by start. */
static int compare(const void *left, const void *right, void *context)
{
	const struct units *units = context;
	uint32_t i = *(const uint32_t *)left, j = *(const uint32_t *)right;
	const struct node *a = &units->graph->nodes[i], *b = &units->graph->nodes[j];
	uint32_t x = scope_key(units, i), y = scope_key(units, j);

	if (x != y)
		return x < y ? -1 : 1;
	if (is_sent(a) != is_sent(b))
		return is_sent(a) ? -1 : 1;
	if (a->start_ns != b->start_ns)
		return a->start_ns < b->start_ns ? -1 : 1;
	return i < j ? -1 : i > j;
}

static int cut(const struct units *units, struct scopes *scopes, uint32_t count)
{
	uint32_t capacity = 0;

	for (uint32_t i = 0; i < count;) {
		uint32_t key = scope_key(units, scopes->nodes[i]), first = i;
		struct scope *scope;

		if (scopes->count == capacity) {
			struct scope *list;

			capacity = capacity ? capacity * 2 : 16;
			list = realloc(scopes->list, capacity * sizeof(*list));
			if (!list)
				return -ENOMEM;
			scopes->list = list;
		}
		scope = &scopes->list[scopes->count++];
		*scope = (struct scope){.unit = key < units->count ? key : NODE_NONE,
			.requests = &scopes->nodes[first]};
		while (i < count && scope_key(units, scopes->nodes[i]) == key &&
			is_sent(&units->graph->nodes[scopes->nodes[i]]))
			i++;
		scope->request_count = i - first;
		scope->calls = &scopes->nodes[i];
		first = i;
		while (i < count && scope_key(units, scopes->nodes[i]) == key)
			i++;
		scope->call_count = i - first;
	}
	return 0;
}

struct sorting {
	const struct scopes *scopes;
	const struct graph *graph;
};

static int compare_calls(const void *left, const void *right, void *context)
{
	const struct sorting *sorting = context;
	const struct rule_call *i = left, *j = right;
	const struct node *a =
		&sorting->graph->nodes[sorting->scopes->list[i->scope].calls[i->index]];
	const struct node *b =
		&sorting->graph->nodes[sorting->scopes->list[j->scope].calls[j->index]];
	int64_t x = sorting->graph->threads[a->thread].process;
	int64_t y = sorting->graph->threads[b->thread].process;

	if (x != y)
		return x < y ? -1 : 1;
	if (a->start_ns != b->start_ns)
		return a->start_ns < b->start_ns ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

static int list_calls(const struct graph *graph, struct scopes *scopes)
{
	struct sorting sorting = {scopes, graph};
	uint32_t count = 0;

	for (uint32_t i = 0; i < scopes->count; i++)
		count += scopes->list[i].call_count;
	scopes->calls = malloc(((size_t)count + 1) * sizeof(*scopes->calls));
	if (!scopes->calls)
		return -ENOMEM;
	for (uint32_t i = 0; i < scopes->count; i++) {
		const struct scope *scope = &scopes->list[i];

		for (uint32_t j = 0; j < scope->call_count; j++) {
			if (graph->nodes[scope->calls[j]].thread != NODE_NONE)
				scopes->calls[scopes->call_count++] = (struct rule_call){i, j};
		}
	}
	qsort_r(scopes->calls, scopes->call_count, sizeof(*scopes->calls), compare_calls, &sorting);
	return 0;
}

static int read_objects(const struct graph *graph, struct scopes *scopes)
{
	struct query *query = model_query(graph->model,
		"SELECT id, kind, name, opened_ns, closed_ns FROM object ORDER BY id");
	uint32_t capacity = 0;
	int err = 0;

	while (!err && query_next(query)) {
		const char *name = query_text(query, 2);
		struct rule_object *list;

		if (scopes->object_count == capacity) {
			capacity = capacity ? capacity * 2 : 256;
			list = realloc(scopes->objects, capacity * sizeof(*list));
			if (!list) {
				err = -ENOMEM;
				break;
			}
			scopes->objects = list;
		}
		scopes->objects[scopes->object_count++] = (struct rule_object){
			.id = query_int(query, 0),
			.kind = (uint8_t)query_int(query, 1),
			.name = name ? strtab_adds(graph->texts, name) : 0,
			.opened_ns = query_int(query, 3),
			.closed_ns = query_int(query, 4),
		};
	}
	query_free(query);
	return err;
}

static int make_templates(const struct graph *graph, struct scopes *scopes)
{
	char text[1024];

	scopes->templates = calloc((size_t)graph->request_count + 1, sizeof(*scopes->templates));
	if (!scopes->templates)
		return -ENOMEM;
	for (uint32_t i = 0; i < graph->request_count; i++) {
		request_template(graph, &graph->requests[i], text, sizeof(text));
		scopes->templates[i] = strtab_adds(graph->texts, text);
	}
	return 0;
}

int scopes_make(const struct units *units, struct scopes *scopes)
{
	const struct graph *graph = units->graph;
	uint32_t count = 0;
	int err = 0;

	scopes->nodes = malloc(((size_t)graph->count + 1) * sizeof(*scopes->nodes));
	if (!scopes->nodes)
		return -ENOMEM;
	for (uint32_t i = 0; i < graph->count; i++) {
		const struct node *node = &graph->nodes[i];

		/* who asks the program is its user: that is told of what answers */
		if (units->are_requests && units->owner[i] == NODE_NONE &&
			node->flags & NODE_ANSWERED)
			continue;
		if ((is_sent(node) || is_call(node)) && scope_key(units, i) != NODE_NONE)
			scopes->nodes[count++] = i;
	}
	qsort_r(scopes->nodes, count, sizeof(*scopes->nodes), compare, (void *)units);
	err = cut(units, scopes, count);
	if (!err)
		err = list_calls(graph, scopes);
	if (!err)
		err = read_objects(graph, scopes);
	return err ? err : make_templates(graph, scopes);
}

void scopes_free(struct scopes *scopes)
{
	free(scopes->list);
	free(scopes->nodes);
	free(scopes->templates);
	free(scopes->objects);
	free(scopes->calls);
	memset(scopes, 0, sizeof(*scopes));
}
