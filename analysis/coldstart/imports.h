/* SPDX-License-Identifier: Apache-2.0 */
/* The modules that a start imported, with the time that each took itself and with inner ones. */
#ifndef ANALYSIS_COLDSTART_IMPORTS_H
#define ANALYSIS_COLDSTART_IMPORTS_H

#include "analysis/coldstart/result.h"

/* Adds one run's, those that were over by then; every row's series gets as long as wall_ns. */
void imports_add(struct result *result, struct model *model, const struct run *run, int64_t process,
	int64_t ready_ns);

#endif
