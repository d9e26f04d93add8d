/* SPDX-License-Identifier: Apache-2.0 */
/* What to do about slow operations, as it stands in the data files, into the store. */
#ifndef DECODER_SUGGESTIONS_H
#define DECODER_SUGGESTIONS_H

#include <stdint.h>

#include "decoder/store.h"

/* The user's own first. Where that file is wrong it is told, and left out. */
void suggestions_put(struct store *store, int64_t run);

#endif
