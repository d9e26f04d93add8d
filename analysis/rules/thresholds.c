/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/rules/thresholds.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/rules/findings.h"
#include "lib/settings.h"
#include "lib/embedded.h"

#define SHIPPED "data/thresholds.yaml"
#define NAME_SIZE 48

struct threshold {
	char rule[NAME_SIZE], key[NAME_SIZE];
	double value;
};

struct thresholds {
	struct threshold *list;
	size_t count;
	bool is_shipped; /* being read: what it names becomes known */
};

static struct threshold *find(
	const struct thresholds *thresholds, const char *rule, const char *key)
{
	for (size_t i = 0; i < thresholds->count; i++) {
		if (!strcmp(thresholds->list[i].rule, rule) &&
			!strcmp(thresholds->list[i].key, key))
			return &thresholds->list[i];
	}
	return NULL;
}

static struct threshold *add(struct thresholds *thresholds, const char *rule, const char *key)
{
	struct threshold *list = realloc(thresholds->list, (thresholds->count + 1) * sizeof(*list));

	if (!list)
		return NULL;
	thresholds->list = list;
	list += thresholds->count++;
	snprintf(list->rule, sizeof(list->rule), "%s", rule);
	snprintf(list->key, sizeof(list->key), "%s", key);
	return list;
}

static bool read_number(const char *text, double *number)
{
	char *end;

	if (!strcmp(text, "yes") || !strcmp(text, "no")) {
		*number = *text == 'y';
		return true;
	}
	*number = strtod(text, &end);
	return end != text && !*end && isfinite(*number) && *number >= 0;
}

static const char *take(
	void *context, const char *rule, const char *key, const char *value, size_t line)
{
	struct thresholds *thresholds = context;
	struct threshold *threshold = find(thresholds, rule, key);
	double number;

	(void)line;
	if (!threshold && !thresholds->is_shipped &&
		(strcmp(key, "enabled") != 0 || !rule_known(rule)))
		return "no detector has this threshold; data/thresholds.yaml names all, and so "
		       "does 'ragtime check --thresholds'";
	if (!read_number(value, &number))
		return "not a number of 0 or more; give one";
	if (!threshold)
		threshold = add(thresholds, rule, key);
	if (!threshold)
		return "out of memory";
	threshold->value = number;
	return NULL;
}

struct thresholds *thresholds_new(char *error, size_t error_size)
{
	const struct embedded *shipped = embedded_find(SHIPPED);
	struct thresholds *thresholds = calloc(1, sizeof(*thresholds));

	if (!thresholds) {
		snprintf(error, error_size, "out of memory");
		return NULL;
	}
	thresholds->is_shipped = true;
	if (settings_read(
		    SHIPPED, shipped->text, shipped->size, take, thresholds, error, error_size))
		goto fail;
	thresholds->is_shipped = false;
	if (settings_read_user(
		    "RAGTIME_THRESHOLDS", "thresholds.yaml", take, thresholds, error, error_size))
		goto fail;
	return thresholds;
fail:
	thresholds_free(thresholds);
	return NULL;
}

void thresholds_free(struct thresholds *thresholds)
{
	if (!thresholds)
		return;
	free(thresholds->list);
	free(thresholds);
}

bool thresholds_set(
	struct thresholds *thresholds, const char *setting, char *error, size_t error_size)
{
	const char *dot = strchr(setting, '.'), *equals = strchr(setting, '=');
	char rule[NAME_SIZE], key[NAME_SIZE];
	const char *problem;

	if (!dot || !equals || dot > equals) {
		snprintf(error, error_size, "'%s' is not RULE.NAME=NUMBER", setting);
		return false;
	}
	snprintf(rule, sizeof(rule), "%.*s", (int)(dot - setting), setting);
	snprintf(key, sizeof(key), "%.*s", (int)(equals - dot - 1), dot + 1);
	problem = take(thresholds, rule, key, equals + 1, 0);
	if (problem)
		snprintf(error, error_size, "%s: %s", setting, problem);
	return !problem;
}

double thresholds_get(const struct thresholds *thresholds, const char *rule, const char *key)
{
	const struct threshold *threshold = find(thresholds, rule, key);

	return threshold ? threshold->value : 0;
}

bool thresholds_enabled(const struct thresholds *thresholds, const char *rule)
{
	const struct threshold *threshold = find(thresholds, rule, "enabled");

	return !threshold || threshold->value > 0;
}
