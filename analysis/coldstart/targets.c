/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/coldstart/targets.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/sample.h"
#include "lib/units.h"

enum unit { DURATION, BYTES };

static const struct {
	const char *name, *title;
	enum unit unit;
	double limit;
} table[] = {
#define TARGET(name, title, unit, limit) {#name, title, unit, limit},
#include "analysis/coldstart/targets.def"
#undef TARGET
};

void targets_default(struct targets *targets)
{
	*targets = (struct targets){0};
	for (size_t i = 0; i < TARGET_COUNT; i++)
		targets->limit[i] = table[i].limit;
}

static bool parse_bytes(const char *text, double *bytes)
{
	static const struct {
		const char *name;
		double bytes;
	} units[] = {{"B", 1}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"KiB", 1024},
		{"MiB", 1048576}, {"GiB", 1073741824}};
	char *end;
	double value = strtod(text, &end);

	end += strspn(end, " ");
	for (size_t i = 0; i < sizeof(units) / sizeof(*units) && end != text; i++) {
		if (!strcmp(end, units[i].name)) {
			*bytes = value * units[i].bytes;
			return value > 0 && isfinite(*bytes);
		}
	}
	return false;
}

/* "5 s" as units_parse_duration reads it: without the space. */
static bool parse_duration(const char *text, double *ns)
{
	char packed[64];
	size_t size = 0;
	int64_t value;

	for (; *text && size < sizeof(packed) - 1; text++) {
		if (*text != ' ')
			packed[size++] = *text;
	}
	packed[size] = '\0';
	if (!size || isdigit((unsigned char)packed[size - 1]) ||
		units_parse_duration(packed, 1, &value) || value <= 0)
		return false;
	*ns = (double)value;
	return true;
}

/* NULL, or what is wrong with the line. */
static const char *read_line(struct targets *targets, char *line)
{
	char *colon, *value;
	size_t size;

	line[strcspn(line, "#\r\n")] = '\0';
	line += strspn(line, " \t");
	size = strlen(line);
	while (size && isspace((unsigned char)line[size - 1]))
		line[--size] = '\0';
	if (!*line)
		return NULL;
	colon = strchr(line, ':');
	if (!colon)
		return "a line is 'name: value', as in 'total: 5 s'";
	*colon = '\0';
	value = colon + 1 + strspn(colon + 1, " \t");
	for (size_t i = 0; i < TARGET_COUNT; i++) {
		if (strcmp(table[i].name, line) != 0)
			continue;
		if (table[i].unit == BYTES)
			return parse_bytes(value, &targets->limit[i])
				? NULL
				: "the value is a size, as in '500 MB'";
		return parse_duration(value, &targets->limit[i])
			? NULL
			: "the value is a time, as in '5 s' or '200 ms'";
	}
	return "the names are total, import, model_init, first_encode and memory";
}

bool targets_read(struct targets *targets, const char *path)
{
	FILE *file = fopen(path, "re");
	const char *fault = NULL;
	char line[512];
	int number = 0;

	if (!file) {
		log_error("cannot read the targets in %s: %s", path, strerror(errno));
		return false;
	}
	targets->named = true;
	while (!fault && fgets(line, sizeof(line), file)) {
		number++;
		fault = read_line(targets, line);
	}
	fclose(file);
	if (fault)
		log_error("%s:%d: %s", path, number, fault);
	return !fault;
}

/* What the target is about, run by run. The caller frees the values. */
static struct series figures(const struct result *result, enum target target)
{
	static const enum stage init[] = {
		STAGE_weights, STAGE_tokenizer, STAGE_device, STAGE_compile};
	struct series figures = {0};

	for (size_t run = 0; run < result->wall_ns.count; run++) {
		double sum = 0;

		switch (target) {
		case TARGET_total:
			sum = result->wall_ns.values[run];
			break;
		case TARGET_import:
			sum = result->stages[STAGE_imports].values[run];
			break;
		case TARGET_model_init:
			for (size_t i = 0; i < sizeof(init) / sizeof(*init); i++)
				sum += result->stages[init[i]].values[run];
			break;
		case TARGET_first_encode:
			sum = result->stages[STAGE_inference].values[run];
			break;
		default:
			sum = result->memory_bytes.values[run];
			break;
		}
		if (isfinite(sum))
			series_add(&figures, sum);
	}
	return figures;
}

struct target_line target_judge(
	const struct targets *targets, enum target target, const struct result *result)
{
	struct series series = figures(result, target);
	struct target_line line = {
		.name = table[target].name,
		.title = table[target].title,
		.is_bytes = table[target].unit == BYTES,
		.limit = targets->limit[target],
		.mean = sample_of(series.values, series.count).mean,
		.bound = sample_mean_bound(series.values, series.count),
	};

	if (!(line.mean > 0)) /* it has no such stage, or nothing shows it */
		line = (struct target_line){
			line.name, line.title, line.is_bytes, line.limit, NAN, NAN, TARGET_UNKNOWN};
	else if (line.mean > line.limit)
		line.outcome = TARGET_MISSED;
	else
		line.outcome = line.bound <= line.limit ? TARGET_MET : TARGET_UNSURE;
	free(series.values);
	return line;
}

const char *target_outcome_name(enum target_outcome outcome)
{
	static const char *const names[] = {"met", "missed", "unsure", "unknown"};

	return names[outcome];
}
