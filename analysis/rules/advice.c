/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/rules/advice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/settings.h"
#include "lib/embedded.h"

#define SHIPPED "data/suggestions.yaml"

static struct advice *find(const struct advices *advices, const char *name)
{
	for (size_t i = 0; i < advices->count; i++) {
		if (!strcmp(advices->list[i].name, name))
			return &advices->list[i];
	}
	return NULL;
}

static struct advice *add(struct advices *advices, const char *name)
{
	struct advice *list = realloc(advices->list, (advices->count + 1) * sizeof(*list));

	if (!list)
		return NULL;
	advices->list = list;
	list += advices->count;
	*list = (struct advice){.name = strdup(name), .effort = 'M'};
	if (!list->name)
		return NULL;
	advices->count++;
	return list;
}

static const char *take(
	void *context, const char *name, const char *key, const char *value, size_t line)
{
	struct advices *advices = context;
	struct advice *advice = find(advices, name);
	char **fixes;

	(void)line;
	if (!advice)
		advice = add(advices, name);
	if (!advice)
		return "out of memory";
	if (!strcmp(key, "effort")) {
		if (strlen(value) != 1 || !strchr("SML", *value))
			return "effort is S, M or L";
		advice->effort = *value;
		return NULL;
	}
	if (strcmp(key, "do") != 0)
		return "known are 'do' and 'effort'";
	fixes = realloc(advice->fixes, (advice->count + 1) * sizeof(*fixes));
	if (!fixes)
		return "out of memory";
	advice->fixes = fixes;
	fixes[advice->count] = strdup(value);
	return fixes[advice->count] ? (advice->count++, NULL) : "out of memory";
}

struct advices *advices_new(char *error, size_t error_size)
{
	const struct embedded *shipped = embedded_find(SHIPPED);
	struct advices *advices = calloc(1, sizeof(*advices));

	if (!advices) {
		snprintf(error, error_size, "out of memory");
		return NULL;
	}
	if (settings_read_user(
		    "RAGTIME_SUGGESTIONS", "suggestions.yaml", take, advices, error, error_size) ||
		settings_read(
			SHIPPED, shipped->text, shipped->size, take, advices, error, error_size)) {
		advices_free(advices);
		return NULL;
	}
	return advices;
}

void advices_free(struct advices *advices)
{
	if (!advices)
		return;
	for (size_t i = 0; i < advices->count; i++) {
		for (size_t j = 0; j < advices->list[i].count; j++)
			free(advices->list[i].fixes[j]);
		free(advices->list[i].fixes);
		free(advices->list[i].name);
	}
	free(advices->list);
	free(advices);
}

const struct advice *advice_for(const struct advices *advices, const char *name)
{
	return find(advices, name);
}
