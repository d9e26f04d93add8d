/* SPDX-License-Identifier: Apache-2.0 */
/* What the detectors found, the worst first, with what it would save and how. */
#include <errno.h>
#include <stdio.h>

#include "analysis/analysis.h"
#include "analysis/report.h"
#include "lib/units.h"

static const struct table_column columns[] = {
	{"severity", "severity", TABLE_TEXT},
	{"title", "what", TABLE_TEXT},
	{"saving_ns", "saves", TABLE_DURATION},
	{"saving_share", "of all", TABLE_SHARE},
	{"confidence", "sure by %", TABLE_NUMBER},
	{"effort", "effort", TABLE_TEXT},
	{"impact", NULL, TABLE_NUMBER},
	{"rule", "rule", TABLE_TEXT},
	{"fix", NULL, TABLE_TEXT},
	{"fingerprint", NULL, TABLE_TEXT},
	{0},
};

enum { SEVERITY, TITLE, SAVING, SHARE, CONFIDENCE, EFFORT, IMPACT, RULE, FIX, FINGERPRINT };

/* So many are explained below the table. */
#define EXPLAINED 3

static void add(struct table *table, const struct finding *finding)
{
	char effort[2] = {finding->advice ? finding->advice->effort : 'M', 0};

	table_row(table);
	table_set_text(table, SEVERITY, severity_name(finding->severity));
	table_set_text(table, TITLE, finding->title);
	if (finding->saving_ns > 0) {
		table_set(table, SAVING, finding->saving_ns);
		table_set(table, SHARE, (int64_t)(finding->share * 1000 + 0.5));
	}
	table_set(table, CONFIDENCE, finding->confidence);
	table_set_text(table, EFFORT, effort);
	table_set(table, IMPACT, (int64_t)(finding->impact + 0.5));
	table_set_text(table, RULE, finding->rule);
	if (finding->advice && finding->advice->count)
		table_set_text(table, FIX, finding->advice->fixes[0]);
	table_set_text(table, FINGERPRINT, finding->fingerprint);
}

static void explain(struct section *section, const struct finding *finding, unsigned number)
{
	char saving[UNITS_SIZE], share[UNITS_SIZE];

	buf_printf(&section->notes, "%u. %s.", number, finding->title);
	if (finding->note)
		buf_printf(&section->notes, " %s.", finding->note);
	if (finding->saving_ns > 0)
		buf_printf(&section->notes, " Saves about %s (%s).",
			units_duration(saving, finding->saving_ns),
			units_share(share, (int64_t)(finding->share * 1000 + 0.5)));
	buf_puts(&section->notes, "\n");
	if (finding->advice && finding->advice->count)
		buf_printf(&section->notes, "   %s.\n", finding->advice->fixes[0]);
}

int section_findings(const struct section_context *context, struct section *section)
{
	const struct findings *findings = &context->analysis->findings;

	section->table = table_new(columns);
	if (!section->table)
		return -ENOMEM;
	for (uint32_t i = 0; i < findings->count; i++)
		add(section->table, findings->list[i]);
	for (uint32_t i = 0; i < findings->count && i < EXPLAINED; i++)
		explain(section, findings->list[i], i + 1);
	return 0;
}
