/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/path/requests.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/map.h"
#include "wire/event.h"

enum fact_kind { KIND_TEXT, KIND_NUMBER };

static const struct fact {
	const char *key;
	size_t offset;
	enum fact_kind kind;
} facts[] = {
#define FACT_TEXT(member, key) {key, offsetof(struct request, member), KIND_TEXT},
#include "analysis/path/facts.def"
#define FACT_NUMBER(member, key) {key, offsetof(struct request, member), KIND_NUMBER},
#include "analysis/path/facts.def"
};

#define FACTS (sizeof(facts) / sizeof(*facts))

static const struct fact *find_fact(const char *key)
{
	for (size_t i = 0; i < FACTS; i++) {
		if (!strcmp(facts[i].key, key))
			return &facts[i];
	}
	return NULL;
}

static void take(struct graph *graph, struct request *request, const struct fact *fact,
	const struct query *query, int column)
{
	char *place = (char *)request + fact->offset;

	if (fact->kind == KIND_NUMBER) {
		*(int64_t *)place = query_int(query, column);
	} else {
		const char *text = query_text(query, column);

		*(uint32_t *)place = text ? strtab_adds(graph->texts, text) : 0;
	}
}

static uint32_t count_requests(const struct graph *graph)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < graph->count; i++)
		count += graph->nodes[i].kind == RT_SPAN_request;
	return count;
}

static void begin_request(struct request *request, uint32_t node)
{
	*request = (struct request){.node = node, .cost_usd = -1};
	for (size_t i = 0; i < FACTS; i++) {
		if (facts[i].kind == KIND_NUMBER)
			*(int64_t *)((char *)request + facts[i].offset) = FACT_UNKNOWN;
	}
}

/* Attributes come in the order of spans, as nodes do. */
static void read_facts(struct graph *graph)
{
	struct query *query = model_query(graph->model,
		"SELECT a.span, a.key, a.value FROM attribute a ORDER BY a.span, a.key");
	uint32_t node = 0;

	while (node < graph->count && query_next(query)) {
		int64_t span = query_int(query, 0);
		const char *key = query_text(query, 1);
		const struct fact *fact;
		struct request *request;

		while (node < graph->count && graph->nodes[node].id < span)
			node++;
		if (node == graph->count || graph->nodes[node].id != span ||
			graph->nodes[node].request == NODE_NONE || !key)
			continue;
		request = &graph->requests[graph->nodes[node].request];
		fact = find_fact(key);
		if (fact)
			take(graph, request, fact, query, 2);
		else if (!strcmp(key, "ragtime.cost_usd"))
			request->cost_usd = query_double(query, 2);
	}
	query_free(query);
}

int requests_load(struct graph *graph)
{
	uint32_t server = strtab_adds(graph->texts, "server");

	graph->requests = calloc(count_requests(graph) + 1, sizeof(*graph->requests));
	if (!graph->requests)
		return -ENOMEM;
	for (uint32_t i = 0; i < graph->count; i++) {
		if (graph->nodes[i].kind != RT_SPAN_request)
			continue;
		graph->nodes[i].request = graph->request_count;
		begin_request(&graph->requests[graph->request_count++], i);
	}
	read_facts(graph);
	for (uint32_t i = 0; i < graph->request_count; i++) {
		if (graph->requests[i].side == server)
			graph->nodes[graph->requests[i].node].flags |= NODE_SERVER;
	}
	return 0;
}

void request_template(
	const struct graph *graph, const struct request *request, char *out, size_t size)
{
	const struct node *node = &graph->nodes[request->node];
	const char *what = strtab_get(graph->texts, request->statement);
	const char *pattern = strtab_get(graph->texts, request->key_pattern);
	const char *path = strtab_get(graph->texts, request->path);

	if (*what)
		snprintf(out, size, "%s", what);
	else if (*pattern)
		snprintf(out, size, "%s %s", node_name(graph, node), pattern);
	else if (*path && !request->genai)
		snprintf(out, size, "%s %s%s", strtab_get(graph->texts, request->method),
			strtab_get(graph->texts, request->host), path);
	else
		snprintf(out, size, "%s", node_name(graph, node));
}
