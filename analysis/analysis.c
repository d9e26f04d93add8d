/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/analysis.h"

#include <stdlib.h>

#include "analysis/path/settle.h"

struct analysis *analysis_new(struct model *model, const struct run *run)
{
	struct analysis *analysis = calloc(1, sizeof(*analysis));

	if (!analysis)
		return NULL;
	analysis->graph = graph_new(model, run);
	if (analysis->graph && !settle(analysis->graph))
		analysis->units = units_new(analysis->graph);
	if (analysis->units)
		analysis->replay = replay_new(analysis->units);
	if (!analysis->replay ||
		impacts_find(
			analysis->units, analysis->replay, ANALYSIS_WHAT_IF, &analysis->impacts)) {
		analysis_free(analysis);
		return NULL;
	}
	return analysis;
}

void analysis_free(struct analysis *analysis)
{
	if (!analysis)
		return;
	impacts_free(&analysis->impacts);
	replay_free(analysis->replay);
	units_free(analysis->units);
	graph_free(analysis->graph);
	free(analysis);
}
