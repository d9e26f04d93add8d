/* SPDX-License-Identifier: Apache-2.0 */
/* Redacted forms of texts, remembered: targets open the same paths again and again. */
#ifndef LOADER_STREAM_TEXTS_H
#define LOADER_STREAM_TEXTS_H

#include <stddef.h>

#include "loader/stream/redact.h"

struct texts;

struct texts *texts_new(void);
void texts_free(struct texts *texts);

/* The clean form, NUL-terminated, valid until the next call. */
const char *texts_clean(struct texts *texts, enum redact_kind kind, const void *bytes, size_t size,
	size_t *clean_size);

#endif
