/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/coldstart/touched.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/coldstart/page_cache.h"

bool touched_whole_path(const char *name, char path[PATH_MAX])
{
	if (*name != '/')
		return realpath(name, path) != NULL;
	if (strlen(name) >= PATH_MAX)
		return false;
	strcpy(path, name);
	return true;
}

void touched_add(struct touched *touched, const char *path)
{
	if (touched->count && !strcmp(touched->files[touched->count - 1].path, path))
		return;
	if (touched->count == touched->room) {
		size_t room = touched->room ? touched->room * 2 : 256;
		struct touched_file *more = realloc(touched->files, room * sizeof(*more));

		if (!more)
			return;
		touched->files = more;
		touched->room = room;
	}
	touched->files[touched->count].path = strdup(path);
	if (touched->files[touched->count].path)
		touched->count++;
}

void touched_add_run(struct touched *touched, struct model *model, const struct run *run)
{
	struct query *query = model_query(model,
		"SELECT DISTINCT b.name FROM object b JOIN process p ON p.id = b.process"
		" WHERE p.run = ?1 AND b.kind IN (1, 9)"
		" AND b.name NOT LIKE '/proc/%' AND b.name NOT LIKE '/sys/%'"
		" AND b.name NOT LIKE '/dev/%' UNION SELECT program FROM process WHERE run = ?1");

	char path[PATH_MAX];

	query_bind(query, 1, run->id);
	while (query_next(query)) {
		if (query_text(query, 0) && touched_whole_path(query_text(query, 0), path))
			touched_add(touched, path);
	}
	query_free(query);
}

static int by_path(const void *left, const void *right)
{
	const struct touched_file *a = left, *b = right;

	return strcmp(a->path, b->path);
}

void touched_sort(struct touched *touched)
{
	size_t kept = 0;

	if (touched->count)
		qsort(touched->files, touched->count, sizeof(*touched->files), by_path);
	for (size_t i = 0; i < touched->count; i++) {
		struct touched_file *file = &touched->files[i];
		struct page_cache_state state;

		if ((kept && !strcmp(touched->files[kept - 1].path, file->path)) ||
			page_cache_look(file->path, &state) || !state.bytes) {
			free(file->path);
			continue;
		}
		file->bytes = state.bytes;
		file->resident = state.resident;
		touched->files[kept++] = *file;
	}
	touched->count = kept;
}

void touched_look(struct touched *touched, bool drop)
{
	for (size_t i = 0; i < touched->count; i++) {
		struct touched_file *file = &touched->files[i];
		struct page_cache_state state;

		if (drop)
			(void)page_cache_drop(file->path);
		if (page_cache_look(file->path, &state))
			state = (struct page_cache_state){0, 0};
		file->bytes = state.bytes;
		file->resident = state.resident;
	}
}

double touched_cold_share(const struct touched *touched)
{
	int64_t bytes = 0, resident = 0;

	for (size_t i = 0; i < touched->count; i++) {
		bytes += touched->files[i].bytes;
		resident += touched->files[i].resident < 0 ? touched->files[i].bytes
							   : touched->files[i].resident;
	}
	return bytes ? 1 - (double)resident / (double)bytes : NAN;
}

double touched_cold_share_of(const struct touched *touched, const char *path)
{
	struct touched_file key = {.path = (char *)path};
	const struct touched_file *file = touched->count
		? bsearch(&key, touched->files, touched->count, sizeof(key), by_path)
		: NULL;

	if (!file || !file->bytes || file->resident < 0)
		return NAN;
	return 1 - (double)file->resident / (double)file->bytes;
}

void touched_free(struct touched *touched)
{
	for (size_t i = 0; i < touched->count; i++)
		free(touched->files[i].path);
	free(touched->files);
}
