/* SPDX-License-Identifier: Apache-2.0 */
/* A call's facts under OpenTelemetry's names, where it has one, else ragtime.*. */
#ifndef ANALYSIS_EXPORTS_ATTRIBUTES_H
#define ANALYSIS_EXPORTS_ATTRIBUTES_H

#include "analysis/exports/span_rows.h"
#include "lib/json.h"

/* Which names: those that stay, or a set of OpenTelemetry's for generative AI, which still moves.
 */
enum semconv { SEMCONV_OURS, SEMCONV_1_41, SEMCONV_LATEST };

/* False for a name that is none. */
bool semconv_find(const char *name, enum semconv *set);

/* As OTEL_SEMCONV_STABILITY_OPT_IN asks for it. */
enum semconv semconv_default(void);

/* What that set calls an attribute of this name. */
const char *semconv_key(enum semconv set, const char *key);

/*
 * Members of an object that is open: what the row tells, and the rows of `stored` (key, value),
 * which win where both know. `stored`, NULL for none, is asked for row->id.
 */
void put_attributes(
	struct json *json, const struct span_row *row, struct query *stored, enum semconv set);

#endif
