/* SPDX-License-Identifier: Apache-2.0 */
/* What a block says of language runtimes beside their spans. */
#include "decoder/decode_state.h"

/* Of a language runtime: where its code is. */
void decode_function(struct decode *decode, const Ragtime__Raw__Operation *raw)
{
	struct value row[] = {
		value_int(weave_operation(&decode->weave, raw->kind)),
		value_text(trace_text(&decode->batch, raw->module)),
		value_known(raw->line),
		value_int(raw->role),
	};

	if (raw->kind < RT_KIND_RUNTIME)
		return;
	segments_set_role(decode->weave.segments, raw->kind, raw->role);
	store_put(decode->store, STORE_FUNCTION, row);
}

void decode_runtime(struct decode *decode, const Ragtime__Raw__Runtime *raw)
{
	const struct process *process = actors_find_process(&decode->actors, raw->process);
	struct value row[] = {
		value_known(process ? process->row : 0),
		value_text(trace_text(&decode->batch, raw->name)),
		value_text(trace_text(&decode->batch, raw->version)),
		value_int(raw->how),
	};

	decode->unseen += raw->how >= RT_RUNTIME_UNKNOWN;
	if (process)
		store_put(decode->store, STORE_RUNTIME, row);
}
