/* SPDX-License-Identifier: Apache-2.0 */
/* The words of wire/vocabulary.def and wire/event.def by number, and back. */
#ifndef LIB_WORDS_H
#define LIB_WORDS_H

#include <stdint.h>

#include "wire/event.h"

/* Of a known event kind below RT_KIND_FUNCTION; NULL for others. */
struct event_info {
	const char *name;
	uint16_t family;
	uint8_t wait;
	uint8_t arg;
};
const struct event_info *event_info(uint32_t kind);

/* A list is one of: family wait arg kind evidence class object loss. */
struct word {
	const char *list;
	uint32_t number;
	const char *name;
	const char *title;
	uint32_t extra; /* evidence: percent */
};
/* Ends with an entry whose list is NULL. */
extern const struct word words[];

/* The name; "?" for a number that is not in the list. */
const char *word_name(const char *list, uint32_t number);
const char *word_title(const char *list, uint32_t number);

#endif
