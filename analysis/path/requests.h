/* SPDX-License-Identifier: Apache-2.0 */
/* The requests among the nodes of a graph, with what their attributes say. */
#ifndef ANALYSIS_PATH_REQUESTS_H
#define ANALYSIS_PATH_REQUESTS_H

#include "analysis/path/graph.h"

#define FACT_UNKNOWN INT64_MIN

struct request {
	uint32_t node;
#define FACT_TEXT(member, key) uint32_t member;
#include "analysis/path/facts.def"
#define FACT_NUMBER(member, key) int64_t member;
#include "analysis/path/facts.def"
	double cost_usd; /* below 0: unknown */
};

/* Fills in graph->requests and node.request. 0 or -ENOMEM. */
int requests_load(struct graph *graph);

/* NULL where the node is none. */
static inline const struct request *node_request(const struct graph *graph, const struct node *node)
{
	return node->request == NODE_NONE ? NULL : &graph->requests[node->request];
}

/* The class of a request's operation. */
static inline unsigned request_class(const struct graph *graph, const struct request *request)
{
	return node_operation(graph, &graph->nodes[request->node])->class;
}

/* What two requests that ask for the same kind of thing have in common: statement, path and method,
 * model, key pattern; put into `out`. */
void request_template(
	const struct graph *graph, const struct request *request, char *out, size_t size);

#endif
