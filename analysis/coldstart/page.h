/* SPDX-License-Identifier: Apache-2.0 */
/* A result as a page for a browser: --html. */
#ifndef ANALYSIS_COLDSTART_PAGE_H
#define ANALYSIS_COLDSTART_PAGE_H

#include "analysis/coldstart/saved.h"

void page_write(struct buf *out, const struct result *result, const struct buf *saved);

#endif
