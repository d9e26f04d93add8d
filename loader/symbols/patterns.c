/* SPDX-License-Identifier: Apache-2.0 */
#include "loader/symbols/patterns.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "loader/symbols/demangle.h"

const char *patterns_fault(const char *text)
{
	const char *colon = strchr(text, ':');

	if (!colon || colon == text || !colon[1] || colon[1] == ':')
		return "it must be LIBRARY:FUNCTION, as in 'libz*:deflate' or 'app:*::search*'";
	return NULL;
}

static int add(struct patterns *patterns, char *module, char *function,
	const struct catalog_function *known)
{
	struct pattern *grown = reallocarray(patterns->list, patterns->count + 1, sizeof(*grown));

	if (grown)
		patterns->list = grown;
	if (!grown || !module || !function) {
		free(module);
		free(function);
		return -ENOMEM;
	}
	grown[patterns->count++] =
		(struct pattern){.module = module, .function = function, .known = known};
	return 0;
}

int patterns_add(struct patterns *patterns, const char *text)
{
	const char *colon = strchr(text, ':');

	patterns->own = true;
	return add(patterns, strndup(text, (size_t)(colon - text)), strdup(colon + 1), NULL);
}

static int add_pack(struct patterns *patterns, const struct catalog_pack *pack)
{
	int err = 0;

	for (size_t i = 0; i < pack->library_count; i++) {
		for (size_t j = 0; !err && j < pack->function_count; j++) {
			if (pack->functions[j].symbol)
				err = add(patterns, strdup(pack->libraries[i]),
					strdup(pack->functions[j].symbol), &pack->functions[j]);
		}
	}
	return err;
}

int patterns_catalog(struct patterns *patterns)
{
	int err = 0;

	patterns->catalog = catalog_load();
	if (!patterns->catalog)
		return -ENOMEM;
	for (size_t i = 0; !err && i < patterns->catalog->count; i++)
		err = add_pack(patterns, &patterns->catalog->packs[i]);
	return err;
}

void patterns_free(struct patterns *patterns)
{
	for (size_t i = 0; i < patterns->count; i++) {
		free(patterns->list[i].module);
		free(patterns->list[i].function);
	}
	free(patterns->list);
	catalog_free(patterns->catalog);
}

bool pattern_names(const struct pattern *pattern, const char *symbol, const char *name)
{
	const char *glob = pattern->function;
	char bare[512];
	unsigned size;

	if (!fnmatch(glob, name, 0) || !fnmatch(glob, symbol, 0))
		return true;
	size = demangled_name_size(name);
	if (!name[size] || size >= sizeof(bare))
		return false;
	memcpy(bare, name, size);
	bare[size] = 0;
	return !fnmatch(glob, bare, 0);
}

/* Where only packs want something, so that other libraries cost nothing. */
void patterns_modules(const struct patterns *patterns, char *modules, size_t room)
{
	char *at = modules, *end = modules + room - 2;

	memset(modules, 0, room);
	for (size_t i = 0; i < patterns->count && !patterns->own; i++) {
		const char *module = patterns->list[i].module;
		size_t size = strcspn(module, "*?[\\");

		if (i && !strcmp(module, patterns->list[i - 1].module))
			continue;
		/* one that begins with a wildcard, or too many of them: all are asked for */
		if (!size || size >= (size_t)(end - at)) {
			memset(modules, 0, room);
			return;
		}
		memcpy(at, module, size);
		at += size + 1;
	}
}
