/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/analysis.h"

#include <stdlib.h>

#include "analysis/path/settle.h"

int analysis_settings_load(struct analysis_settings *settings, char *error, size_t error_size)
{
	settings->thresholds = thresholds_new(error, error_size);
	settings->advices = settings->thresholds ? advices_new(error, error_size) : NULL;
	if (settings->advices)
		return 0;
	analysis_settings_free(settings);
	return -1;
}

void analysis_settings_free(struct analysis_settings *settings)
{
	thresholds_free(settings->thresholds);
	advices_free(settings->advices);
	*settings = (struct analysis_settings){0};
}

struct analysis *analysis_new(
	struct model *model, const struct run *run, const struct analysis_settings *settings)
{
	struct analysis *analysis = calloc(1, sizeof(*analysis));

	if (!analysis)
		return NULL;
	analysis->settings = settings;
	analysis->graph = graph_new(model, run);
	if (analysis->graph && !settle(analysis->graph))
		analysis->units = units_new(analysis->graph);
	if (analysis->units)
		analysis->replay = replay_new(analysis->units);
	if (!analysis->replay ||
		impacts_find(
			analysis->units, analysis->replay, ANALYSIS_WHAT_IF, &analysis->impacts) ||
		findings_find(analysis->units, analysis->replay, settings->thresholds,
			settings->advices, &analysis->findings)) {
		analysis_free(analysis);
		return NULL;
	}
	return analysis;
}

void analysis_free(struct analysis *analysis)
{
	if (!analysis)
		return;
	findings_free(&analysis->findings);
	impacts_free(&analysis->impacts);
	replay_free(analysis->replay);
	units_free(analysis->units);
	graph_free(analysis->graph);
	free(analysis);
}
