/* SPDX-License-Identifier: Apache-2.0 */
/* When a run got ready, and which of its processes: by its trace. */
#ifndef ANALYSIS_COLDSTART_MOMENT_H
#define ANALYSIS_COLDSTART_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "analysis/coldstart/ready.h"
#include "analysis/coldstart/start.h"
#include "analysis/model.h"

struct moment {
	int64_t process;
	int64_t ready_ns;
};

/* False: the condition was never met. */
bool moment_of_readiness(struct model *model, const struct run *run, const struct ready *ready,
	const struct start *start, struct moment *moment);

#endif
