/* SPDX-License-Identifier: Apache-2.0 */
/* What html/core.js reads: the run, its spans as columns, findings, paths, sections. As JSON. */
#ifndef ANALYSIS_VIEWS_HTML_DATA_H
#define ANALYSIS_VIEWS_HTML_DATA_H

#include "analysis/analysis.h"
#include "analysis/report.h"
#include "lib/buf.h"

/* Spans beyond so many are left out, the shortest first; the page says how many there are. */
#define HTML_SPANS_MAX 200000

/* 0 or -ENOMEM. Times are ns since the run's start. */
int html_data(struct buf *out, const struct report *report);

#endif
