/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An exporter writes runs in another tool's format, in one pass and in bounded memory.
 *
 * To add one: export_X.c with `const struct exporter exporter_X`, and its line in exports.def.
 */
#ifndef ANALYSIS_EXPORTS_EXPORTER_H
#define ANALYSIS_EXPORTS_EXPORTER_H

#include "analysis/exports/attributes.h"
#include "analysis/model.h"
#include "analysis/output.h"
#include "lib/json.h"

struct export
{
	struct output out;
	struct json json;
	enum semconv semconv;
	int64_t folded_calls; /* without rows of their own, so far */
	void *state;	      /* the exporter's own, from begin to end */
};

struct exporter {
	const char *name;
	const char *rows; /* what `ragtime decode --rows` has to keep for it */
	/* begin, then any number of runs, then end; NULL: nothing to do */
	void (*begin)(struct export *export);
	int (*run)(struct export *export, struct model *model, const struct run *run);
	void (*end)(struct export *export);
};

/* NULL for a name that is none. */
const struct exporter *exporter_find(const char *name);

#endif
