/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/rules/suppressions.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLANK " \t\r\n"

/* NULL, or what is wrong with the line. */
static const char *read_line(struct suppressions *suppressions, char *line, size_t number)
{
	char *name, *rest;
	struct suppression *list;
	bool is_rule;

	line[strcspn(line, "#")] = 0;
	name = strtok_r(line, BLANK, &rest);
	if (!name)
		return NULL;
	is_rule = !strcmp(name, "rule");
	if (is_rule)
		name = strtok_r(NULL, BLANK, &rest);
	if (is_rule && (!name || !rule_known(name)))
		return "no detector has this name; 'ragtime check --rules' lists them";
	if (!is_rule && (strlen(name) != 16 || strspn(name, "0123456789abcdef") != 16))
		return "neither a fingerprint of 16 hex digits nor 'rule NAME'";
	list = realloc(suppressions->list, (suppressions->count + 1) * sizeof(*list));
	if (!list)
		return "out of memory";
	suppressions->list = list;
	list += suppressions->count++;
	*list = (struct suppression){.is_rule = is_rule, .line = number};
	snprintf(list->name, sizeof(list->name), "%s", name);
	return NULL;
}

int suppressions_read(
	struct suppressions *suppressions, const char *path, char *error, size_t error_size)
{
	FILE *file = fopen(path, "re");
	const char *problem = NULL;
	char line[1024];
	size_t number = 0;

	if (!file) {
		snprintf(error, error_size, "cannot read %s: %s", path, strerror(errno));
		return -1;
	}
	while (!problem && fgets(line, sizeof(line), file))
		problem = read_line(suppressions, line, ++number);
	fclose(file);
	if (problem)
		snprintf(error, error_size, "%s:%zu: %s", path, number, problem);
	return problem ? -1 : 0;
}

void suppressions_free(struct suppressions *suppressions)
{
	free(suppressions->list);
	*suppressions = (struct suppressions){0};
}

bool suppressions_hold(struct suppressions *suppressions, const struct finding *finding)
{
	for (size_t i = 0; i < suppressions->count; i++) {
		struct suppression *item = &suppressions->list[i];

		if (strcmp(item->name, item->is_rule ? finding->rule : finding->fingerprint) != 0)
			continue;
		item->is_used = true;
		return true;
	}
	return false;
}
