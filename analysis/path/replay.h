/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What if some spans took less time: units replayed with shorter ones. A child begins after the
 * last of its siblings that had ended when it began, with the same gap; a parent ends after the
 * last of its children that ended before it, with the same rest. So a span that nobody waited for
 * saves nothing, and what comes after a shorter one is waited for only as long as something else
 * does not take its place.
 *
 *   replay_shorten for each span, replay_unit for each unit, replay_clear.
 */
#ifndef ANALYSIS_PATH_REPLAY_H
#define ANALYSIS_PATH_REPLAY_H

#include "analysis/path/units.h"

#define REPLAY_WHOLE 1000

struct replay;

/* NULL when memory is out. */
struct replay *replay_new(const struct units *units);
void replay_free(struct replay *replay);

/* Takes away so many thousandths of a node's time. 0 or -ENOMEM. */
int replay_shorten(struct replay *replay, uint32_t node, unsigned per_mille);

/* Computes all that was shortened; then how long a unit takes. */
void replay_run(struct replay *replay);
int64_t replay_unit(const struct replay *replay, uint32_t unit);

/* What all units together save. */
int64_t replay_saving(const struct replay *replay);

void replay_clear(struct replay *replay);

#endif
