/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder/suggestions.h"

#include <string.h>

#include "lib/embedded.h"
#include "lib/log.h"
#include "lib/settings.h"

#define SHIPPED "data/suggestions.yaml"

struct putting {
	struct store *store;
	int64_t run, place;
};

static const char *put(
	void *context, const char *name, const char *key, const char *value, size_t line)
{
	struct putting *putting = context;
	struct value row[] = {value_int(putting->run), value_text(name),
		value_int(putting->place++), value_text(value)};

	(void)line;
	if (!strcmp(key, "do"))
		store_put(putting->store, STORE_SUGGESTION, row);
	return NULL;
}

void suggestions_put(struct store *store, int64_t run)
{
	const struct embedded *shipped = embedded_find(SHIPPED);
	struct putting putting = {store, run, 0};
	char error[512];

	if (settings_read_user("RAGTIME_SUGGESTIONS", "suggestions.yaml", put, &putting, error,
		    sizeof(error)) ||
		settings_read(
			SHIPPED, shipped->text, shipped->size, put, &putting, error, sizeof(error)))
		log_warn("suggestions are left out: %s", error);
}
