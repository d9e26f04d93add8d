/* SPDX-License-Identifier: Apache-2.0 */
/* Is a Batch what trace_reader.h promises to those who walk its columns without looking? */
#ifndef DECODER_BATCH_CHECK_H
#define DECODER_BATCH_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "trace_raw.pb-c.h"

bool batch_is_sound(const Ragtime__Raw__Batch *batch);

/* Fields that this version does not know, in all messages of the Batch. */
uint64_t batch_unknown_fields(const Ragtime__Raw__Batch *batch);

#endif
