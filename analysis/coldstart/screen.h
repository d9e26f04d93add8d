/* SPDX-License-Identifier: Apache-2.0 */
/* A result as text for a terminal. */
#ifndef ANALYSIS_COLDSTART_SCREEN_H
#define ANALYSIS_COLDSTART_SCREEN_H

#include "analysis/coldstart/saved.h"

void screen_write(struct buf *out, const struct result *result, const struct standing *standing);

/* The comparison alone: of two saved results. */
void screen_compare(struct buf *out, const struct comparison *comparison);

#endif
