/* SPDX-License-Identifier: Apache-2.0 */
/* Times are ns, sizes bytes; what is not known is null. */
#include "analysis/coldstart/saved.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/coldstart/stage_advice.h"
#include "analysis/model.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/sample.h"

#define FORMAT 1
#define FILE_MAX ((long)64 << 20)

static void put_number(struct json *json, double value)
{
	if (isfinite(value))
		json_int(json, llround(value));
	else
		json_null(json);
}

static void put_member(struct json *json, const char *key, double value)
{
	json_key(json, key);
	put_number(json, value);
}

static void put_share(struct json *json, const char *key, double value)
{
	json_key(json, key);
	json_double(json, value);
}

/* Statistics of what is known, and every run's value. */
static void put_figures(struct json *json, const struct series *series)
{
	struct series known = {0};
	struct sample sample;

	for (size_t i = 0; i < series->count; i++) {
		if (isfinite(series->values[i]))
			series_add(&known, series->values[i]);
	}
	sample = sample_of(known.values, known.count);
	free(known.values);
	put_member(json, "mean", sample.mean);
	put_member(json, "median", sample.median);
	put_member(json, "stdev", sample.stdev);
	put_member(json, "min", sample.min);
	put_member(json, "max", sample.max);
	json_key(json, "values");
	json_open(json, '[');
	for (size_t i = 0; i < series->count; i++)
		put_number(json, series->values[i]);
	json_close(json, ']');
}

static void put_series(struct json *json, const char *key, const struct series *series)
{
	json_key(json, key);
	json_open(json, '{');
	put_figures(json, series);
	json_close(json, '}');
}

static void put_stages(struct json *json, const struct result *result)
{
	json_key(json, "stages");
	json_open(json, '[');
	for (size_t i = 0; i < STAGE_COUNT; i++) {
		json_open(json, '{');
		json_member_string(json, "name", stage_name(i));
		json_member_string(json, "title", stage_title(i));
		put_figures(json, &result->stages[i]);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void put_imports(struct json *json, const struct result *result)
{
	json_key(json, "imports");
	json_open(json, '[');
	for (size_t i = 0; i < result->import_count; i++) {
		const struct import_row *row = &result->imports[i];

		json_open(json, '{');
		json_member_string(json, "module", row->module);
		json_member_string(json, "within", row->within);
		json_member_bool(json, "extension", row->extension);
		put_series(json, "total_ns", &row->total_ns);
		put_series(json, "self_ns", &row->self_ns);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void put_files(struct json *json, const struct result *result)
{
	json_key(json, "files");
	json_open(json, '[');
	for (size_t i = 0; i < result->file_count; i++) {
		const struct file_row *row = &result->files[i];

		json_open(json, '{');
		json_member_string(json, "path", row->path);
		json_member_string(json, "stage", stage_name(row->stage));
		put_member(json, "bytes", row->bytes < 0 ? NAN : (double)row->bytes);
		put_series(json, "read_bytes", &row->read_bytes);
		put_series(json, "mapped_bytes", &row->mapped_bytes);
		put_series(json, "ns", &row->ns);
		put_member(json, "bytes_per_s", file_speed(row));
		put_share(json, "cold_share",
			sample_of(row->cold_share.values, row->cold_share.count).mean);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void put_timeline(struct json *json, const struct pieces *pieces)
{
	json_open(json, '[');
	for (size_t i = 0; i < pieces->count; i++) {
		const struct piece *piece = &pieces->list[i];

		json_open(json, '{');
		json_member_string(json, "stage", stage_name(piece->stage));
		json_member_int(json, "start_ns", piece->start_ns);
		json_member_int(json, "end_ns", piece->end_ns);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void put_timelines(struct json *json, const struct result *result)
{
	json_key(json, "timelines");
	json_open(json, '[');
	for (size_t i = 0; i < result->timeline_count; i++)
		put_timeline(json, &result->timelines[i]);
	json_close(json, ']');
}

static void put_endings(struct json *json, const struct result *result)
{
	json_key(json, "endings");
	json_open(json, '[');
	for (size_t i = 0; i < result->ending_count; i++) {
		json_open(json, '{');
		json_member_string(json, "by", ending_name(result->endings[i].ending));
		json_member_int(json, "status", result->endings[i].status);
		json_member_int(json, "starts", (int64_t)result->endings[i].count);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void put_targets(
	struct json *json, const struct targets *targets, const struct result *result)
{
	json_key(json, "targets");
	json_open(json, '[');
	for (size_t i = 0; i < TARGET_COUNT; i++) {
		struct target_line line = target_judge(targets, i, result);

		json_open(json, '{');
		json_member_string(json, "name", line.name);
		json_member_string(json, "title", line.title);
		json_member_string(json, "unit", line.is_bytes ? "bytes" : "ns");
		put_member(json, "limit", line.limit);
		put_member(json, "mean", line.mean);
		put_member(json, "bound", line.bound);
		json_member_string(json, "outcome", target_outcome_name(line.outcome));
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void put_comparison(struct json *json, const struct comparison *comparison)
{
	json_open(json, '{');
	put_share(json, "threshold", comparison->threshold);
	json_member_string(json, "verdict", change_name(comparison->verdict));
	json_key(json, "figures");
	json_open(json, '[');
	for (size_t i = 0; i < comparison->count; i++) {
		const struct change_line *line = &comparison->lines[i];

		json_open(json, '{');
		json_member_string(json, "name", line->name);
		json_member_string(json, "title", line->title);
		put_member(json, "before", line->before);
		put_member(json, "after", line->after);
		put_share(json, "ratio", line->ratio.ratio);
		put_share(json, "ratio_low", line->ratio.low);
		put_share(json, "ratio_high", line->ratio.high);
		put_share(json, "chance", line->chance);
		json_member_string(json, "change", change_name(line->change));
		json_member_bool(json, "gates", line->gates);
		json_close(json, '}');
	}
	json_close(json, ']');
	json_close(json, '}');
}

static void put_advice(struct json *json, const struct result *result)
{
	struct stage_advice advice = stage_advice(result);

	json_key(json, "recommendations");
	json_open(json, '[');
	for (size_t i = 0; i < advice.count; i++)
		json_string(json, advice.texts[i]);
	json_close(json, ']');
}

void saved_write(struct buf *out, const struct result *result, const struct standing *standing)
{
	struct json json = {.out = out, .pretty = true};

	json_open(&json, '{');
	json_member_int(&json, "format", FORMAT);
	json_member_string(&json, "command", result->command);
	json_member_string(&json, "script", result->script);
	json_member_string(&json, "ready", result->ready);
	json_member_string(&json, "temperature", temperature_name(result->temperature));
	put_share(&json, "cold_share", result->cold_share);
	put_member(&json, "disk_bytes_per_s", result->disk_bytes_per_s);
	json_member_int(&json, "runs", (int64_t)result->runs);
	json_member_int(&json, "successful_runs", (int64_t)result->wall_ns.count);
	put_endings(&json, result);
	put_series(&json, "wall_ns", &result->wall_ns);
	put_stages(&json, result);
	put_timelines(&json, result);
	put_imports(&json, result);
	put_files(&json, result);
	json_key(&json, "memory");
	json_open(&json, '{');
	put_series(&json, "delta_bytes", &result->memory_bytes);
	put_series(&json, "peak_bytes", &result->peak_bytes);
	put_series(&json, "minor_faults", &result->minor_faults);
	put_series(&json, "major_faults", &result->major_faults);
	json_close(&json, '}');
	put_targets(&json, standing->targets, result);
	json_key(&json, "comparison");
	if (standing->comparison)
		put_comparison(&json, standing->comparison);
	else
		json_null(&json);
	put_advice(&json, result);
	json_member_string(&json, "verdict", standing->verdict);
	json_close(&json, '}');
	buf_printf(out, "\n");
}

void saved_write_comparison(struct buf *out, const struct comparison *comparison)
{
	struct json json = {.out = out, .pretty = true};

	put_comparison(&json, comparison);
	buf_printf(out, "\n");
}

static char *read_file(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	long size = -1;

	if (file && !fseek(file, 0, SEEK_END))
		size = ftell(file);
	if (size >= 0 && size <= FILE_MAX)
		text = calloc(1, (size_t)size + 1);
	if (text &&
		(fseek(file, 0, SEEK_SET) || fread(text, 1, (size_t)size, file) != (size_t)size)) {
		free(text);
		text = NULL;
	}
	if (file)
		fclose(file);
	return text;
}

static void read_series(
	struct model *model, const char *text, const char *sql, struct series *series)
{
	struct query *query = model_query(model, sql);

	query_bind_text(query, 1, text);
	while (query_next(query))
		series_add(series, query_is_null(query, 0) ? NAN : query_double(query, 0));
	query_free(query);
}

static void read_stages(struct model *model, const char *text, struct result *result)
{
	struct query *query = model_query(model,
		"SELECT json_extract(s.value, '$.name'), v.value FROM json_each(?1, '$.stages') s,"
		" json_each(s.value, '$.values') v");

	query_bind_text(query, 1, text);
	while (query_next(query)) {
		for (size_t i = 0; i < STAGE_COUNT; i++) {
			if (query_text(query, 0) && !strcmp(query_text(query, 0), stage_name(i)))
				series_add(&result->stages[i],
					query_is_null(query, 1) ? NAN : query_double(query, 1));
		}
	}
	query_free(query);
}

bool saved_read(const char *path, struct result *result)
{
	char *text = read_file(path);
	struct model *model = text ? model_scratch() : NULL;
	bool whole;

	*result = (struct result){0};
	if (!model) {
		log_error("cannot read the saved result %s: %s", path,
			errno ? strerror(errno) : "it is too large");
		free(text);
		return false;
	}
	read_series(model, text, "SELECT value FROM json_each(?1, '$.wall_ns.values')",
		&result->wall_ns);
	read_series(model, text, "SELECT value FROM json_each(?1, '$.memory.delta_bytes.values')",
		&result->memory_bytes);
	read_stages(model, text, result);
	whole = !model_error(model) && result->wall_ns.count;
	if (!whole)
		log_error("%s is no result of 'ragtime coldstart': %s; save one with --output",
			path, model_error(model) ? model_error(model) : "it has no starts in it");
	model_close(model);
	free(text);
	return whole;
}
