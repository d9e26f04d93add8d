/* SPDX-License-Identifier: Apache-2.0 */
/* A summary as text or JSON. */
#ifndef DECODER_INFO_H
#define DECODER_INFO_H

#include <stdbool.h>

#include "decoder/summary.h"
#include "lib/buf.h"
#include "lib/json.h"

struct info_page {
	struct buf out;
	struct json json;
	bool as_json;
	unsigned runs;
};

void info_begin(struct info_page *page, bool as_json);
void info_add(struct info_page *page, const char *name, const struct summary *summary);
void info_end(struct info_page *page);

/* Used by info_add. */
void info_json(struct json *json, const char *name, const struct summary *summary);

#endif
