/* SPDX-License-Identifier: Apache-2.0 */
/* A result as JSON: what --json prints, --output saves, --baseline and --compare read. */
#ifndef ANALYSIS_COLDSTART_SAVED_H
#define ANALYSIS_COLDSTART_SAVED_H

#include <stdbool.h>

#include "analysis/coldstart/compare.h"
#include "analysis/coldstart/result.h"
#include "analysis/coldstart/targets.h"
#include "lib/buf.h"

/* How a result stands; `comparison` is NULL where there was nothing to compare with. */
struct standing {
	const struct targets *targets;
	const struct comparison *comparison;
	const char *verdict; /* pass, fail or inconclusive */
};

void saved_write(struct buf *out, const struct result *result, const struct standing *standing);

void saved_write_comparison(struct buf *out, const struct comparison *comparison);

/* False after a message on standard error. */
bool saved_read(const char *path, struct result *result);

#endif
