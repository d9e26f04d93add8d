/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as people read and write them. */
#include "lib/units.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND INT64_C(1000000000)

/* Three significant digits: 1.23, 12.3, 123. */
static const char *scaled(char *out, double value, const char *unit)
{
	int digits = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;

	snprintf(out, UNITS_SIZE, "%.*f %s", digits, value, unit);
	return out;
}

const char *units_duration(char *out, int64_t ns)
{
	double value = (double)ns;
	int64_t seconds = ns / SECOND;

	if (ns < 1000)
		snprintf(out, UNITS_SIZE, "%" PRId64 " ns", ns);
	else if (value < 999.5e3)
		return scaled(out, value / 1e3, "us");
	else if (value < 999.5e6)
		return scaled(out, value / 1e6, "ms");
	else if (seconds < 600)
		return scaled(out, value / 1e9, "s");
	else if (seconds < 7200)
		snprintf(out, UNITS_SIZE, "%" PRId64 "m%02" PRId64 "s", seconds / 60, seconds % 60);
	else
		snprintf(out, UNITS_SIZE, "%" PRId64 "h%02" PRId64 "m", seconds / 3600,
			seconds / 60 % 60);
	return out;
}

const char *units_count(char *out, int64_t count)
{
	char digits[24];
	size_t length = (size_t)snprintf(digits, sizeof(digits), "%" PRId64, count);
	size_t from = digits[0] == '-';
	char *at = out;

	for (size_t i = 0; i < length; i++) {
		if (i > from && (length - i) % 3 == 0)
			*at++ = ',';
		*at++ = digits[i];
	}
	*at = '\0';
	return out;
}

const char *units_bytes(char *out, int64_t bytes)
{
	static const char *const names[] = {"KiB", "MiB", "GiB", "TiB", "PiB"};
	double value = (double)bytes / 1024;
	size_t unit = 0;

	if (bytes < 1024) {
		snprintf(out, UNITS_SIZE, "%" PRId64 " B", bytes);
		return out;
	}
	while (value >= 999.5 && unit + 1 < sizeof(names) / sizeof(*names)) {
		value /= 1024;
		unit++;
	}
	return scaled(out, value, names[unit]);
}

const char *units_share(char *out, int64_t per_mille)
{
	snprintf(out, UNITS_SIZE, "%.1f %%", (double)per_mille / 10);
	return out;
}

const char *units_time(char *out, int64_t epoch_ns)
{
	time_t seconds = (time_t)(epoch_ns / SECOND);
	struct tm when;
	size_t used = 0;

	if (gmtime_r(&seconds, &when))
		used = strftime(out, UNITS_SIZE, "%Y-%m-%d %H:%M:%S", &when);
	snprintf(out + used, UNITS_SIZE - used, ".%03d UTC", (int)((epoch_ns % SECOND) / 1000000));
	return out;
}

int units_parse_duration(const char *text, int64_t default_unit, int64_t *ns)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"min", 60e9},
		{"h", 3600e9}, {"d", 86400e9}};
	double scale = (double)default_unit;
	char *end;
	double value = strtod(text, &end);

	if (end == text || !isfinite(value) || value < 0)
		return -EINVAL;
	if (*end) {
		scale = 0;
		for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
			if (!strcmp(end, units[i].name))
				scale = units[i].ns;
		}
	}
	if (scale == 0 || value * scale > 9e18)
		return -EINVAL;
	*ns = (int64_t)(value * scale);
	return 0;
}
