/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/coldstart/compare.h"

#include <math.h>
#include <stdlib.h>

#include "lib/sample.h"

#define SURE 0.01
#define SMALLEST_CHANGE 1.05
#define SMALLEST_MEMORY 32e6 /* below it, when a sample was taken decides more than the program */

const char *change_name(enum change change)
{
	static const char *const names[] = {
		"same", "improved", "regressed", "blocked", "inconclusive"};

	return names[change];
}

static double median(const struct series *series)
{
	return sample_of(series->values, series->count).median;
}

static struct rank_set known(const struct series *series)
{
	size_t count = series->count;

	while (count && !isfinite(series->values[count - 1]))
		count--;
	return (struct rank_set){series->values, count};
}

struct pair {
	const struct series *before, *after;
};

static void add_line(struct comparison *comparison, struct pair *pairs, const char *name,
	const char *title, struct pair pair)
{
	struct change_line *line = &comparison->lines[comparison->count];

	if (!(median(pair.before) > 0) || !(median(pair.after) > 0))
		return;
	*line = (struct change_line){
		.name = name,
		.title = title,
		.before = median(pair.before),
		.after = median(pair.after),
		.ratio = rank_ratio(known(pair.before), known(pair.after)),
		.chance = rank_larger(known(pair.before), known(pair.after)),
	};
	pairs[comparison->count++] = pair;
}

/* Holm: the smallest of n chances counts n times, the next n - 1 times, and none below one before.
 */
static void correct(struct change_line *lines, size_t count)
{
	bool done[CHANGE_LINES] = {false};
	double least = 0;

	for (size_t turn = 0; turn < count; turn++) {
		size_t best = count;

		for (size_t i = 0; i < count; i++) {
			if (!done[i] && (best == count || lines[i].chance < lines[best].chance))
				best = i;
		}
		least = fmin(1, fmax(least, lines[best].chance * (double)(count - turn)));
		lines[best].chance = least;
		done[best] = true;
	}
}

/* Is the other direction sure? Alone it is told; it gates nothing. */
static bool improved(const struct pair *pair, const struct change_line *line)
{
	return line->ratio.ratio < 1 / SMALLEST_CHANGE &&
		rank_larger(known(pair->after), known(pair->before)) < SURE;
}

static enum change judge(const struct change_line *line, const struct pair *pair, double threshold)
{
	if (line->chance < SURE && line->ratio.ratio > SMALLEST_CHANGE)
		return line->ratio.high < threshold ? CHANGE_REGRESSED : CHANGE_BLOCKED;
	if (improved(pair, line))
		return CHANGE_IMPROVED;
	if (line->ratio.high <= SMALLEST_CHANGE)
		return CHANGE_NONE;
	/* it may have grown, but surely not up to the threshold */
	return line->ratio.high < threshold ? CHANGE_NONE : CHANGE_INCONCLUSIVE;
}

static int badness(enum change change)
{
	static const int order[] = {[CHANGE_NONE] = 0,
		[CHANGE_IMPROVED] = 1,
		[CHANGE_REGRESSED] = 2,
		[CHANGE_INCONCLUSIVE] = 3,
		[CHANGE_BLOCKED] = 4};

	return order[change];
}

void compare_results(const struct result *before, const struct result *after, double threshold,
	struct comparison *comparison)
{
	struct pair pairs[CHANGE_LINES];
	size_t gates;

	*comparison = (struct comparison){.threshold = threshold};
	add_line(comparison, pairs, "wall", "Total",
		(struct pair){&before->wall_ns, &after->wall_ns});
	if (fmax(median(&before->memory_bytes), median(&after->memory_bytes)) >= SMALLEST_MEMORY)
		add_line(comparison, pairs, "memory", "Memory grown",
			(struct pair){&before->memory_bytes, &after->memory_bytes});
	gates = comparison->count;
	for (size_t i = 0; i < STAGE_COUNT; i++)
		add_line(comparison, pairs, stage_name(i), stage_title(i),
			(struct pair){&before->stages[i], &after->stages[i]});
	correct(comparison->lines, gates);
	correct(comparison->lines + gates, comparison->count - gates);
	for (size_t i = 0; i < comparison->count; i++) {
		struct change_line *line = &comparison->lines[i];

		line->change = judge(line, &pairs[i], threshold);
		line->gates = i < gates;
		if (line->gates && badness(line->change) > badness(comparison->verdict))
			comparison->verdict = line->change;
	}
}
