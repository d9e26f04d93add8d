/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/coldstart/measure.h"

#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/coldstart/moment.h"
#include "analysis/coldstart/page_cache.h"
#include "analysis/coldstart/start.h"
#include "analysis/coldstart/touched.h"
#include "analysis/input.h"
#include "lib/log.h"
#include "lib/term.h"

#define EXIT_OURS 1
#define EXIT_TARGET 4
#define ENOUGH 0.95
#define SPEED_FILE ((int64_t)8 << 20) /* smaller ones say little of the disk */

struct measuring {
	const struct measure_plan *plan;
	struct result *result;
	struct touched touched;
	struct start start;
	char folder[PATH_MAX];
	double cold_sum;
	bool counts; /* this run is measured, and not only to learn what it touches */
	bool got_ready;
};

static void note_mapped(void *context, const char *path)
{
	struct measuring *measuring = context;

	touched_add(&measuring->touched, path);
}

/* The last line that is not empty. */
static const char *last_line(char *text)
{
	size_t size = text ? strlen(text) : 0;
	char *line;

	while (size && (text[size - 1] == '\n' || text[size - 1] == ' '))
		text[--size] = '\0';
	line = size ? strrchr(text, '\n') : NULL;
	return line ? line + 1 : text ? text : "";
}

static void tell_failure(const struct measuring *measuring)
{
	const struct start *start = &measuring->start;
	char condition[256];
	const char *said = last_line(start->told);

	ready_describe(&measuring->plan->ready, condition, sizeof(condition));
	term_progress_end();
	if (start->end == START_TIMEOUT)
		log_warn("the program was not ready (%s) after %lld s; --timeout gives it more",
			condition, (long long)(measuring->plan->timeout_ns / 1000000000));
	else if (start->status)
		log_warn("the program ended with status %d%s%s", start->status,
			*said ? ", its last words: " : "", said);
	else
		log_warn("the program ended without ever having been ready (%s); --ready exit "
			 "measures up to its end",
			condition);
}

static void add_run(struct measuring *measuring, struct model *model, const struct run *run,
	const struct moment *moment)
{
	struct result *result = measuring->result;
	const struct start *start = &measuring->start;
	bool sampled = start->rss_first >= 0;

	result_add(result, model, run, moment->process, moment->ready_ns);
	series_add(&result->memory_bytes,
		sampled ? (double)(start->rss_ready - start->rss_first) : NAN);
	result_add_ending(result, start->ending, start->status);
	series_add(&result->minor_faults, sampled ? (double)start->faults.minor : NAN);
	series_add(&result->major_faults, sampled ? (double)start->faults.major : NAN);
	series_add(&result->peak_bytes, sampled ? (double)start->rss_peak : NAN);
	for (size_t i = 0; i < result->file_count; i++) {
		struct file_row *file = &result->files[i];

		series_fill(&file->cold_share, result->wall_ns.count - 1);
		series_add(
			&file->cold_share, touched_cold_share_of(&measuring->touched, file->path));
	}
}

/* A trace begins with the first thing that its tracer saw, which may be later on a busy machine. */
static int64_t launch_ns(struct model *model, const struct run *run)
{
	int64_t first_image_ns =
		model_number(model, "SELECT MIN(start_ns) FROM process WHERE run = ?1", run->id, 0);
	int64_t took_ns = model_number(model,
		"SELECT value FROM metric WHERE run = ?1 AND name = 'startup_ns'", run->id, 0);

	return first_image_ns && took_ns ? first_image_ns - took_ns : run->start_ns;
}

static int read_trace(struct model *model, const char *name, void *context)
{
	struct measuring *measuring = context;
	struct moment moment;
	size_t count;
	struct run *runs = model_runs(model, &count);

	(void)name;
	if (count)
		runs->start_ns = launch_ns(model, runs);
	measuring->got_ready = count &&
		(measuring->start.end != START_EXITED || !measuring->start.status) &&
		moment_of_readiness(
			model, runs, &measuring->plan->ready, &measuring->start, &moment);
	if (measuring->got_ready && measuring->counts)
		add_run(measuring, model, runs, &moment);
	if (measuring->got_ready && !measuring->counts)
		touched_add_run(&measuring->touched, model, runs);
	model_runs_free(runs, count);
	return 0;
}

/* One start. 0, or ragtime's own failure. */
static int start_and_read(struct measuring *measuring, size_t number)
{
	char path[PATH_MAX + 32], *names[] = {path};
	struct start_plan plan = {
		.command = measuring->plan->command,
		.run_options = measuring->plan->run_options,
		.trace = path,
		.ready = &measuring->plan->ready,
		.timeout_ns = measuring->plan->timeout_ns,
		.show_output = measuring->plan->show_output,
		.mapped = measuring->plan->cold && !measuring->counts ? note_mapped : NULL,
		.context = measuring,
	};
	int err;

	snprintf(path, sizeof(path), "%s/start-%zu.rtrace", measuring->folder, number);
	err = start_once(&plan, &measuring->start);
	if (err < 0) {
		log_error("cannot start 'ragtime run': %s", strerror(-err));
		return EXIT_OURS;
	}
	measuring->got_ready = false;
	if (access(path, F_OK)) {
		/* 125 to 127: nothing was traced, and `ragtime run` has said why */
		log_error("nothing was traced: %s", last_line(measuring->start.told));
		err = measuring->start.status == 125 ? EXIT_OURS : EXIT_TARGET;
	} else {
		err = input_each(names, 1, "all", read_trace, measuring);
		if (!measuring->plan->keep)
			unlink(path);
	}
	if (!err && !measuring->got_ready)
		tell_failure(measuring);
	free(measuring->start.told);
	return err;
}

static void look_at_files(struct measuring *measuring)
{
	touched_look(&measuring->touched, measuring->plan->cold);
	measuring->cold_sum += touched_cold_share(&measuring->touched);
}

/* A start that is not measured tells which files have to be cold, or makes them warm. */
static int prepare(struct measuring *measuring)
{
	int err;

	term_progress("a first start, not measured", 0, 0);
	err = start_and_read(measuring, 0);
	touched_sort(&measuring->touched);
	if (!err && !measuring->got_ready)
		err = EXIT_TARGET;
	measuring->counts = true;
	return err;
}

static int measure_runs(struct measuring *measuring)
{
	const struct measure_plan *plan = measuring->plan;
	char what[64];
	int err = prepare(measuring);

	for (size_t i = 1; i <= plan->runs && !err; i++) {
		snprintf(what, sizeof(what), "start %zu of %zu", i, plan->runs);
		term_progress(what, i - 1, plan->runs);
		look_at_files(measuring);
		err = start_and_read(measuring, i);
		measuring->result->runs++;
	}
	term_progress_end();
	if (!err && measuring->result->failed) {
		log_error("out of memory");
		err = EXIT_OURS;
	}
	return !err && !measuring->result->wall_ns.count ? EXIT_TARGET : err;
}

static void measure_disk(struct measuring *measuring)
{
	struct result *result = measuring->result;
	const struct file_row *largest = NULL;
	double speed;

	result->disk_bytes_per_s = NAN;
	for (size_t i = 0; i < result->file_count; i++) {
		if (!largest || result->files[i].bytes > largest->bytes)
			largest = &result->files[i];
	}
	if (!measuring->plan->cold || !largest || largest->bytes < SPEED_FILE)
		return;
	speed = page_cache_disk_speed(largest->path);
	if (speed > 0)
		result->disk_bytes_per_s = speed;
}

static int make_folder(struct measuring *measuring)
{
	const char *base = getenv("TMPDIR");

	if (measuring->plan->keep) {
		snprintf(measuring->folder, sizeof(measuring->folder), "%s", measuring->plan->keep);
		return mkdir(measuring->folder, 0700) && access(measuring->folder, W_OK) ? -1 : 0;
	}
	snprintf(measuring->folder, sizeof(measuring->folder), "%s/ragtime-coldstart.XXXXXX",
		base && *base ? base : "/tmp");
	return mkdtemp(measuring->folder) ? 0 : -1;
}

/* Warm or cold is what was asked for, where the page cache agrees. */
static void judge_temperature(struct measuring *measuring)
{
	struct result *result = measuring->result;
	bool cold = measuring->plan->cold;
	double share = result->runs ? measuring->cold_sum / (double)result->runs : NAN;

	result->cold_share = share;
	result->temperature = cold ? TEMPERATURE_COLD : TEMPERATURE_WARM;
	if ((cold ? share : 1 - share) < ENOUGH)
		result->temperature = TEMPERATURE_MIXED;
}

int measure(const struct measure_plan *plan, struct result *result)
{
	struct measuring measuring = {.plan = plan, .result = result};
	int status;

	if (make_folder(&measuring)) {
		log_error(
			"cannot write traces to the folder %s; name another with --keep or TMPDIR",
			measuring.folder);
		return EXIT_OURS;
	}
	status = measure_runs(&measuring);
	judge_temperature(&measuring);
	if (!status)
		measure_disk(&measuring);
	if (!plan->keep)
		rmdir(measuring.folder);
	touched_free(&measuring.touched);
	return status;
}
