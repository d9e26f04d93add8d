/* SPDX-License-Identifier: Apache-2.0 */
#include "loader/stream/texts.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/strtab.h"

/* What is remembered is forgotten at once when it reaches either. */
#define TEXTS_MAX 32768
#define TEXTS_BYTES_MAX (8u << 20)

struct texts {
	struct strtab *raw[REDACT_KINDS];
	struct strtab *clean;
	uint32_t *clean_of[REDACT_KINDS]; /* by the number in raw; TEXTS_MAX + 1 entries */
	uint32_t known;
	size_t bytes;
	struct buf scratch;
};

struct texts *texts_new(void)
{
	struct texts *texts = calloc(1, sizeof(*texts));
	int missing = 0;

	if (!texts)
		return NULL;
	texts->clean = strtab_new();
	for (int i = 0; i < REDACT_KINDS; i++) {
		texts->raw[i] = strtab_new();
		texts->clean_of[i] = calloc(TEXTS_MAX + 1, sizeof(**texts->clean_of));
		missing += !texts->raw[i] || !texts->clean_of[i];
	}
	if (!texts->clean || missing) {
		texts_free(texts);
		return NULL;
	}
	return texts;
}

void texts_free(struct texts *texts)
{
	if (!texts)
		return;
	for (int i = 0; i < REDACT_KINDS; i++) {
		strtab_free(texts->raw[i]);
		free(texts->clean_of[i]);
	}
	strtab_free(texts->clean);
	buf_free(&texts->scratch);
	free(texts);
}

static void forget(struct texts *texts)
{
	strtab_clear(texts->clean);
	for (int i = 0; i < REDACT_KINDS; i++)
		strtab_clear(texts->raw[i]);
	texts->known = 0;
	texts->bytes = 0;
}

const char *texts_clean(struct texts *texts, enum redact_kind kind, const void *bytes, size_t size,
	size_t *clean_size)
{
	struct strtab *raw = texts->raw[kind];
	uint32_t before, number, clean;

	if (texts->known >= TEXTS_MAX || texts->bytes >= TEXTS_BYTES_MAX)
		forget(texts);
	before = strtab_count(raw);
	number = strtab_add(raw, bytes, size);
	if (number >= before) {
		buf_clear(&texts->scratch);
		redact_text(kind, bytes, size, &texts->scratch);
		clean = strtab_add(texts->clean, texts->scratch.data, texts->scratch.size);
		texts->clean_of[kind][number] = clean;
		texts->known++;
		texts->bytes += size + texts->scratch.size;
	}
	/* Number 0: nothing was given, or memory is out and nothing is told. */
	clean = number ? texts->clean_of[kind][number] : 0;
	*clean_size = strtab_size(texts->clean, clean);
	return strtab_get(texts->clean, clean);
}
