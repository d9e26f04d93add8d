/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/path/impact.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const unsigned faster[] = {10, 25, 50, 100};

double impact_score(double share, double rate, double variation)
{
	double often = rate / IMPACT_RATE_REFERENCE, weight = share / IMPACT_FULL_SHARE;

	return 100 *
		(0.6 * (share < 1 ? share : 1) +
			0.2 * (weight < 1 ? weight : 1) *
				((often < 1 ? often : 1) + (variation < 1 ? variation : 1)));
}

enum priority impact_priority(double score)
{
	return score >= 75    ? PRIORITY_CRITICAL
		: score >= 50 ? PRIORITY_HIGH
		: score >= 25 ? PRIORITY_MEDIUM
			      : PRIORITY_LOW;
}

const char *priority_name(enum priority priority)
{
	static const char *const names[] = {"low", "medium", "high", "critical"};

	return names[priority];
}

const char *priority_timeline(enum priority priority)
{
	static const char *const timelines[] = {
		"when convenient", "this quarter", "this month", "this week"};

	return timelines[priority];
}

static int compare_parts(const void *left, const void *right)
{
	const struct impact *a = left, *b = right;

	if (a->path_ns != b->path_ns)
		return a->path_ns > b->path_ns ? -1 : 1;
	return a->operation < b->operation ? -1 : a->operation > b->operation;
}

static int list(const struct units *units, struct impacts *impacts)
{
	impacts->list = calloc(units->graph->operation_count, sizeof(*impacts->list));
	if (!impacts->list)
		return -ENOMEM;
	for (uint32_t i = 1; i < units->graph->operation_count; i++) {
		const struct operation_path *path = &units->operations[i];
		struct impact *impact = &impacts->list[impacts->count];

		if (path->path_ns <= 0)
			continue;
		*impact = (struct impact){
			.operation = i,
			.path_ns = path->path_ns,
			.share = (double)path->path_ns / (double)units->total_ns,
			.rate = (double)path->count / (double)units->count,
			.variation = operation_variation(path),
		};
		impact->score = impact_score(impact->share, impact->rate, impact->variation);
		impacts->count++;
	}
	qsort(impacts->list, impacts->count, sizeof(*impacts->list), compare_parts);
	return 0;
}

/* Units' durations, sorted, as the replay has them. */
static void read_durations(const struct units *units, const struct replay *replay, int64_t *list)
{
	for (uint32_t i = 0; i < units->count; i++)
		list[i] = replay_unit(replay, i);
	sort_durations(list, units->count);
}

/* Of an operation inside itself the outer one alone is made faster: what is in it is with it. */
static bool is_outermost(const struct graph *graph, uint32_t index, uint32_t operation)
{
	const struct node *node = &graph->nodes[index];

	return node_group(graph, node) == operation &&
		(node->parent >= graph->count ||
			node_group(graph, &graph->nodes[node->parent]) != operation);
}

static int replay_impact(
	const struct units *units, struct replay *replay, struct impact *impact, int64_t *durations)
{
	const struct graph *graph = units->graph;
	int err = 0;

	for (unsigned i = 0; !err && i < 4; i++) {
		for (uint32_t j = 0; !err && j < graph->count; j++) {
			if (is_outermost(graph, j, impact->operation))
				err = replay_shorten(replay, j, faster[i] * 10);
		}
		replay_run(replay);
		read_durations(units, replay, durations);
		impact->what_if[i].percent = faster[i];
		impact->what_if[i].p50_ns = percentile_of(durations, units->count, 50);
		impact->what_if[i].p95_ns = percentile_of(durations, units->count, 95);
		impact->what_if[i].saving_ns = replay_saving(replay);
		replay_clear(replay);
	}
	return err;
}

int impacts_find(
	const struct units *units, struct replay *replay, uint32_t limit, struct impacts *impacts)
{
	int64_t *durations = calloc((size_t)units->count + 1, sizeof(*durations));
	int err = durations ? list(units, impacts) : -ENOMEM;

	if (!err) {
		read_durations(units, replay, durations);
		impacts->p50_ns = percentile_of(durations, units->count, 50);
		impacts->p95_ns = percentile_of(durations, units->count, 95);
	}
	for (uint32_t i = 0; !err && i < impacts->count && i < limit; i++)
		err = replay_impact(units, replay, &impacts->list[i], durations);
	free(durations);
	return err;
}

void impacts_free(struct impacts *impacts)
{
	free(impacts->list);
	memset(impacts, 0, sizeof(*impacts));
}
