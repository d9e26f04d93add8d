/* SPDX-License-Identifier: Apache-2.0 */
/* What a call's notes say, as attributes of its row. Names are OpenTelemetry's where it has them.
 */
#ifndef DECODER_ATTRIBUTE_H
#define DECODER_ATTRIBUTE_H

#include <stdint.h>

#include "decoder/section.h"
#include "decoder/store.h"

void attribute_put_notes(struct store *store, const struct trace_batch *batch,
	const struct section *section, const struct section_call *call, const char *object_name,
	int64_t span);

#endif
