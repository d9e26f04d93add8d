/* SPDX-License-Identifier: Apache-2.0 */
/* Stages tile a start exactly; comparisons say regressed, improved, same and unsure where they
 * should. */
#include "tests/unit/unit.h"

#include <math.h>
#include <stdlib.h>

#include "analysis/coldstart/compare.h"
#include "analysis/coldstart/ready.h"
#include "analysis/coldstart/targets.h"

static int64_t sum(const int64_t ns[STAGE_COUNT])
{
	int64_t all = 0;

	for (int i = 0; i < STAGE_COUNT; i++)
		all += ns[i];
	return all;
}

TEST(innermost_decides)
{
	struct stretch stretches[] = {
		{0, 100, STAGE_exec, UNDERLYING},
		{100, 1000, STAGE_imports, ON_PATH},
		{200, 500, STAGE_weights, ON_PATH},
		{300, 350, STAGE_tokenizer, ON_PATH},
	};
	int64_t ns[STAGE_COUNT] = {0};

	CHECK_EQ(stages_tile(stretches, 4, 0, 1200, ns, NULL), 0);
	CHECK_EQ(ns[STAGE_exec], 100);
	CHECK_EQ(ns[STAGE_imports], 600);
	CHECK_EQ(ns[STAGE_weights], 250);
	CHECK_EQ(ns[STAGE_tokenizer], 50);
	CHECK_EQ(ns[STAGE_other], 200);
}

TEST(a_wait_that_no_call_shows)
{
	struct stretch stretches[] = {
		{0, 1000, STAGE_COUNT, UNDERLYING},
		{100, 200, STAGE_weights, BESIDE},
		{150, 300, STAGE_imports, ON_PATH},
	};
	int64_t ns[STAGE_COUNT] = {0};

	CHECK_EQ(stages_tile(stretches, 3, 0, 1000, ns, NULL), 0);
	CHECK_EQ(ns[STAGE_weights], 50);
	CHECK_EQ(ns[STAGE_imports], 150);
	CHECK_EQ(ns[STAGE_other], 800);
}

TEST(pieces_follow_each_other)
{
	struct stretch stretches[] = {
		{0, 1000, STAGE_imports, ON_PATH},
		{100, 101, STAGE_weights, ON_PATH},
		{300, 400, STAGE_weights, ON_PATH},
		{401, 402, STAGE_tokenizer, ON_PATH},
	};
	int64_t ns[STAGE_COUNT] = {0};
	struct pieces pieces = {0};

	CHECK_EQ(stages_tile(stretches, 4, 0, 1000, ns, &pieces), 0);
	CHECK_EQ(pieces.count, 7);
	pieces_coarsen(&pieces, 10);
	CHECK_EQ(pieces.count, 3);
	CHECK_EQ(pieces.list[1].stage, STAGE_weights);
	CHECK_EQ(pieces.list[1].start_ns, 300);
	CHECK_EQ(pieces.list[1].end_ns, 402);
	CHECK_EQ(pieces.list[2].end_ns, 1000);
	free(pieces.list);
}

TEST(others_count_only_while_the_path_waits)
{
	struct stretch stretches[] = {
		{0, 100, STAGE_COUNT, ON_PATH},
		{50, 300, STAGE_weights, BESIDE},
		{200, 250, STAGE_imports, ON_PATH},
		{400, 500, STAGE_COUNT, ON_PATH},
		{400, 450, STAGE_compile, ELSEWHERE},
	};
	int64_t ns[STAGE_COUNT] = {0};

	CHECK_EQ(stages_tile(stretches, 5, 0, 600, ns, NULL), 0);
	CHECK_EQ(ns[STAGE_weights], 50);
	CHECK_EQ(ns[STAGE_imports], 50);
	CHECK_EQ(ns[STAGE_compile], 50);
	CHECK_EQ(ns[STAGE_other], 450);
}

static unsigned next_random(unsigned *seed)
{
	*seed = *seed * 1103515245 + 12345;
	return *seed >> 16;
}

TEST(any_stretches_tile_exactly)
{
	struct stretch stretches[60];
	unsigned seed = 7;

	for (int round = 0; round < 10000; round++) {
		size_t count = next_random(&seed) % 60;
		int64_t ns[STAGE_COUNT] = {0};

		for (size_t i = 0; i < count; i++) {
			int64_t start = next_random(&seed) % 1200 - 100;

			stretches[i] = (struct stretch){start, start + next_random(&seed) % 400,
				next_random(&seed) % (STAGE_COUNT + 1), next_random(&seed) % 4};
		}
		CHECK_EQ(stages_tile(stretches, count, 0, 1000, ns, NULL), 0);
		CHECK_EQ(sum(ns), 1000);
	}
}

TEST(signs_of_stages)
{
	CHECK_EQ(stage_of_file("/models/a/model.safetensors"), STAGE_weights);
	CHECK_EQ(stage_of_file("/models/a/tokenizer.json"), STAGE_tokenizer);
	CHECK_EQ(stage_of_file("/etc/hosts"), STAGE_COUNT);
	CHECK_EQ(stage_of_file(NULL), STAGE_COUNT);
	CHECK_EQ(stage_of_call("transformers.models.auto.tokenization_auto.AutoTokenizer."
			       "from_pretrained"),
		STAGE_tokenizer);
	CHECK_EQ(stage_of_call("transformers.modeling_utils.PreTrainedModel.from_pretrained"),
		STAGE_weights);
	CHECK_EQ(stage_of_program("/usr/lib/gcc/x86_64-linux-gnu/12/cc1plus"), STAGE_compile);
}

static void fill(struct result *result, const double *values, size_t count, double factor)
{
	*result = (struct result){0};
	for (size_t i = 0; i < count; i++) {
		series_add(&result->wall_ns, values[i] * factor);
		series_add(&result->stages[STAGE_imports], values[i] * factor / 2);
		series_add(&result->memory_bytes, 1e8);
	}
}

static enum change verdict_of(double factor, size_t count)
{
	static const double values[] = {1000e6, 1010e6, 990e6, 1020e6, 1005e6, 1015e6, 995e6};
	struct result before, after;
	struct comparison comparison;

	fill(&before, values, count, 1);
	fill(&after, values, count, factor);
	compare_results(&before, &after, 1.2, &comparison);
	result_free(&before);
	result_free(&after);
	return comparison.verdict;
}

TEST(comparisons)
{
	CHECK_EQ(verdict_of(1, 5), CHANGE_NONE);
	CHECK_EQ(verdict_of(1.5, 5), CHANGE_BLOCKED);
	CHECK_EQ(verdict_of(1.5, 7), CHANGE_BLOCKED);
	CHECK_EQ(verdict_of(1.1, 5), CHANGE_REGRESSED);
	CHECK_EQ(verdict_of(0.5, 5), CHANGE_IMPROVED);
	CHECK_EQ(verdict_of(1.5, 2), CHANGE_INCONCLUSIVE);
}

TEST(targets_use_the_bound)
{
	struct result result = {0};
	struct targets targets;

	targets_default(&targets);
	targets.limit[TARGET_total] = 1.1e9;
	series_add(&result.wall_ns, 1.0e9);
	series_add(&result.memory_bytes, NAN);
	for (int i = 0; i < STAGE_COUNT; i++)
		series_add(&result.stages[i], 0);
	CHECK_EQ(target_judge(&targets, TARGET_total, &result).outcome, TARGET_UNSURE);
	CHECK_EQ(target_judge(&targets, TARGET_memory, &result).outcome, TARGET_UNKNOWN);
	series_add(&result.wall_ns, 1.01e9);
	series_add(&result.wall_ns, 1.0e9);
	CHECK_EQ(target_judge(&targets, TARGET_total, &result).outcome, TARGET_MET);
	targets.limit[TARGET_total] = 0.9e9;
	CHECK_EQ(target_judge(&targets, TARGET_total, &result).outcome, TARGET_MISSED);
	result_free(&result);
}

TEST(readiness_as_people_write_it)
{
	struct ready ready;

	CHECK(!ready_parse("listen:8000", &ready) && ready.port == 8000);
	CHECK(!ready_parse("listen", &ready) && ready.kind == READY_LISTEN && !ready.port);
	CHECK(!ready_parse("http:/health", &ready) && !strcmp(ready.pattern, "/health"));
	CHECK(!ready_parse("http:8000/h", &ready) && ready.port == 8000);
	CHECK(!ready_parse("http://localhost:81/h", &ready) && ready.port == 81);
	CHECK(!ready_parse("func:*encode", &ready) && !strcmp(ready.pattern, "*encode"));
	CHECK(!ready_parse("exit", &ready) && ready.kind == READY_EXIT);
	CHECK(ready_parse("listen:0", &ready));
	CHECK(ready_parse("listen:80x", &ready));
	CHECK(ready_parse("http:8000", &ready));
	CHECK(ready_parse("func:", &ready));
	CHECK(ready_parse("sometime", &ready));
}

UNIT_MAIN
