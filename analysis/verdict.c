/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/verdict.h"

#include <string.h>

#include "lib/buf.h"
#include "lib/units.h"
#include "lib/words.h"

static int64_t per_mille(int64_t part, int64_t whole)
{
	return whole > 0 ? (int64_t)((double)part / (double)whole * 1000 + 0.5) : 0;
}

/* Its own code counts as an operation too. */
static void put_where(const struct analysis *analysis, struct buf *out)
{
	const struct units *units = analysis->units;
	const struct impact *first = analysis->impacts.count ? &analysis->impacts.list[0] : NULL;
	char share[UNITS_SIZE], total[UNITS_SIZE];

	if (first && first->path_ns >= units->operations[0].path_ns) {
		const struct graph_operation *operation =
			&analysis->graph->operations[first->operation];

		buf_printf(out, "where: %s", strtab_get(analysis->graph->texts, operation->name));
		if (operation->class)
			buf_printf(out, " [%s]", word_title("class", operation->class));
		buf_printf(out, ", %s",
			units_share(share, per_mille(first->path_ns, units->total_ns)));
	} else {
		buf_printf(out, "where: the program's own code, %s",
			units_share(
				share, per_mille(units->operations[0].path_ns, units->total_ns)));
	}
	buf_printf(out, " of the %s that %s took\n", units_duration(total, units->total_ns),
		units->are_requests ? "the requests" : "the program");
}

static void put_why(const struct analysis *analysis, struct buf *out)
{
	const struct units *units = analysis->units;
	unsigned before = 0;

	for (int i = 0; i < 3; i++) {
		unsigned best = 0;
		char share[UNITS_SIZE];

		for (unsigned j = 1; j < WAIT_CLASSES; j++) {
			bool is_next = !before || units->leaves[j] < units->leaves[before] ||
				(units->leaves[j] == units->leaves[before] && j > before);

			if (is_next && (!best || units->leaves[j] > units->leaves[best]))
				best = j;
		}
		if (!best || per_mille(units->leaves[best], units->total_ns) < 10)
			break;
		buf_printf(out, "%s%s %s", i ? ", " : "why: ", word_title("wait", best),
			units_share(share, per_mille(units->leaves[best], units->total_ns)));
		before = best;
	}
	buf_puts(out, before ? "\n" : "");
}

static void put_first(const struct analysis *analysis, struct buf *out)
{
	const struct finding *finding =
		analysis->findings.count ? analysis->findings.list[0] : NULL;
	const struct impact *first = analysis->impacts.count ? &analysis->impacts.list[0] : NULL;
	char saving[UNITS_SIZE], share[UNITS_SIZE];

	if (finding) {
		buf_printf(out, "change first: %s\n", finding->title);
		if (finding->advice && finding->advice->count)
			buf_printf(out, "by: %s\n", finding->advice->fixes[0]);
		if (finding->saving_ns > 0)
			buf_printf(out, "saves: about %s, %s\n",
				units_duration(saving, finding->saving_ns),
				units_share(share, (int64_t)(finding->share * 1000 + 0.5)));
		else
			buf_puts(out, "saves: not known in time\n");
	} else if (first && first->what_if[2].saving_ns > 0) {
		buf_printf(out,
			"change first: no detector has anything to say; %s twice as fast would save "
			"%s, %s\n",
			strtab_get(analysis->graph->texts,
				analysis->graph->operations[first->operation].name),
			units_duration(saving, first->what_if[2].saving_ns),
			units_share(share,
				per_mille(first->what_if[2].saving_ns, analysis->units->total_ns)));
	}
}

char *verdict_new(const struct analysis *analysis)
{
	struct buf out = {0};
	char *text;

	if (analysis->units->count && analysis->units->total_ns > 0) {
		put_where(analysis, &out);
		put_why(analysis, &out);
		put_first(analysis, &out);
	}
	text = out.failed ? NULL : strdup(buf_string(&out));
	buf_free(&out);
	return text;
}
