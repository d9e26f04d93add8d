/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an address in the interpreter to the span that belongs to it: suspended generators by their
 * frame, work handed to another thread by its object. Guarded by the interpreter's lock.
 */
#ifndef PRELOAD_PYTHON_TABLE_H
#define PRELOAD_PYTHON_TABLE_H

#include "preload/emit.h"

struct py_table {
	struct py_place {
		uintptr_t key;
		__u64 span;
		void *of; /* what it is checked by: the code */
	} * places;
	size_t capacity; /* a power of two, or 0 */
	size_t count;
};

/* NULL where it is not known. Valid until the next put or remove. */
struct py_place *py_table_find(const struct py_table *table, uintptr_t key);

/* New or anew. False where memory is out: then it is not remembered. */
bool py_table_put(struct py_table *table, uintptr_t key, __u64 span, void *of);
void py_table_clear(struct py_table *table);
void py_table_remove(struct py_table *table, struct py_place *place);

#endif
