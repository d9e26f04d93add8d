/* SPDX-License-Identifier: Apache-2.0 */
/* A call's facts under OpenTelemetry's names, where it has one, else ragtime.*. */
#ifndef ANALYSIS_EXPORTS_ATTRIBUTES_H
#define ANALYSIS_EXPORTS_ATTRIBUTES_H

#include "analysis/exports/span_rows.h"
#include "lib/json.h"

/* Members of an object that is open. */
void put_attributes(struct json *json, const struct span_row *row);

/* A row of table `attribute`: its key and its value, as a member. */
void put_stored_attribute(struct json *json, const struct query *query, int key, int value);

#endif
