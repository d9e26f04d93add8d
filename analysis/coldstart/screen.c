/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/coldstart/screen.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/coldstart/stage_advice.h"
#include "lib/sample.h"
#include "lib/table.h"
#include "lib/term.h"
#include "lib/units.h"

#define IMPORTS_SHOWN 15
#define FILES_SHOWN 10

static void heading(struct buf *out, const char *text)
{
	buf_printf(out, "\n%s%s%s\n", term_start(TERM_BOLD), text, term_end());
}

static const char *duration(char *space, double ns)
{
	return isfinite(ns) ? units_duration(space, llround(ns)) : "-";
}

static const char *bytes(char *space, double size)
{
	if (!isfinite(size))
		return "-";
	if (size >= 0)
		return units_bytes(space, llround(size));
	*space = '-';
	units_bytes(space + 1, llround(-size));
	return space;
}

static void put_times(struct buf *out, const struct series *series)
{
	char mean[UNITS_SIZE], stdev[UNITS_SIZE], min[UNITS_SIZE], max[UNITS_SIZE],
		median[UNITS_SIZE];
	struct sample sample = sample_of(series->values, series->count);

	buf_printf(out, "%9s", duration(mean, sample.mean));
	if (isfinite(sample.stdev))
		buf_printf(out, " +- %-9s median %9s  (%s to %s)", duration(stdev, sample.stdev),
			duration(median, sample.median), duration(min, sample.min),
			duration(max, sample.max));
}

static bool has_time(const struct series *series)
{
	return sample_of(series->values, series->count).max > 0;
}

static void put_stages(struct buf *out, const struct result *result)
{
	double whole = sample_of(result->wall_ns.values, result->wall_ns.count).mean;
	size_t last = 0;

	heading(out, "Where the time goes (mean +- standard deviation)");
	buf_printf(out, "  %-28s", "Total");
	put_times(out, &result->wall_ns);
	buf_printf(out, "\n");
	for (size_t i = 0; i < STAGE_COUNT; i++)
		last = has_time(&result->stages[i]) ? i : last;
	for (size_t i = 0; i <= last; i++) {
		struct sample sample = sample_of(result->stages[i].values, result->stages[i].count);

		if (!has_time(&result->stages[i]))
			continue;
		buf_printf(out, "  %s %-25s", i == last ? "└─" : "├─", stage_title(i));
		put_times(out, &result->stages[i]);
		buf_printf(out, "  %.1f %%\n", 100 * sample.mean / whole);
	}
}

static int by_self(const void *left, const void *right)
{
	const struct import_row *a = *(const struct import_row *const *)left;
	const struct import_row *b = *(const struct import_row *const *)right;
	double x = sample_of(a->self_ns.values, a->self_ns.count).mean;
	double y = sample_of(b->self_ns.values, b->self_ns.count).mean;

	return (x < y) - (x > y);
}

static void put_imports(struct buf *out, const struct result *result)
{
	const struct import_row **order = calloc(result->import_count + 1, sizeof(*order));
	char self[UNITS_SIZE], total[UNITS_SIZE];

	if (!result->import_count || !order) {
		free(order);
		return;
	}
	for (size_t i = 0; i < result->import_count; i++)
		order[i] = &result->imports[i];
	qsort(order, result->import_count, sizeof(*order), by_self);
	heading(out, "Imports, by their own time");
	buf_printf(out, "  %10s %10s  %s\n", "own", "with inner", "module");
	for (size_t i = 0; i < result->import_count && i < IMPORTS_SHOWN; i++) {
		const struct import_row *row = order[i];

		buf_printf(out, "  %10s %10s  ",
			duration(self, sample_of(row->self_ns.values, row->self_ns.count).mean),
			duration(total, sample_of(row->total_ns.values, row->total_ns.count).mean));
		table_put_text(out, row->module, 60);
		buf_printf(out, "%s\n", row->extension ? "  (machine code)" : "");
	}
	if (result->import_count > IMPORTS_SHOWN)
		buf_printf(out, "  %zu more; --json has them all\n",
			result->import_count - IMPORTS_SHOWN);
	free(order);
}

static void put_files(struct buf *out, const struct result *result)
{
	char size[UNITS_SIZE], read[UNITS_SIZE], mapped[UNITS_SIZE], took[UNITS_SIZE],
		speed[UNITS_SIZE];

	if (!result->file_count)
		return;
	heading(out, "Files of models and tokenizers");
	buf_printf(out, "  %10s %10s %10s %10s %10s %6s  %s\n", "size", "read", "mapped",
		"in calls", "read/s", "cold", "file");
	for (size_t i = 0; i < result->file_count && i < FILES_SHOWN; i++) {
		const struct file_row *row = &result->files[i];
		double cold = sample_of(row->cold_share.values, row->cold_share.count).mean;

		buf_printf(out, "  %10s %10s %10s %10s %10s ", bytes(size, (double)row->bytes),
			bytes(read, sample_of(row->read_bytes.values, row->read_bytes.count).mean),
			bytes(mapped,
				sample_of(row->mapped_bytes.values, row->mapped_bytes.count).mean),
			duration(took, sample_of(row->ns.values, row->ns.count).mean),
			bytes(speed, file_speed(row)));
		if (isfinite(cold))
			buf_printf(out, "%4.0f %%  ", 100 * cold);
		else
			buf_printf(out, "%6s  ", "-");
		table_put_text(out, row->path, 60);
		buf_printf(out, "\n");
	}
	if (isfinite(result->disk_bytes_per_s))
		buf_printf(out, "  the disk itself gives %s a second, read in order\n",
			bytes(speed, result->disk_bytes_per_s));
}

static void put_faults(struct buf *out, const struct result *result)
{
	struct sample minor = sample_of(result->minor_faults.values, result->minor_faults.count);
	struct sample major = sample_of(result->major_faults.values, result->major_faults.count);

	if (isfinite(minor.mean))
		buf_printf(out, "; %.0f page faults, %.0f of them from the disk",
			minor.mean + major.mean, major.mean);
	buf_printf(out, "\n");
}

static void put_memory(struct buf *out, const struct result *result)
{
	struct sample grown = sample_of(result->memory_bytes.values, result->memory_bytes.count);
	struct sample peak = sample_of(result->peak_bytes.values, result->peak_bytes.count);
	char mean[UNITS_SIZE], stdev[UNITS_SIZE], most[UNITS_SIZE];

	if (!isfinite(grown.mean))
		return;
	heading(out, "Memory");
	buf_printf(out, "  grown by %s", bytes(mean, grown.mean));
	if (isfinite(grown.stdev))
		buf_printf(out, " +- %s", bytes(stdev, grown.stdev));
	buf_printf(out, ", at most %s resident", bytes(most, peak.max));
	put_faults(out, result);
}

static void put_targets(struct buf *out, const struct targets *targets, const struct result *result)
{
	static const struct {
		const char *mark;
		enum term_colour colour;
	} marks[] = {{"met", TERM_GREEN}, {"MISSED", TERM_RED}, {"unsure", TERM_YELLOW},
		{"-", TERM_DIM}};
	char limit[UNITS_SIZE], mean[UNITS_SIZE], bound[UNITS_SIZE];

	heading(out, "Targets (met: even the upper bound of the mean, 95 % sure, is within)");
	for (size_t i = 0; i < TARGET_COUNT; i++) {
		struct target_line line = target_judge(targets, i, result);
		const char *(*figure)(char *, double) = line.is_bytes ? bytes : duration;

		buf_printf(out, "  %s%-7s%s %-36s %9s of %s",
			term_start(marks[line.outcome].colour), marks[line.outcome].mark,
			term_end(), line.title, figure(mean, line.mean), figure(limit, line.limit));
		if (isfinite(line.bound))
			buf_printf(out, ", bound %s", figure(bound, line.bound));
		buf_printf(out, "\n");
	}
}

static void put_advice(struct buf *out, const struct result *result)
{
	struct stage_advice advice = stage_advice(result);

	if (!advice.count)
		return;
	heading(out, "What to change first");
	for (size_t i = 0; i < advice.count; i++)
		buf_printf(out, "  %zu. %s\n", i + 1, advice.texts[i]);
}

void screen_compare(struct buf *out, const struct comparison *comparison)
{
	char before[UNITS_SIZE], after[UNITS_SIZE];

	heading(out, "Against the baseline (medians)");
	for (size_t i = 0; i < comparison->count; i++) {
		const struct change_line *line = &comparison->lines[i];
		const char *(*figure)(char *, double) =
			strcmp(line->name, "memory") ? duration : bytes;

		buf_printf(out, "  %-28s %9s -> %-9s x %.2f", line->title,
			figure(before, line->before), figure(after, line->after),
			line->ratio.ratio);
		if (isfinite(line->ratio.low))
			buf_printf(out, " (%.2f to %.2f)", line->ratio.low, line->ratio.high);
		buf_printf(out, "  %s\n", change_name(line->change));
	}
	buf_printf(out, "  %s%s%s: total and memory decide, at a threshold of x %.2f\n",
		term_start(comparison->verdict == CHANGE_BLOCKED ? TERM_RED : TERM_BOLD),
		change_name(comparison->verdict), term_end(), comparison->threshold);
}

static void put_endings(struct buf *out, const struct result *result)
{
	for (size_t i = 0; i < result->ending_count; i++) {
		const struct ending_row *row = &result->endings[i];

		if (row->ending != ENDING_ITSELF)
			buf_printf(out,
				"  when it was ready, %zu of them were ended by %s: status %d\n",
				row->count, ending_name(row->ending), row->status);
	}
}

void screen_write(struct buf *out, const struct result *result, const struct standing *standing)
{
	buf_printf(out, "%s%s%s%s%s, up to %s: %zu starts, %zu good, %s", term_start(TERM_BOLD),
		result->command, result->script ? " " : "", result->script ? result->script : "",
		term_end(), result->ready, result->runs, result->wall_ns.count,
		temperature_name(result->temperature));
	if (isfinite(result->cold_share))
		buf_printf(out,
			" (%.0f %% of the bytes of its files were in memory before a start)",
			100 * (1 - result->cold_share));
	buf_printf(out, "\n");
	put_endings(out, result);
	put_stages(out, result);
	put_imports(out, result);
	put_files(out, result);
	put_memory(out, result);
	put_targets(out, standing->targets, result);
	if (standing->comparison)
		screen_compare(out, standing->comparison);
	put_advice(out, result);
}
