/* SPDX-License-Identifier: Apache-2.0 */
/* JUnit XML: one case a detector, failed where it found something at or above the limit. */
#include <string.h>

#include "analysis/checks/check.h"
#include "lib/markup.h"
#include "lib/units.h"

static void junit_begin(struct check *check)
{
	buf_puts(&check->out.bytes, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
}

static bool has_failure(const struct check *check, const struct checked *checked, const char *rule)
{
	for (uint32_t i = 0; i < checked->count; i++) {
		if (!strcmp(checked->findings[i]->rule, rule) &&
			check_fails(check, checked->findings[i]))
			return true;
	}
	return false;
}

static void put_case(struct check *check, const struct checked *checked, const char *rule)
{
	struct buf *out = &check->out.bytes;
	char saving[UNITS_SIZE];

	buf_printf(out, "    <testcase classname=\"ragtime\" name=\"%s\"", rule);
	if (!has_failure(check, checked, rule)) {
		buf_puts(out, "/>\n");
		return;
	}
	buf_puts(out, ">\n");
	for (uint32_t i = 0; i < checked->count; i++) {
		const struct finding *finding = checked->findings[i];

		if (strcmp(finding->rule, rule) != 0 || !check_fails(check, finding))
			continue;
		buf_printf(out, "      <failure type=\"%s\" message=\"",
			severity_name(finding->severity));
		markup_text(out, finding->title);
		buf_printf(out, "\">saves %s; ",
			finding->saving_ns > 0 ? units_duration(saving, finding->saving_ns)
					       : "an unknown time");
		markup_text(out, check_fix(finding));
		buf_printf(out, "; fingerprint %s</failure>\n", finding->fingerprint);
	}
	buf_puts(out, "    </testcase>\n");
}

static void junit_run(struct check *check, const struct checked *checked)
{
	struct buf *out = &check->out.bytes;
	unsigned failures = 0, tests = 0;

	for (; rule_name_at(tests); tests++)
		failures += has_failure(check, checked, rule_name_at(tests));
	buf_puts(out, "  <testsuite name=\"ragtime ");
	markup_text(out, checked->run->command ? checked->run->command : "run");
	buf_printf(out, "\" tests=\"%u\" failures=\"%u\" errors=\"0\">\n", tests, failures);
	for (unsigned i = 0; i < tests; i++)
		put_case(check, checked, rule_name_at(i));
	buf_puts(out, "  </testsuite>\n");
	output_flush(&check->out);
}

static void junit_end(struct check *check)
{
	buf_puts(&check->out.bytes, "</testsuites>\n");
}

const struct check_form check_junit = {
	.name = "junit", .begin = junit_begin, .run = junit_run, .end = junit_end};
