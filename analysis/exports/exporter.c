/* SPDX-License-Identifier: Apache-2.0 */
/* The list of exporters. */
#include "analysis/exports/exporter.h"

#include <string.h>

#define EXPORT(name) extern const struct exporter exporter_##name;
#include "analysis/exports/exports.def"
#undef EXPORT

static const struct exporter *const exporters[] = {
#define EXPORT(name) &exporter_##name,
#include "analysis/exports/exports.def"
#undef EXPORT
};

const struct exporter *exporter_find(const char *name)
{
	for (size_t i = 0; i < sizeof(exporters) / sizeof(*exporters); i++) {
		if (!strcmp(exporters[i]->name, name))
			return exporters[i];
	}
	return NULL;
}
