/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/coldstart/stage_advice.h"

#include "lib/sample.h"

static const struct {
	enum stage stage;
	double percent;
	const char *text;
} table[] = {
#define ADVICE(stage, percent, text) {STAGE_##stage, percent, text},
#include "analysis/coldstart/stage_advice.def"
#undef ADVICE
};

#define RESTLESS 0.1
static const char restless[] =
	"The starts differ by more than a tenth: close what else runs here, or start it more often "
	"(-n 10); cold starts differ by the disk.";

static double mean(const struct series *series)
{
	return sample_of(series->values, series->count).mean;
}

struct stage_advice stage_advice(const struct result *result)
{
	double whole = mean(&result->wall_ns), means[STAGE_COUNT];
	struct stage_advice advice = {.count = 0};

	for (size_t i = 0; i < STAGE_COUNT; i++)
		means[i] = mean(&result->stages[i]);
	for (size_t turn = 0; turn < STAGE_COUNT; turn++) {
		size_t largest = 0;

		for (size_t i = 1; i < STAGE_COUNT; i++)
			largest = means[i] > means[largest] ? i : largest;
		for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
			if (table[i].stage == largest && advice.count < ADVICE_MAX &&
				means[largest] * 100 >= table[i].percent * whole)
				advice.texts[advice.count++] = table[i].text;
		}
		means[largest] = -1;
	}
	if (sample_of(result->wall_ns.values, result->wall_ns.count).stdev > RESTLESS * whole &&
		advice.count < ADVICE_MAX)
		advice.texts[advice.count++] = restless;
	return advice;
}
