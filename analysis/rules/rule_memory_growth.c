/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that answers requests and whose memory grows all the while, to the end: a leak, or a
 * cache without a bound. By the rank test of Mann and Kendall on its samples.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "analysis/rules/rule.h"

/* More samples are thinned out: the test compares each with each. */
#define SAMPLES 256
/* One-sided 1 %. */
#define SIGNIFICANT 2.326

/* From the first request of a process to its last. */
struct serving {
	int64_t process, start_ns, end_ns;
	uint32_t first, last, count; /* units */
};

struct samples {
	double list[SAMPLES];
	uint32_t count;
};

/* Their sum of signs over its deviation under no trend. */
static double trend_of(const struct samples *samples)
{
	double n = samples->count, sum = 0, deviation = sqrt(n * (n - 1) * (2 * n + 5) / 18);

	for (uint32_t i = 0; i < samples->count; i++) {
		for (uint32_t j = i + 1; j < samples->count; j++)
			sum += (samples->list[j] > samples->list[i]) -
				(samples->list[j] < samples->list[i]);
	}
	return deviation > 0 ? (sum - 1) / deviation : 0;
}

static void read_samples(
	const struct rule_context *context, const struct serving *serving, struct samples *samples)
{
	int64_t step_ns = (serving->end_ns - serving->start_ns) / (SAMPLES - 1) + 1, next_ns = 0;
	struct query *query = model_query(context->graph->model,
		"SELECT at_ns, rss_bytes FROM usage WHERE process = ? AND at_ns BETWEEN ? AND ?"
		" AND rss_bytes IS NOT NULL ORDER BY at_ns");

	query_bind(query, 1, serving->process);
	query_bind(query, 2, serving->start_ns);
	query_bind(query, 3, serving->end_ns);
	while (samples->count < SAMPLES && query_next(query)) {
		if (query_int(query, 0) < next_ns)
			continue;
		next_ns = query_int(query, 0) + step_ns;
		samples->list[samples->count++] = query_double(query, 1);
	}
	query_free(query);
}

/* Caches that fill stop to grow: what is gained has to be gained in the second half too. */
static bool grows(const struct rule_context *context, const struct samples *samples)
{
	double first = samples->list[0], last = samples->list[samples->count - 1];
	double middle = samples->list[samples->count / 2];

	return last - first >= limit(context, "mb") * 1e6 &&
		(last - first) * 100 >= limit(context, "percent") * first &&
		(last - middle) * 3 >= last - first && trend_of(samples) >= SIGNIFICANT;
}

static void look(struct rule_context *context, const struct serving *serving)
{
	const struct units *units = context->units;
	struct samples samples = {0};
	struct finding *finding;
	double gained;

	if (serving->count < limit(context, "requests"))
		return;
	read_samples(context, serving, &samples);
	if (samples.count < limit(context, "samples") || !grows(context, &samples))
		return;
	gained = samples.list[samples.count - 1] - samples.list[0];
	finding = finding_on(context, "the process that answers");
	finding_add(context, finding, units->list[serving->first].root, 0);
	finding_add(context, finding, units->list[serving->last].root, 0);
	finding_occurred(finding, serving->last);
	finding_note(finding, "%.0f MB more after %u requests, %.0f kB each", gained / 1e6,
		serving->count, gained / 1e3 / serving->count);
}

void rule_memory_growth(struct rule_context *context)
{
	const struct graph *graph = context->graph;
	struct serving *list = calloc((size_t)graph->thread_count + 1, sizeof(*list));
	struct map places = {0};
	uint32_t count = 0;

	if (!list)
		context->error = -ENOMEM;
	for (uint32_t i = 0; list && context->units->are_requests && i < context->units->count;
		i++) {
		const struct node *node = rule_node(context, context->units->list[i].root);
		struct serving *serving;
		uint64_t *place;

		if (node->thread == NODE_NONE)
			continue;
		place = rule_place(
			context, &places, (uint64_t)graph->threads[node->thread].process);
		if (!*place)
			*place = ++count;
		serving = &list[*place - 1];
		if (!serving->count++)
			*serving = (struct serving){graph->threads[node->thread].process,
				node->start_ns, node->end_ns, i, i, 1};
		serving->last = i;
		if (node->end_ns > serving->end_ns)
			serving->end_ns = node->end_ns;
	}
	for (uint32_t i = 0; i < count; i++)
		look(context, &list[i]);
	map_free(&places);
	free(list);
}
