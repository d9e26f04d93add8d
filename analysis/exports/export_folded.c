/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folded stacks, as flamegraph.pl and speedscope read them: "program;thread;outer;inner N", N being
 * the microseconds that the innermost call took itself.
 */
#include <errno.h>

#include "analysis/exports/exporter.h"
#include "analysis/exports/stacks.h"

static int folded_run(struct export *export, struct model *model, const struct run *run)
{
	struct stacks *stacks = stacks_of_run(model, run);

	if (!stacks)
		return -ENOMEM;
	for (size_t i = 0; i < stacks_count(stacks); i++) {
		struct stack stack = stacks_get(stacks, i);
		uint64_t us = (stack.self_ns + 500) / 1000;

		if (us)
			buf_printf(&export->out.bytes, "%s %llu\n", stack.frames,
				(unsigned long long)us);
		output_flush(&export->out);
	}
	stacks_free(stacks);
	return 0;
}

const struct exporter exporter_folded = {
	.name = "folded",
	.rows = "none",
	.run = folded_run,
};
