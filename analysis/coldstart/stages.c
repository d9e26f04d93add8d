/* SPDX-License-Identifier: Apache-2.0 */
/* Stages by name, and the sweep that gives each moment its one. */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/coldstart/stages.h"

struct rule {
	enum stage stage;
	const char *pattern;
};

static const char *const names[] = {
#define STAGE(name, title) #name,
#include "analysis/coldstart/stages.def"
};

static const char *const titles[] = {
#define STAGE(name, title) title,
#include "analysis/coldstart/stages.def"
};

static const struct rule files[] = {
#define STAGE_FILE(stage, pattern) {STAGE_##stage, pattern},
#include "analysis/coldstart/stages.def"
};

static const struct rule calls[] = {
#define STAGE_CALL(stage, pattern) {STAGE_##stage, pattern},
#include "analysis/coldstart/stages.def"
};

static const struct rule programs[] = {
#define STAGE_PROGRAM(stage, pattern) {STAGE_##stage, pattern},
#include "analysis/coldstart/stages.def"
};

const char *stage_name(enum stage stage)
{
	return names[stage];
}

const char *stage_title(enum stage stage)
{
	return titles[stage];
}

static enum stage first_fit(const struct rule *rules, size_t count, const char *text)
{
	for (size_t i = 0; text && i < count; i++) {
		if (!fnmatch(rules[i].pattern, text, 0))
			return rules[i].stage;
	}
	return STAGE_COUNT;
}

enum stage stage_of_file(const char *path)
{
	return first_fit(files, sizeof(files) / sizeof(*files), path);
}

enum stage stage_of_call(const char *name)
{
	return first_fit(calls, sizeof(calls) / sizeof(*calls), name);
}

enum stage stage_of_program(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return first_fit(programs, sizeof(programs) / sizeof(*programs), slash ? slash + 1 : path);
}

const char *const *stage_records(void)
{
	static const char *const records[] = {
#define STAGE_RECORD(pattern) pattern,
#include "analysis/coldstart/stages.def"
		NULL};

	return records;
}

size_t stage_call_patterns(enum stage stage, const char **patterns, size_t room)
{
	size_t count = 0;

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls) && count < room; i++) {
		if (calls[i].stage == stage)
			patterns[count++] = calls[i].pattern;
	}
	return count;
}

static int by_start(const void *left, const void *right)
{
	const struct stretch *a = left, *b = right;

	if (a->start_ns != b->start_ns)
		return a->start_ns < b->start_ns ? -1 : 1;
	/* the outer one first */
	return (a->end_ns < b->end_ns) - (a->end_ns > b->end_ns);
}

struct sweep {
	const struct stretch **active; /* in the order of their starts */
	size_t count;
};

/* The innermost at a place; `signs`: of those that are signs of a stage. */
static const struct stretch *innermost(
	const struct sweep *sweep, enum stretch_place place, bool signs)
{
	for (size_t i = sweep->count; i-- > 0;) {
		const struct stretch *stretch = sweep->active[i];

		if (stretch->place == place && (!signs || stretch->stage != STAGE_COUNT))
			return stretch;
	}
	return NULL;
}

static bool waits_unseen(const struct sweep *sweep)
{
	for (size_t i = 0; i < sweep->count; i++) {
		if (sweep->active[i]->place == UNDERLYING && sweep->active[i]->stage == STAGE_COUNT)
			return true;
	}
	return false;
}

static enum stage stage_now(const struct sweep *sweep)
{
	const struct stretch *found = innermost(sweep, ON_PATH, false);

	if (found ? found->stage == STAGE_COUNT : waits_unseen(sweep)) {
		found = innermost(sweep, BESIDE, true);
		if (!found)
			found = innermost(sweep, ELSEWHERE, true);
		if (!found)
			found = innermost(sweep, ON_PATH, true);
	}
	if (!found)
		found = innermost(sweep, UNDERLYING, true);
	return found ? found->stage : STAGE_other;
}

/* Drops what has ended by `now`, and gives the next moment at which something ends. */
static int64_t drop_ended(struct sweep *sweep, int64_t now, int64_t end_ns)
{
	size_t kept = 0;

	for (size_t i = 0; i < sweep->count; i++) {
		const struct stretch *stretch = sweep->active[i];

		if (stretch->end_ns <= now)
			continue;
		sweep->active[kept++] = stretch;
		if (stretch->end_ns < end_ns)
			end_ns = stretch->end_ns;
	}
	sweep->count = kept;
	return end_ns;
}

static bool add_piece(struct pieces *pieces, enum stage stage, int64_t start_ns, int64_t end_ns)
{
	struct piece *last = pieces->count ? &pieces->list[pieces->count - 1] : NULL;

	if (last && last->stage == stage && last->end_ns == start_ns) {
		last->end_ns = end_ns;
		return true;
	}
	if (pieces->count == pieces->room) {
		size_t room = pieces->room ? pieces->room * 2 : 64;

		last = realloc(pieces->list, room * sizeof(*last));
		if (!last)
			return false;
		pieces->list = last;
		pieces->room = room;
	}
	pieces->list[pieces->count++] = (struct piece){stage, start_ns, end_ns};
	return true;
}

/* From `first` on to where it is long enough, or a piece that is comes; how many they are. */
static size_t group(
	const struct pieces *pieces, size_t first, int64_t least_ns, struct piece *together)
{
	int64_t ns[STAGE_COUNT] = {0};
	size_t next = first;

	*together = pieces->list[first];
	for (; next < pieces->count; next++) {
		const struct piece *piece = &pieces->list[next];
		int64_t length = piece->end_ns - piece->start_ns;

		if (next > first &&
			(length >= least_ns || together->end_ns - together->start_ns >= least_ns))
			break;
		together->end_ns = piece->end_ns;
		ns[piece->stage] += length;
		if (ns[piece->stage] > ns[together->stage])
			together->stage = piece->stage;
	}
	return next - first;
}

void pieces_coarsen(struct pieces *pieces, int64_t least_ns)
{
	size_t kept = 0;

	for (size_t i = 0; i < pieces->count;) {
		struct piece *last = kept ? &pieces->list[kept - 1] : NULL, together;

		i += group(pieces, i, least_ns, &together);
		if (last &&
			(last->stage == together.stage ||
				together.end_ns - together.start_ns < least_ns))
			last->end_ns = together.end_ns;
		else
			pieces->list[kept++] = together;
	}
	pieces->count = kept;
}

int stages_tile(struct stretch *stretches, size_t count, int64_t start_ns, int64_t end_ns,
	int64_t ns[STAGE_COUNT], struct pieces *pieces)
{
	struct sweep sweep = {calloc(count + 1, sizeof(*sweep.active)), 0};
	size_t next = 0;
	bool room = true;

	if (!sweep.active)
		return -ENOMEM;
	qsort(stretches, count, sizeof(*stretches), by_start);
	for (int64_t now = start_ns; now < end_ns && room;) {
		enum stage stage;
		int64_t until;

		while (next < count && stretches[next].start_ns <= now)
			sweep.active[sweep.count++] = &stretches[next++];
		until = drop_ended(&sweep, now, end_ns);
		if (next < count && stretches[next].start_ns < until)
			until = stretches[next].start_ns;
		stage = stage_now(&sweep);
		ns[stage] += until - now;
		room = !pieces || add_piece(pieces, stage, now, until);
		now = until;
	}
	free(sweep.active);
	return room ? 0 : -ENOMEM;
}
