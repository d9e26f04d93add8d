/* SPDX-License-Identifier: Apache-2.0 */
/* What a request to a model has cost, by a table of prices (data/prices.yaml says how it reads). */
#ifndef LOADER_STREAM_PRICES_H
#define LOADER_STREAM_PRICES_H

#include <stdbool.h>
#include <stddef.h>

struct exchange;
struct prices;

/* $RAGTIME_PRICES, else ragtime/prices.yaml of the user's configuration, else the table built in;
 * with a warning where one that is there cannot be read. NULL when memory is out. */
struct prices *prices_load(void);

/* NULL, and the reason in `error`, where the text is no table of prices. */
struct prices *prices_parse(const char *text, size_t size, char *error, size_t room);
void prices_free(struct prices *prices);

/* False where model, price or tokens are not known. */
bool prices_cost(const struct prices *prices, const struct exchange *exchange, double *usd);

#endif
