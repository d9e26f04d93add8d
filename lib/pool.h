/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is given back all at once, and of which there is only so much. */
#ifndef LIB_POOL_H
#define LIB_POOL_H

#include <stddef.h>

struct pool_chunk;

struct pool {
	struct pool_chunk *chunks; /* the first is the one in use */
	size_t used;		   /* in all chunks */
	size_t limit;
};

/* NULL when memory or the limit is out. Aligned for anything; a zero byte stands behind. */
void *pool_alloc(struct pool *pool, size_t size);

/* Everything given out is void. */
void pool_reset(struct pool *pool);
void pool_free(struct pool *pool);

#endif
