/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a Batch says briefly, said in full: the facts that an exchange shares with an earlier one
 * (Exchange.like), and moments given as ticks after its beginning.
 */
#ifndef DECODER_BATCH_EXPAND_H
#define DECODER_BATCH_EXPAND_H

#include <stdbool.h>

#include "lib/pool.h"
#include "trace_raw.pb-c.h"

/* False where memory of the pool is out. */
bool batch_expand(Ragtime__Raw__Batch *batch, struct pool *pool);

#endif
