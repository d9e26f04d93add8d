/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/coldstart/result.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "analysis/coldstart/imports.h"
#include "analysis/coldstart/touched.h"
#include "lib/sample.h"

#define TIMELINE_PARTS 1000 /* of a start: what is shorter is not told apart */

const char *temperature_name(enum temperature temperature)
{
	static const char *const names[] = {"warm", "cold", "mixed"};

	return names[temperature];
}

double file_speed(const struct file_row *file)
{
	double bytes = sample_of(file->read_bytes.values, file->read_bytes.count).mean;
	double ns = sample_of(file->ns.values, file->ns.count).mean;

	return bytes > 0 && ns > 0 ? bytes / ns * 1e9 : NAN;
}

void series_add(struct series *series, double value)
{
	double *more = realloc(series->values, (series->count + 1) * sizeof(*more));

	if (!more)
		return;
	series->values = more;
	series->values[series->count++] = value;
}

void series_fill(struct series *series, size_t count)
{
	while (series->count < count) {
		size_t before = series->count;

		series_add(series, NAN);
		if (series->count == before)
			return;
	}
}

static void add_stages(struct result *result, struct model *model, const struct run *run,
	int64_t process, int64_t ready_ns)
{
	int64_t ns[STAGE_COUNT] = {0};
	struct pieces *more =
		realloc(result->timelines, (result->timeline_count + 1) * sizeof(*more));

	result->failed |= !more;
	if (!more)
		return;
	result->timelines = more;
	more += result->timeline_count++;
	*more = (struct pieces){0};
	result->failed |= stages_of_run(model, run, process, ready_ns, ns, more) < 0;
	pieces_coarsen(more, (ready_ns - run->start_ns) / TIMELINE_PARTS);
	for (size_t i = 0; i < more->count; i++) {
		more->list[i].start_ns -= run->start_ns;
		more->list[i].end_ns -= run->start_ns;
	}
	for (size_t i = 0; i < STAGE_COUNT; i++)
		series_add(&result->stages[i], (double)ns[i]);
}

static struct file_row *file_of(struct result *result, const char *path, enum stage stage)
{
	struct stat info;
	struct file_row *more;

	for (size_t i = 0; i < result->file_count; i++) {
		if (!strcmp(result->files[i].path, path))
			return &result->files[i];
	}
	more = realloc(result->files, (result->file_count + 1) * sizeof(*more));
	if (!more)
		return NULL;
	result->files = more;
	more += result->file_count;
	*more = (struct file_row){.path = strdup(path), .stage = stage};
	if (!more->path)
		return NULL;
	more->bytes = stat(path, &info) ? -1 : info.st_size;
	result->file_count++;
	return more;
}

/* A file that is mapped several times is in memory once. */
static double mapped_of(const struct file_row *file, double mapped)
{
	return file->bytes >= 0 && mapped > (double)file->bytes ? (double)file->bytes : mapped;
}

static void add_files(struct result *result, struct model *model, const struct run *run)
{
	struct query *query = model_query(model,
		"SELECT b.name, SUM(CASE WHEN o.name IN ('read', 'pread', 'readv', 'preadv', 'fread')"
		" AND s.result > 0 THEN s.result ELSE 0 END),"
		" SUM(CASE WHEN o.name = 'mmap' AND s.result > 0 THEN s.result ELSE 0 END),"
		" SUM(s.end_ns - s.start_ns) FROM span s JOIN operation o ON o.id = s.operation"
		" JOIN object b ON b.id = s.object AND b.kind = 1"
		" JOIN thread t ON t.id = s.thread JOIN process p ON p.id = t.process"
		" WHERE p.run = ?1 GROUP BY b.name ORDER BY b.name");
	size_t before = result->wall_ns.count - 1;
	char path[PATH_MAX];

	query_bind(query, 1, run->id);
	while (query_next(query)) {
		enum stage stage = stage_of_file(query_text(query, 0));
		struct file_row *file;

		if ((stage != STAGE_weights && stage != STAGE_tokenizer) ||
			query_int(query, 1) + query_int(query, 2) == 0 ||
			!touched_whole_path(query_text(query, 0), path))
			continue;
		file = file_of(result, path, stage);
		if (!file) {
			result->failed = true;
			break;
		}
		series_fill(&file->read_bytes, before);
		series_fill(&file->mapped_bytes, before);
		series_fill(&file->ns, before);
		series_add(&file->read_bytes, query_double(query, 1));
		series_add(&file->mapped_bytes, mapped_of(file, query_double(query, 2)));
		series_add(&file->ns, query_double(query, 3));
	}
	query_free(query);
}

void result_add(struct result *result, struct model *model, const struct run *run, int64_t process,
	int64_t ready_ns)
{
	if (!result->script && run->script)
		result->script = strdup(run->script);
	series_add(&result->wall_ns, (double)(ready_ns - run->start_ns));
	add_stages(result, model, run, process, ready_ns);
	imports_add(result, model, run, process, ready_ns);
	add_files(result, model, run);
	for (size_t i = 0; i < result->file_count; i++) {
		series_fill(&result->files[i].read_bytes, result->wall_ns.count);
		series_fill(&result->files[i].mapped_bytes, result->wall_ns.count);
		series_fill(&result->files[i].ns, result->wall_ns.count);
	}
}

const char *ending_name(enum ending ending)
{
	static const char *const names[] = {"itself", "SIGTERM", "SIGKILL"};

	return names[ending];
}

void result_add_ending(struct result *result, enum ending ending, int status)
{
	struct ending_row *more;

	for (size_t i = 0; i < result->ending_count; i++) {
		struct ending_row *row = &result->endings[i];

		if (row->ending == ending && row->status == status) {
			row->count++;
			return;
		}
	}
	more = realloc(result->endings, (result->ending_count + 1) * sizeof(*more));
	result->failed |= !more;
	if (!more)
		return;
	result->endings = more;
	more[result->ending_count++] = (struct ending_row){ending, status, 1};
}

void result_free(struct result *result)
{
	for (size_t i = 0; i < result->timeline_count; i++)
		free(result->timelines[i].list);
	free(result->timelines);
	for (size_t i = 0; i < STAGE_COUNT; i++)
		free(result->stages[i].values);
	for (size_t i = 0; i < result->import_count; i++) {
		free(result->imports[i].module);
		free(result->imports[i].within);
		free(result->imports[i].total_ns.values);
		free(result->imports[i].self_ns.values);
	}
	for (size_t i = 0; i < result->file_count; i++) {
		struct file_row *file = &result->files[i];

		free(file->path);
		free(file->read_bytes.values);
		free(file->mapped_bytes.values);
		free(file->ns.values);
		free(file->cold_share.values);
	}
	free(result->imports);
	free(result->files);
	free(result->endings);
	free(result->wall_ns.values);
	free(result->memory_bytes.values);
	free(result->peak_bytes.values);
	free(result->minor_faults.values);
	free(result->major_faults.values);
	free(result->command);
	free(result->script);
	free(result->ready);
}
