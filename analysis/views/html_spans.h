/* SPDX-License-Identifier: Apache-2.0 */
/* The spans that a page shows. */
#ifndef ANALYSIS_VIEWS_HTML_SPANS_H
#define ANALYSIS_VIEWS_HTML_SPANS_H

#include "analysis/path/graph.h"
#include "lib/json.h"

struct span_choice {
	const struct graph *graph;
	int64_t shortest_ns; /* requests are shown however short they are */
};

/* About `most` of them, the longest. 0 or -ENOMEM. */
int html_span_choice(const struct graph *graph, uint32_t most, struct span_choice *choice);
bool html_span_chosen(const struct span_choice *choice, const struct node *node);

/* Members "spans" and "spans_of"; and "facts", their attributes. */
void html_spans(struct json *json, const struct span_choice *choice);
void html_facts(struct json *json, const struct span_choice *choice);

#endif
