/* SPDX-License-Identifier: Apache-2.0 */
/* The words of the product, as tables. */
#include "lib/words.h"

#include <stddef.h>
#include <string.h>

static const struct event_info events[] = {
#define EVENT(number, name, family, wait, arg) \
	[number] = {#name, RT_FAMILY_##family, RT_WAIT_##wait, RT_ARG_##arg},
#include "wire/event.def"
#undef EVENT
};

const struct event_info *event_info(uint32_t kind)
{
	if (kind >= sizeof(events) / sizeof(*events) || !events[kind].name)
		return NULL;
	return &events[kind];
}

const struct word words[] = {
#define FAMILY(number, name, title) {"family", number, #name, title, 0},
#define WAIT(number, name, title) {"wait", number, #name, title, 0},
#define ARG(number, name) {"arg", number, #name, "", 0},
#define SPAN_KIND(number, name) {"kind", number, #name, "", 0},
#define EVIDENCE(number, name, percent) {"evidence", number, #name, "", percent},
#define CLASS(number, name, title) {"class", number, #name, title, 0},
#define OBJECT(number, name, title) {"object", number, #name, title, 0},
#define LOSS(number, name, title) {"loss", number, #name, title, 0},
#include "wire/vocabulary.def"
	{NULL, 0, NULL, NULL, 0},
};

static const struct word *find(const char *list, uint32_t number)
{
	for (const struct word *word = words; word->list; word++) {
		if (word->number == number && !strcmp(word->list, list))
			return word;
	}
	return NULL;
}

const char *word_name(const char *list, uint32_t number)
{
	const struct word *word = find(list, number);

	return word ? word->name : "?";
}

const char *word_title(const char *list, uint32_t number)
{
	const struct word *word = find(list, number);

	return word ? word->title : "?";
}
