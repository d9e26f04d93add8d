/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A start cut into stages. Every moment from the launch to readiness belongs to exactly one, so
 * that their sum is the wall time.
 */
#ifndef ANALYSIS_COLDSTART_STAGES_H
#define ANALYSIS_COLDSTART_STAGES_H

#include <stddef.h>
#include <stdint.h>

#include "analysis/model.h"

enum stage {
#define STAGE(name, title) STAGE_##name,
#include "analysis/coldstart/stages.def"
	STAGE_COUNT
};

const char *stage_name(enum stage stage);
const char *stage_title(enum stage stage);

/* The stage that a path, a function or a program is a sign of; STAGE_COUNT: of none. */
enum stage stage_of_file(const char *path);
enum stage stage_of_call(const char *name);
enum stage stage_of_program(const char *path);

/* What has to be recorded of Python for that: as `ragtime run --py` takes it; ends with NULL. */
const char *const *stage_records(void);

/* The patterns of calls that are signs of a stage; how many, at most `room`. */
size_t stage_call_patterns(enum stage stage, const char **patterns, size_t room);

/* One stretch in which something is a sign of a stage. */
struct stretch {
	int64_t start_ns, end_ns;
	enum stage stage; /* STAGE_COUNT: the path waits here, and others may say for what */
	enum stretch_place {
		ON_PATH,   /* of the thread that readiness waits for */
		BESIDE,	   /* of its process's other threads */
		ELSEWHERE, /* of other processes */
		UNDERLYING /* holds where nothing else says anything; without a stage it is a
			      wait that no call shows */
	} place;
};

/* The stages of a start one after the other, without gaps. */
struct pieces {
	struct piece {
		enum stage stage;
		int64_t start_ns, end_ns;
	} * list;
	size_t count, room;
};

/*
 * Makes them fewer: those shorter than `least_ns` that follow each other become one, of the stage
 * that has most of it, or go to the piece before.
 */
void pieces_coarsen(struct pieces *pieces, int64_t least_ns);

/*
 * Adds to `ns`, one figure a stage, the whole of [start_ns, end_ns), and appends its pieces where
 * `pieces` is not NULL. On the path the innermost stretch decides, which is the one that began
 * last; where that only waits, the innermost of those beside it, then elsewhere. Reorders the
 * stretches. 0 or -ENOMEM.
 */
int stages_tile(struct stretch *stretches, size_t count, int64_t start_ns, int64_t end_ns,
	int64_t ns[STAGE_COUNT], struct pieces *pieces);

/* The path of a run up to `ready_ns`, in the process that got ready. 0 or -ENOMEM. */
int stages_of_run(struct model *model, const struct run *run, int64_t process, int64_t ready_ns,
	int64_t ns[STAGE_COUNT], struct pieces *pieces);

#endif
