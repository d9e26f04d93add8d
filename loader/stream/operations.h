/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of a run by the kinds of their records, as long as blocks may have to name them. */
#ifndef LOADER_STREAM_OPERATIONS_H
#define LOADER_STREAM_OPERATIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "loader/stream/batch.h"
#include "loader/stream/texts.h"
#include "wire/event.h"

struct operation {
	char *name, *module, *symbol;
	uint32_t line, role;
	uint32_t class; /* as a function pack says */
	bool due;	/* for the next Batch */
};

/* Kinds from `first` on. */
struct operation_range {
	struct operation *list;
	uint32_t first, count;
};

struct operations {
	struct operation_range functions, runtime;
};

void operations_init(struct operations *operations);
void operations_free(struct operations *operations);

/* What is said of one; module is a path. */
struct operation_facts {
	const char *name, *module, *symbol;
	uint32_t line, role;
};
/* 0, -ENOMEM, or -EINVAL: it is no function's kind. */
int operations_put(struct operations *operations, struct texts *texts, uint32_t kind,
	const struct operation_facts *facts);

/* What a pack says of a function that was put. */
void operations_class(struct operations *operations, uint32_t kind, uint32_t class);

/* A call of this kind is in the Batch: so will be its row. */
static inline void operations_use(struct operations *operations, uint32_t kind)
{
	const struct operation_range *range =
		kind < RT_KIND_RUNTIME ? &operations->functions : &operations->runtime;

	if (kind - range->first < range->count)
		range->list[kind - range->first].due = true;
}

/* Adds the rows that are due. */
void operations_fill(struct operations *operations, struct batch *batch);

#endif
