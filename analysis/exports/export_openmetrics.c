/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenMetrics text, which Prometheus reads. Every sample carries the run's id, so that several runs
 * stand side by side; those of one family have to stand together, and are gathered until the end.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/exports/exporter.h"
#include "lib/words.h"

enum family {
	FAMILY_RUN,
	FAMILY_DURATION,
	FAMILY_WAIT,
	FAMILY_CALLS,
	FAMILY_CALL_TIME,
	FAMILY_CALL_ERRORS,
	FAMILY_REQUEST,
	FAMILY_TOKENS,
	FAMILY_COST,
	FAMILY_LOST,
	FAMILY_COUNT
};

static const struct {
	const char *name, *type, *unit, *help;
} families[FAMILY_COUNT] = {
	{"ragtime_run", "info", NULL, "A traced run."},
	{"ragtime_run_duration_seconds", "gauge", "seconds", "From its first to its last moment."},
	{"ragtime_wait_seconds", "counter", "seconds", "Time that calls waited, by what for."},
	{"ragtime_calls", "counter", NULL, "Calls that ended."},
	{"ragtime_call_seconds", "counter", "seconds", "Time inside these calls."},
	{"ragtime_call_errors", "counter", NULL, "Calls that failed."},
	{"ragtime_request_seconds", "histogram", "seconds", "Requests and their answers."},
	{"ragtime_llm_tokens", "counter", NULL, "Tokens, as the answers told them."},
	{"ragtime_llm_cost_dollars", "counter", "dollars", "By the price table in force."},
	{"ragtime_lost", "counter", NULL, "What is missing from the trace, by why."},
};

/* In ns; the doubling bounds of OpenTelemetry's generative AI metrics. */
static const int64_t bounds[] = {10000000, 20000000, 40000000, 80000000, 160000000, 320000000,
	640000000, 1280000000, 2560000000, 5120000000, 10240000000, 20480000000, 40960000000,
	81920000000};
#define BOUNDS (sizeof(bounds) / sizeof(*bounds))

struct metrics {
	struct buf text[FAMILY_COUNT];
	const struct run *run;
	struct model *model;
};

static void put_label(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, ",%s=\"", name);
	for (; value && *value; value++) {
		if (*value == '\\' || *value == '"')
			buf_printf(out, "\\%c", *value);
		else if (*value == '\n')
			buf_puts(out, "\\n");
		else
			buf_append(out, value, 1);
	}
	buf_puts(out, "\"");
}

static struct buf *sample_begin(struct metrics *metrics, enum family family, const char *suffix)
{
	struct buf *out = &metrics->text[family];

	buf_printf(out, "%s%s{trace=\"%s\"", families[family].name, suffix, metrics->run->uuid);
	return out;
}

static void sample_end(struct buf *out, int64_t value)
{
	buf_printf(out, "} %" PRId64 "\n", value);
}

/* Of billionths: seconds of ns, dollars. Exact, as a double would not be. None is negative. */
static void sample_end_billionths(struct buf *out, int64_t value)
{
	buf_printf(out, "} %" PRId64 ".%09" PRId64 "\n", value / 1000000000, value % 1000000000);
}

static void put_run(struct metrics *metrics)
{
	struct buf *out = sample_begin(metrics, FAMILY_RUN, "_info");

	put_label(out, "command", metrics->run->command);
	put_label(out, "host", metrics->run->host);
	sample_end(out, 1);
	out = sample_begin(metrics, FAMILY_DURATION, "");
	sample_end_billionths(out, metrics->run->end_ns - metrics->run->start_ns);
}

static struct query *ask(const struct metrics *metrics, const char *sql)
{
	struct query *query = model_query(metrics->model, sql);

	query_bind(query, 1, metrics->run->id);
	return query;
}

static void put_waits(struct metrics *metrics)
{
	struct query *query = ask(metrics,
		"SELECT wait_class, SUM(self_ns) FROM profile WHERE run = ?1 AND wait_class > 0"
		" GROUP BY wait_class ORDER BY wait_class");

	while (query_next(query)) {
		struct buf *out = sample_begin(metrics, FAMILY_WAIT, "_total");

		put_label(out, "wait", word_name("wait", (uint32_t)query_int(query, 0)));
		sample_end_billionths(out, query_int(query, 1));
	}
	query_free(query);
}

static void put_calls(struct metrics *metrics)
{
	static const enum family of_column[] = {FAMILY_CALLS, FAMILY_CALL_TIME, FAMILY_CALL_ERRORS};
	struct query *query = ask(metrics,
		"SELECT name, COALESCE(module, ''), SUM(calls), SUM(sum_ns), SUM(errors)"
		" FROM profile WHERE run = ?1 GROUP BY 1, 2 ORDER BY 1, 2");

	while (query_next(query)) {
		for (int i = 0; i < 3; i++) {
			struct buf *out = sample_begin(metrics, of_column[i], "_total");

			put_label(out, "operation", query_text(query, 0));
			put_label(out, "module", query_text(query, 1));
			if (of_column[i] == FAMILY_CALL_TIME)
				sample_end_billionths(out, query_int(query, 2 + i));
			else
				sample_end(out, query_int(query, 2 + i));
		}
	}
	query_free(query);
}

struct histogram {
	char *class, *side;
	int64_t buckets[BOUNDS], count, sum_ns;
};

static void put_histogram(struct metrics *metrics, struct histogram *histogram)
{
	struct buf *out;
	int64_t below = 0;

	if (!histogram->count)
		return;
	for (size_t i = 0; i <= BOUNDS; i++) {
		out = sample_begin(metrics, FAMILY_REQUEST, "_bucket");
		put_label(out, "class", histogram->class);
		put_label(out, "side", histogram->side);
		if (i < BOUNDS)
			buf_printf(out, ",le=\"%g\"", (double)bounds[i] / 1e9);
		else
			buf_puts(out, ",le=\"+Inf\"");
		below = i < BOUNDS ? below + histogram->buckets[i] : histogram->count;
		sample_end(out, below);
	}
	out = sample_begin(metrics, FAMILY_REQUEST, "_count");
	put_label(out, "class", histogram->class);
	put_label(out, "side", histogram->side);
	sample_end(out, histogram->count);
	out = sample_begin(metrics, FAMILY_REQUEST, "_sum");
	put_label(out, "class", histogram->class);
	put_label(out, "side", histogram->side);
	sample_end_billionths(out, histogram->sum_ns);
	free(histogram->class);
	free(histogram->side);
}

static void put_requests(struct metrics *metrics)
{
	struct query *query = ask(metrics,
		"SELECT COALESCE(w.name, 'none'), COALESCE((SELECT a.value FROM attribute a"
		"  WHERE a.span = s.id AND a.key = 'ragtime.side'), 'client'),"
		" s.end_ns - s.start_ns FROM span s"
		" JOIN operation o ON o.id = s.operation AND o.family = 14"
		" JOIN thread t ON t.id = s.thread JOIN process p ON p.id = t.process"
		" LEFT JOIN word w ON w.list = 'class' AND w.number = o.class"
		" WHERE p.run = ?1 AND s.end_ns IS NOT NULL ORDER BY 1, 2");
	struct histogram histogram = {0};

	while (query_next(query)) {
		const char *class = query_text(query, 0), *side = query_text(query, 1);
		int64_t ns = query_int(query, 2);

		if (!histogram.count || strcmp(class, histogram.class) ||
			strcmp(side, histogram.side)) {
			put_histogram(metrics, &histogram);
			histogram =
				(struct histogram){.class = strdup(class), .side = strdup(side)};
			if (!histogram.class || !histogram.side)
				break;
		}
		histogram.count++;
		histogram.sum_ns += ns;
		for (size_t i = 0; i < BOUNDS; i++) {
			if (ns <= bounds[i]) {
				histogram.buckets[i]++;
				break;
			}
		}
	}
	put_histogram(metrics, &histogram);
	query_free(query);
}

static void put_models(struct metrics *metrics)
{
	static const struct {
		enum family family;
		const char *type;
	} columns[] = {{FAMILY_TOKENS, "input"}, {FAMILY_TOKENS, "output"}, {FAMILY_COST, NULL}};
	struct query *query = ask(metrics,
		"SELECT p.value, COALESCE(m.value, ''), SUM(i.value), SUM(x.value),"
		" CAST(ROUND(SUM(c.value) * 1e9) AS INTEGER) FROM attribute p"
		" JOIN span s ON s.id = p.span JOIN thread t ON t.id = s.thread"
		" JOIN process q ON q.id = t.process AND q.run = ?1"
		" LEFT JOIN attribute m ON m.span = s.id AND m.key = 'gen_ai.request.model'"
		" LEFT JOIN attribute i ON i.span = s.id AND i.key = 'gen_ai.usage.input_tokens'"
		" LEFT JOIN attribute x ON x.span = s.id AND x.key = 'gen_ai.usage.output_tokens'"
		" AND NOT EXISTS (SELECT 1 FROM attribute e WHERE e.span = s.id"
		" AND e.key = 'ragtime.tokens_estimated')"
		" LEFT JOIN attribute c ON c.span = s.id AND c.key = 'ragtime.cost_usd'"
		" WHERE p.key = 'gen_ai.provider.name' GROUP BY 1, 2 ORDER BY 1, 2");

	while (query_next(query)) {
		for (int i = 0; i < 3; i++) {
			struct buf *out;

			if (query_is_null(query, 2 + i))
				continue;
			out = sample_begin(metrics, columns[i].family, "_total");
			put_label(out, "provider", query_text(query, 0));
			put_label(out, "model", query_text(query, 1));
			if (columns[i].type) {
				put_label(out, "type", columns[i].type);
				sample_end(out, query_int(query, 2 + i));
			} else {
				sample_end_billionths(out, query_int(query, 2 + i));
			}
		}
	}
	query_free(query);
}

static void put_losses(struct metrics *metrics)
{
	struct query *query = ask(metrics,
		"SELECT reason, SUM(count) FROM loss WHERE run = ?1 GROUP BY reason ORDER BY reason");

	while (query_next(query)) {
		struct buf *out = sample_begin(metrics, FAMILY_LOST, "_total");

		put_label(out, "reason", word_name("loss", (uint32_t)query_int(query, 0)));
		sample_end(out, query_int(query, 1));
	}
	query_free(query);
}

static void openmetrics_begin(struct export *export)
{
	export->state = calloc(1, sizeof(struct metrics));
}

static int openmetrics_run(struct export *export, struct model *model, const struct run *run)
{
	struct metrics *metrics = export->state;

	if (!metrics)
		return -ENOMEM;
	metrics->run = run;
	metrics->model = model;
	put_run(metrics);
	put_waits(metrics);
	put_calls(metrics);
	put_requests(metrics);
	put_models(metrics);
	put_losses(metrics);
	return 0;
}

static void openmetrics_end(struct export *export)
{
	struct metrics *metrics = export->state;
	struct buf *out = &export->out.bytes;

	for (size_t i = 0; metrics && i < FAMILY_COUNT; i++) {
		if (metrics->text[i].size) {
			buf_printf(out, "# TYPE %s %s\n", families[i].name, families[i].type);
			if (families[i].unit)
				buf_printf(
					out, "# UNIT %s %s\n", families[i].name, families[i].unit);
			buf_printf(out, "# HELP %s %s\n", families[i].name, families[i].help);
			buf_append(out, metrics->text[i].data, metrics->text[i].size);
		}
		out->failed |= metrics->text[i].failed;
		buf_free(&metrics->text[i]);
	}
	buf_puts(out, "# EOF\n");
	free(metrics);
}

const struct exporter exporter_openmetrics = {
	.name = "openmetrics",
	.rows = "none",
	.begin = openmetrics_begin,
	.run = openmetrics_run,
	.end = openmetrics_end,
};
