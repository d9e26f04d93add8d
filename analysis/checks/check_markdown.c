/* SPDX-License-Identifier: Apache-2.0 */
/* Findings as GitHub reads Markdown, short enough for a comment on a pull request. */
#include "analysis/checks/check.h"
#include "lib/markdown.h"
#include "lib/units.h"

/* A comment takes 65,536 characters. */
#define COMMENT_SIZE 60000

static void put_finding(struct check *check, const struct finding *finding)
{
	struct buf *out = &check->out.bytes;
	char saving[UNITS_SIZE], share[UNITS_SIZE];

	buf_printf(out, "| %s%s%s | ", check_fails(check, finding) ? "**" : "",
		severity_name(finding->severity), check_fails(check, finding) ? "**" : "");
	markdown_text(out, finding->title);
	if (finding->saving_ns > 0)
		buf_printf(out, " | %s (%s)", units_duration(saving, finding->saving_ns),
			units_share(share, (int64_t)(finding->share * 1000 + 0.5)));
	else
		buf_puts(out, " | not known");
	buf_puts(out, " | ");
	markdown_text(out, check_fix(finding));
	buf_printf(out, " | %c | `%s` |\n", finding->advice ? finding->advice->effort : 'M',
		finding->fingerprint);
}

static void markdown_run(struct check *check, const struct checked *checked)
{
	struct buf *out = &check->out.bytes;
	size_t begin = out->size;
	char space[UNITS_SIZE];

	buf_printf(
		out, "%s### ragtime: %u findings in ", check->runs > 1 ? "\n" : "", checked->count);
	markdown_text(out, checked->run->command ? checked->run->command : "a run");
	buf_printf(out, " (%s)\n\n",
		units_duration(space, checked->run->end_ns - checked->run->start_ns));
	if (checked->count)
		buf_puts(out,
			"| severity | what | saves | do | effort | fingerprint |\n"
			"| --- | --- | --- | --- | --- | --- |\n");
	for (uint32_t i = 0; i < checked->count; i++) {
		if (out->size - begin > COMMENT_SIZE) {
			buf_printf(out, "\n%u more are not shown here.\n", checked->count - i);
			break;
		}
		put_finding(check, checked->findings[i]);
	}
	if (checked->suppressed)
		buf_printf(out, "\n%u more are suppressed.\n", checked->suppressed);
}

const struct check_form check_markdown = {.name = "markdown", .run = markdown_run};
