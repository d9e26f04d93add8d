/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What to change, by the stages that a start spends its time in; the largest stage first. Last what
 * to do where the starts differ too much to be sure.
 */
#ifndef ANALYSIS_COLDSTART_STAGE_ADVICE_H
#define ANALYSIS_COLDSTART_STAGE_ADVICE_H

#include <stddef.h>

#include "analysis/coldstart/result.h"

#define ADVICE_MAX 5

struct stage_advice {
	const char *texts[ADVICE_MAX];
	size_t count;
};

struct stage_advice stage_advice(const struct result *result);

#endif
