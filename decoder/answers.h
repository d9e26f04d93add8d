/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which request a told span answers: words of the program's (event.def: answer) and the exchanges
 * found on its connections come in either order, since a span is told when it is first named.
 */
#ifndef DECODER_ANSWERS_H
#define DECODER_ANSWERS_H

#include <stdint.h>

#include "trace_raw.pb-c.h"

struct answers;

struct answers *answers_new(void);
void answers_free(struct answers *answers);

/* The row of the exchange that the word is about; 0: not seen yet; -ENOMEM. Each is found once. */
int64_t answers_word(struct answers *answers, const Ragtime__Raw__Told *word);

/* The span that answers the exchange, which is `row`; 0: no word yet. Likewise. */
uint64_t answers_exchange(
	struct answers *answers, const Ragtime__Raw__Exchange *exchange, int64_t row);

#endif
