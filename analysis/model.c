/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one reader of the store. A database is what somebody sends: it is opened read-only and
 * defensively, and any failure of a query is kept and told once.
 */
#include "analysis/model.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/embedded.h"

struct model {
	sqlite3 *db;
	char *error;
};

struct query {
	struct model *model;
	sqlite3_stmt *statement;
};

static const char profile_view[] =
	"CREATE TEMP VIEW profile AS"
	" SELECT d.*, t.process, p.run, o.name, o.module, o.family, b.kind AS object_kind,"
	"  b.name AS object_name,"
	"  " MODEL_WAIT_CLASS " AS wait_class"
	" FROM fold d JOIN thread t ON t.id = d.thread JOIN process p ON p.id = t.process"
	" JOIN operation o ON o.id = d.operation AND o.id >= 32 LEFT JOIN object b ON b.id = d.object;";

/* A name like /proc/self/fd/5 must reach open() as it is: resolved, it is a file already gone. */
static int keep_path(sqlite3_vfs *vfs, const char *path, int size, char *out)
{
	(void)vfs;
	return snprintf(out, (size_t)size, "%s", path) < size ? SQLITE_OK : SQLITE_CANTOPEN;
}

/* ... and as a link, which SQLite would refuse to follow. */
static int open_following(const char *path, int flags, int mode)
{
	return open(path, flags & ~O_NOFOLLOW, mode);
}

static const char *nameless_vfs(void)
{
	static sqlite3_vfs vfs;

	if (!vfs.zName) {
		vfs = *sqlite3_vfs_find(NULL);
		vfs.xSetSystemCall(&vfs, "open", (sqlite3_syscall_ptr)open_following);
		vfs.zName = "ragtime-nameless";
		vfs.pNext = NULL;
		vfs.xFullPathname = keep_path;
		sqlite3_vfs_register(&vfs, 0);
	}
	return vfs.zName;
}

/*
 * What threads did with their lives, as far as the system was asked; scaled from when it was asked
 * last to the whole. From launch and fork on (birth 1 and 2, wire/event.h) it counts from nothing;
 * of others the first figure is what went before.
 */
static const char thread_time_view[] =
	"CREATE TEMP VIEW thread_time AS"
	" WITH asked AS (SELECT u.thread, t.process, p.run, " MODEL_THREAD_START " AS start_ns,"
	"  " MODEL_THREAD_END " AS end_ns,"
	"  p.birth IN (1, 2) OR (p.birth = 3 AND t.tid <> p.pid) AS whole, COUNT(*) AS times,"
	"  MIN(u.at_ns) AS first_ns, MAX(u.at_ns) AS last_ns, MIN(u.cpu_ns) AS cpu_before,"
	"  MAX(u.cpu_ns) AS cpu, MIN(u.runqueue_ns) AS queue_before, MAX(u.runqueue_ns) AS queue"
	"  FROM thread_usage u JOIN thread t ON t.id = u.thread JOIN process p ON p.id = t.process"
	"  JOIN run r ON r.id = p.run GROUP BY u.thread"
	" ), seen AS (SELECT thread, process, run, MAX(0, end_ns - start_ns) AS wall_ns,"
	"  last_ns - CASE WHEN whole THEN start_ns ELSE first_ns END AS seen_ns,"
	"  cpu - CASE WHEN whole THEN 0 ELSE cpu_before END AS cpu,"
	"  queue - CASE WHEN whole THEN 0 ELSE queue_before END AS queue"
	"  FROM asked WHERE whole OR times > 1)"
	" SELECT thread, process, run, wall_ns,"
	"  CAST(MIN(1.0, 1.0 * cpu / seen_ns) * wall_ns AS INTEGER) AS cpu_ns,"
	"  CAST(MIN(1.0, 1.0 * queue / seen_ns) * wall_ns AS INTEGER) AS runqueue_ns"
	" FROM seen WHERE seen_ns > 0;";

/* Tables that came later, as they read in a database without them. */
static const struct {
	const char *name, *empty;
} younger[] = {
	{"connection",
		"CREATE TEMP VIEW connection AS SELECT NULL AS object, NULL AS process,"
		" NULL AS side, NULL AS dns_ns, NULL AS connect_ns, NULL AS tls_ns,"
		" NULL AS tls_version, NULL AS tls_resumed, NULL AS server_name,"
		" NULL AS requests, NULL AS send_ns, NULL AS wait_ns, NULL AS receive_ns,"
		" NULL AS idle_ns, NULL AS bytes_out, NULL AS bytes_in, NULL AS retransmits,"
		" NULL AS rtt_ns WHERE 0"},
	{"thread_usage",
		"CREATE TEMP VIEW thread_usage AS SELECT NULL AS thread, NULL AS at_ns,"
		" NULL AS cpu_ns, NULL AS runqueue_ns WHERE 0"},
	{"frame",
		"CREATE TEMP VIEW frame AS SELECT NULL AS id, NULL AS caller, NULL AS language,"
		" NULL AS name, NULL AS module, NULL AS line WHERE 0"},
	{"sample",
		"CREATE TEMP VIEW sample AS SELECT NULL AS thread, NULL AS frame, NULL AS at_ns,"
		" NULL AS weight_ns, NULL AS sampled WHERE 0"},
};

static const char *add_views(struct model *model)
{
	for (size_t i = 0; i < sizeof(younger) / sizeof(*younger); i++) {
		char sql[128];

		snprintf(sql, sizeof(sql),
			"SELECT COUNT(*) FROM main.sqlite_schema WHERE name = '%s'",
			younger[i].name);
		if (!model_number(model, sql, 0, 0) &&
			sqlite3_exec(model->db, younger[i].empty, NULL, NULL, NULL) != SQLITE_OK)
			return sqlite3_errmsg(model->db);
	}
	if (sqlite3_exec(model->db, profile_view, NULL, NULL, NULL) != SQLITE_OK ||
		sqlite3_exec(model->db, thread_time_view, NULL, NULL, NULL) != SQLITE_OK)
		return sqlite3_errmsg(model->db);
	return model->error;
}

static const char *refusal(struct model *model, char *space, size_t size)
{
	int64_t version = model_number(model, "PRAGMA user_version", 0, 0);
	int64_t tables = model_number(model,
		"SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name IN "
		"('run', 'process', 'thread', 'operation', 'object', 'span', 'fold')",
		0, 0);

	if (model->error)
		return model->error;
	if (tables != 7 || version < 1) {
		snprintf(space, size, "a database, but not one that ragtime wrote");
		return space;
	}
	if (version > embedded_schema_version()) {
		snprintf(space, size,
			"written by a newer ragtime (schema %lld, this one reads up to %d); "
			"update ragtime to read it",
			(long long)version, embedded_schema_version());
		return space;
	}
	return NULL;
}

struct model *model_open(const char *path, char *error, size_t error_size)
{
	bool nameless = !strncmp(path, "/proc/self/fd/", 14);
	struct model *model = calloc(1, sizeof(*model));
	char space[256];
	const char *why;

	if (!model) {
		snprintf(error, error_size, "out of memory");
		return NULL;
	}
	if (sqlite3_open_v2(path, &model->db, SQLITE_OPEN_READONLY,
		    nameless ? nameless_vfs() : NULL) != SQLITE_OK) {
		snprintf(error, error_size, "%s", sqlite3_errmsg(model->db));
		model_close(model);
		return NULL;
	}
	sqlite3_busy_timeout(model->db, 5000);
	sqlite3_db_config(model->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(model->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	why = refusal(model, space, sizeof(space));
	if (!why)
		why = add_views(model);
	if (why) {
		snprintf(error, error_size, "%s", why);
		model_close(model);
		return NULL;
	}
	return model;
}

struct model *model_scratch(void)
{
	struct model *model = calloc(1, sizeof(*model));

	if (model && sqlite3_open(":memory:", &model->db) != SQLITE_OK) {
		model_close(model);
		return NULL;
	}
	return model;
}

void model_close(struct model *model)
{
	if (!model)
		return;
	sqlite3_close(model->db);
	free(model->error);
	free(model);
}

const char *model_error(const struct model *model)
{
	return model->error;
}

void model_forget_error(struct model *model)
{
	free(model->error);
	model->error = NULL;
}

static void keep_error(struct model *model)
{
	if (!model->error)
		model->error = strdup(sqlite3_errmsg(model->db));
}

struct query *model_query(struct model *model, const char *sql)
{
	struct query *query = calloc(1, sizeof(*query));

	if (!query)
		return NULL;
	query->model = model;
	if (sqlite3_prepare_v2(model->db, sql, -1, &query->statement, NULL) != SQLITE_OK) {
		keep_error(model);
		free(query);
		return NULL;
	}
	return query;
}

void query_free(struct query *query)
{
	if (!query)
		return;
	sqlite3_finalize(query->statement);
	free(query);
}

void query_bind(struct query *query, int parameter, int64_t value)
{
	if (!query)
		return;
	sqlite3_reset(query->statement);
	sqlite3_bind_int64(query->statement, parameter, value);
}

void query_bind_text(struct query *query, int parameter, const char *text)
{
	if (!query)
		return;
	sqlite3_reset(query->statement);
	sqlite3_bind_text(query->statement, parameter, text, -1, SQLITE_STATIC);
}

bool query_next(struct query *query)
{
	int status = query ? sqlite3_step(query->statement) : SQLITE_DONE;

	if (status != SQLITE_ROW && status != SQLITE_DONE)
		keep_error(query->model);
	return status == SQLITE_ROW;
}

int query_columns(const struct query *query)
{
	return sqlite3_column_count(query->statement);
}

const char *query_name(const struct query *query, int column)
{
	return sqlite3_column_name(query->statement, column);
}

bool query_is_null(const struct query *query, int column)
{
	return sqlite3_column_type(query->statement, column) == SQLITE_NULL;
}

int64_t query_int(const struct query *query, int column)
{
	return sqlite3_column_int64(query->statement, column);
}

double query_double(const struct query *query, int column)
{
	return sqlite3_column_double(query->statement, column);
}

bool query_is_text(const struct query *query, int column)
{
	return sqlite3_column_type(query->statement, column) == SQLITE_TEXT;
}

bool query_is_real(const struct query *query, int column)
{
	return sqlite3_column_type(query->statement, column) == SQLITE_FLOAT;
}

const char *query_text(const struct query *query, int column)
{
	return (const char *)sqlite3_column_text(query->statement, column);
}

const void *query_blob(const struct query *query, int column, size_t *size)
{
	const void *bytes = sqlite3_column_blob(query->statement, column);

	*size = (size_t)sqlite3_column_bytes(query->statement, column);
	return bytes;
}

int64_t model_number(struct model *model, const char *sql, int64_t parameter, int64_t otherwise)
{
	struct query *query = model_query(model, sql);
	int64_t value = otherwise;

	query_bind(query, 1, parameter);
	if (query_next(query) && !query_is_null(query, 0))
		value = query_int(query, 0);
	query_free(query);
	return value;
}

static char *copy_text(const struct query *query, int column)
{
	const char *text = query_text(query, column);

	return text ? strdup(text) : NULL;
}

static void read_run(const struct query *query, struct run *run)
{
	*run = (struct run){
		.id = query_int(query, 0),
		.uuid = copy_text(query, 1),
		.version = copy_text(query, 2),
		.host = copy_text(query, 3),
		.kernel = copy_text(query, 4),
		.mode = copy_text(query, 5),
		.command = copy_text(query, 6),
		.cpu_model = copy_text(query, 7),
		.reason = copy_text(query, 8),
		.processors = query_int(query, 9),
		.start_ns = query_int(query, 10),
		.end_ns = query_int(query, 11),
		.epoch_ns = query_int(query, 12),
		.has_epoch = !query_is_null(query, 12),
		.status = query_int(query, 13),
		.has_status = !query_is_null(query, 13),
		.script = copy_text(query, 14),
		.content = query_int(query, 16) != 0,
	};
	/* The target's own status says what a shell's does not: signal N, or exit(128 + N). */
	if (query_int(query, 15) < 0 && run->status == 128 - query_int(query, 15))
		run->signal = (int)-query_int(query, 15);
	if (run->end_ns < run->start_ns)
		run->end_ns = run->start_ns;
}

struct run *model_runs(struct model *model, size_t *count)
{
	struct query *query = model_query(model,
		"SELECT id, uuid, version, host, kernel, mode, command, cpu_model, reason,"
		" processors, start_ns, end_ns, epoch_ns, status, (SELECT script FROM process p"
		"  WHERE p.run = run.id ORDER BY p.id LIMIT 1), (SELECT p.status FROM process p"
		"  WHERE p.run = run.id ORDER BY p.id LIMIT 1), content FROM run ORDER BY id");
	struct run *runs = NULL;

	*count = 0;
	while (query_next(query)) {
		struct run *more = realloc(runs, (*count + 1) * sizeof(*runs));

		if (!more)
			break;
		runs = more;
		read_run(query, &runs[(*count)++]);
	}
	query_free(query);
	return runs;
}

void model_runs_free(struct run *runs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *texts[] = {runs[i].uuid, runs[i].version, runs[i].host, runs[i].kernel,
			runs[i].mode, runs[i].command, runs[i].cpu_model, runs[i].script,
			runs[i].reason};

		for (size_t j = 0; j < sizeof(texts) / sizeof(*texts); j++)
			free(texts[j]);
	}
	free(runs);
}
