/* SPDX-License-Identifier: Apache-2.0 */
/* Findings for a terminal, and with --explain the formulas with their numbers. */
#include <string.h>

#include "analysis/checks/check.h"
#include "lib/term.h"
#include "lib/units.h"
#include "lib/words.h"

static void put_saving(
	struct buf *out, const struct checked *checked, const struct finding *finding)
{
	const struct units *units = checked->analysis->units;
	char saving[UNITS_SIZE], each[UNITS_SIZE], share[UNITS_SIZE];

	if (finding->saving_ns <= 0) {
		buf_puts(out, "   saves: not known\n");
		return;
	}
	buf_printf(out, "   saves: %s, %s of the time that was waited for",
		units_duration(saving, finding->saving_ns),
		units_share(share, (int64_t)(finding->share * 1000 + 0.5)));
	if (units->are_requests && units->count > 1)
		buf_printf(out, ", %s a request",
			units_duration(each, finding->saving_ns / units->count));
	buf_puts(out, "\n");
}

static void put_evidence(struct buf *out, const struct graph *graph, const struct finding *finding)
{
	buf_puts(out, "   spans:");
	for (uint32_t i = 0; i < finding->count && i < 8; i++)
		buf_printf(out, " %lld", (long long)graph->nodes[finding->nodes[i]].id);
	if (finding->count > 8)
		buf_printf(out, " and %u more", finding->count - 8);
	buf_puts(out, "\n");
}

static void put_formulas(
	struct buf *out, const struct checked *checked, const struct finding *finding)
{
	const struct units *units = checked->analysis->units;
	char saving[UNITS_SIZE], total[UNITS_SIZE];

	buf_printf(out, "   saving: replay of %u %s with %u spans shortened = %s of %s\n",
		units->count, units->are_requests ? "requests" : "programs", finding->count,
		units_duration(saving, finding->saving_ns), units_duration(total, units->total_ns));
	buf_printf(out,
		"   impact: 100 * (0.6 * %.3f + 0.2 * min(1, %.3f / 0.05) * min(1, %u / %u / %d)) = "
		"%.1f\n",
		finding->share, finding->share, finding->count, units->count, IMPACT_RATE_REFERENCE,
		finding->impact);
	buf_printf(out, "   severity: %s; rank: confidence %d %% of the share that it saves\n",
		severity_name(finding->severity), finding->confidence);
}

static void put_finding(struct check *check, const struct checked *checked,
	const struct finding *finding, unsigned number)
{
	static const enum term_colour colours[] = {TERM_DIM, TERM_YELLOW, TERM_RED, TERM_RED};
	struct buf *out = &check->out.bytes;

	buf_printf(out, "\n%u. %s%s%s  %s\n", number, term_start(colours[finding->severity]),
		severity_name(finding->severity), term_end(), finding->title);
	if (finding->note)
		buf_printf(out, "   %s\n", finding->note);
	put_saving(out, checked, finding);
	buf_printf(out, "   do: %s  (effort %c, %s)\n", check_fix(finding),
		finding->advice ? finding->advice->effort : 'M',
		priority_timeline((enum priority)finding->severity));
	put_evidence(out, checked->analysis->graph, finding);
	buf_printf(out, "   rule %s, impact %.0f, confidence %d %%, fingerprint %s\n",
		finding->rule, finding->impact, finding->confidence, finding->fingerprint);
	if (check->explain)
		put_formulas(out, checked, finding);
}

/* How the scores of the operations come about. */
static void explain_operations(struct check *check, const struct checked *checked)
{
	const struct analysis *analysis = checked->analysis;
	struct buf *out = &check->out.bytes;
	char path[UNITS_SIZE], total[UNITS_SIZE];

	buf_puts(out,
		"\nImpact of operations: 100 * (0.6 * share + 0.2 * min(1, share / 0.05) * (min(1, "
		"rate / 10) + min(1, cv)))\n");
	for (uint32_t i = 0; i < analysis->impacts.count && i < 10; i++) {
		const struct impact *impact = &analysis->impacts.list[i];

		buf_printf(out,
			"  %s: share %s / %s = %.3f, rate %.2f a unit, cv %.2f -> %.1f (%s)\n",
			strtab_get(analysis->graph->texts,
				analysis->graph->operations[impact->operation].name),
			units_duration(path, impact->path_ns),
			units_duration(total, analysis->units->total_ns), impact->share,
			impact->rate, impact->variation, impact->score,
			priority_name(impact_priority(impact->score)));
	}
}

static void text_run(struct check *check, const struct checked *checked)
{
	struct buf *out = &check->out.bytes;
	char space[UNITS_SIZE];

	buf_printf(out, "%s%s%s  %s\n", term_start(TERM_BOLD),
		checked->run->script		? checked->run->script
			: checked->run->command ? checked->run->command
						: basename(checked->input),
		term_end(), units_duration(space, checked->run->end_ns - checked->run->start_ns));
	for (uint32_t i = 0; i < checked->count; i++)
		put_finding(check, checked, checked->findings[i], i + 1);
	if (check->explain)
		explain_operations(check, checked);
	buf_printf(out, "%s%u findings", checked->count ? "\n" : "", checked->count);
	if (checked->suppressed)
		buf_printf(out, ", %u more suppressed", checked->suppressed);
	buf_puts(out, "\n");
	output_flush(&check->out);
}

const struct check_form check_text = {.name = "text", .run = text_run};
