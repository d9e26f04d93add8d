/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store in SQLite. Nobody reads the file before it is whole, so it needs no journal: a crash
 * leaves a NAME.tmp that the next decode overwrites.
 */
#include "decoder/store.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/embedded.h"

/* Rows an INSERT: 16 cost two thirds of what one by one does; more gains nothing. */
#define SPAN_BATCH 16

static const struct table_shape {
	const char *name;
	unsigned columns;
} shapes[STORE_TABLES] = {
	[STORE_RUN] = {"run", 15},
	[STORE_PROCESS] = {"process", 11},
	[STORE_THREAD] = {"thread", 9},
	[STORE_OPERATION] = {"operation", 7},
	[STORE_OBJECT] = {"object", 9},
	[STORE_FOLD] = {"fold", 22},
	[STORE_ATTRIBUTE] = {"attribute", 3},
	[STORE_COUNTER] = {"counter", 4},
	[STORE_LOSS] = {"loss", 6},
	[STORE_USAGE] = {"usage", 9},
	[STORE_THREAD_USAGE] = {"thread_usage", 4},
	[STORE_METRIC] = {"metric", 3},
	[STORE_RULE_FILE] = {"rule_file", 5},
	[STORE_RULE] = {"rule", 9},
	[STORE_WORD] = {"word", 4},
	[STORE_CONNECTION] = {"connection", 18},
	[STORE_FUNCTION] = {"function", 4},
	[STORE_RUNTIME] = {"runtime", 4},
	[STORE_SUGGESTION] = {"suggestion", 4},
	[STORE_FRAME] = {"frame", 6},
	[STORE_SAMPLE] = {"sample", 5},
};

struct store {
	sqlite3 *db;
	char *path; /* NULL: an open file, written in place */
	char *temporary;
	bool finished;
	char failure[400];
	sqlite3_stmt *put[STORE_TABLES];
	sqlite3_stmt *span;
	sqlite3_stmt *spans; /* SPAN_BATCH at once */
	sqlite3_stmt *parent;
	int64_t waiting[SPAN_BATCH][SPAN_COLUMNS];
	unsigned waiting_count;
	uint64_t span_count;
	bool adopts; /* the index for that is there */
};

static void fail(struct store *store, const char *what)
{
	if (!store->failure[0])
		snprintf(store->failure, sizeof(store->failure), "%s: %s", what,
			sqlite3_errmsg(store->db));
}

static void run_sql(struct store *store, const char *what, const char *sql)
{
	if (store->failure[0])
		return;
	if (sqlite3_exec(store->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail(store, what);
}

static sqlite3_stmt *prepare(struct store *store, const char *sql)
{
	sqlite3_stmt *statement = NULL;

	if (!store->failure[0] &&
		sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement,
			NULL) != SQLITE_OK)
		fail(store, "cannot prepare a statement");
	return statement;
}

/* "verb INTO table VALUES (?,?),(?,?)..." */
static sqlite3_stmt *prepare_insert(
	struct store *store, const char *verb, const char *table, unsigned columns, unsigned rows)
{
	char sql[64 + SPAN_BATCH * (2 * SPAN_COLUMNS + 3)];
	int used = snprintf(sql, sizeof(sql), "%s INTO %s VALUES ", verb, table);

	for (unsigned row = 0; row < rows; row++) {
		for (unsigned column = 0; column < columns; column++) {
			sql[used++] = column ? ',' : '(';
			sql[used++] = '?';
		}
		sql[used++] = ')';
		sql[used++] = ',';
	}
	sql[used - 1] = '\0';
	return prepare(store, sql);
}

static void step(struct store *store, sqlite3_stmt *statement, const char *table)
{
	char what[64];

	if (sqlite3_step(statement) != SQLITE_DONE) {
		snprintf(what, sizeof(what), "cannot write table %s", table);
		fail(store, what);
	}
	sqlite3_reset(statement);
}

/* ---- opening ---- */

/* A name like /proc/self/fd/5 must reach open() as it is: resolved, it is a file already gone. */
static int keep_path(sqlite3_vfs *vfs, const char *path, int size, char *out)
{
	(void)vfs;
	return snprintf(out, (size_t)size, "%s", path) < size ? SQLITE_OK : SQLITE_CANTOPEN;
}

/* ... and /proc/self/fd/5 is a link, which SQLite would refuse to follow. */
static int open_following(const char *path, int flags, int mode)
{
	return open(path, flags & ~O_NOFOLLOW, mode);
}

static const char *descriptor_vfs(void)
{
	static sqlite3_vfs vfs;

	if (!vfs.zName) {
		vfs = *sqlite3_vfs_find(NULL);
		vfs.xSetSystemCall(&vfs, "open", (sqlite3_syscall_ptr)open_following);
		vfs.zName = "ragtime-descriptor";
		vfs.pNext = NULL;
		vfs.xFullPathname = keep_path;
		sqlite3_vfs_register(&vfs, 0);
	}
	return vfs.zName;
}

/* The number of "fd:N" and its other spellings, or -1. */
static int descriptor_of(const char *output)
{
	static const char *const spellings[] = {"fd:", "/proc/self/fd/", "/dev/fd/"};

	for (size_t i = 0; i < sizeof(spellings) / sizeof(*spellings); i++) {
		size_t size = strlen(spellings[i]);
		char *end;
		long number;

		if (strncmp(output, spellings[i], size))
			continue;
		number = strtol(output + size, &end, 10);
		if (end != output + size && !*end && number >= 0 && number <= 1 << 20)
			return (int)number;
	}
	return -1;
}

static int64_t number_of(struct store *store, const char *sql)
{
	sqlite3_stmt *statement = NULL;
	int64_t number = 0;

	if (sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL) != SQLITE_OK)
		fail(store, "cannot read the database");
	else if (sqlite3_step(statement) == SQLITE_ROW)
		number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return number;
}

/* Brings an older database up to date, one wire/migrations/NNN_*.sql after the other. */
static void migrate(struct store *store, int64_t version)
{
	for (; version < embedded_schema_version(); version++) {
		char prefix[40];
		const struct embedded *file = embedded_files;

		snprintf(prefix, sizeof(prefix), "wire/migrations/%03d_", (int)version + 1);
		while (file->path && strncmp(file->path, prefix, strlen(prefix)) != 0)
			file++;
		if (!file->path) {
			snprintf(store->failure, sizeof(store->failure),
				"no migration from schema %d to %d", (int)version,
				(int)version + 1);
			return;
		}
		run_sql(store, file->path, file->text);
	}
}

/* Whether what is at `path` may be replaced or added to: a database of ours, of no newer schema. */
static void check_existing(struct store *store)
{
	int64_t version = number_of(store, "PRAGMA user_version");
	int64_t tables = number_of(store,
		"SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name IN "
		"('run', 'process', 'thread', 'operation', 'object', 'span', 'fold')");

	if (store->failure[0] || tables != 7)
		snprintf(store->failure, sizeof(store->failure),
			"it is there, and not a database that ragtime wrote; choose another name");
	else if (version > embedded_schema_version())
		snprintf(store->failure, sizeof(store->failure),
			"written by a newer ragtime (schema %d, this one writes %d); update "
			"ragtime or choose another name",
			(int)version, embedded_schema_version());
}

static void open_database(struct store *store, const char *path, int flags, const char *vfs)
{
	if (sqlite3_open_v2(path, &store->db, flags | SQLITE_OPEN_NOMUTEX, vfs) != SQLITE_OK)
		fail(store, "cannot open it");
}

static void close_database(struct store *store)
{
	sqlite3_close(store->db);
	store->db = NULL;
}

/* Looks at what is there, and copies it to the temporary file where it is to be kept. */
static void inspect_target(struct store *store, bool append)
{
	struct stat info;
	char *sql;

	if (stat(store->path, &info) || !info.st_size)
		return;
	open_database(store, store->path, SQLITE_OPEN_READONLY, NULL);
	if (!store->failure[0])
		check_existing(store);
	if (!store->failure[0] && append) {
		sql = sqlite3_mprintf("VACUUM INTO %Q", store->temporary);
		run_sql(store, "cannot copy it", sql);
		sqlite3_free(sql);
	}
	close_database(store);
}

/* What an interrupt must not leave behind. */
static char *volatile unfinished;

static void on_interrupt(int number)
{
	if (unfinished)
		unlink(unfinished);
	signal(number, SIG_DFL);
	raise(number);
}

static void watch_interrupts(char *path)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action = {.sa_handler = path ? on_interrupt : SIG_DFL};
	struct sigaction before;

	unfinished = path;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		/* what is ignored, as under nohup, stays so */
		if (!sigaction(numbers[i], NULL, &before) && before.sa_handler != SIG_IGN)
			sigaction(numbers[i], &action, NULL);
	}
}

/* Private from its first moment on, and no link that somebody laid out. */
static void make_temporary(struct store *store)
{
	int fd;

	unlink(store->temporary);
	fd = open(store->temporary, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0) {
		snprintf(store->failure, sizeof(store->failure), "cannot make %s: %s",
			store->temporary, strerror(errno));
		return;
	}
	close(fd);
	watch_interrupts(store->temporary);
}

static void open_named(struct store *store, const char *output, bool append)
{
	store->path = strdup(output);
	if (!store->path || asprintf(&store->temporary, "%s.tmp", output) < 0) {
		store->temporary = NULL;
		snprintf(store->failure, sizeof(store->failure), "out of memory");
		return;
	}
	make_temporary(store);
	if (!store->failure[0])
		inspect_target(store, append);
	if (!store->failure[0])
		open_database(store, store->temporary, SQLITE_OPEN_READWRITE, NULL);
}

static void open_descriptor(struct store *store, int fd)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (ftruncate(fd, 0)) {
		snprintf(store->failure, sizeof(store->failure), "cannot write to it: %s",
			strerror(errno));
		return;
	}
	open_database(store, path, SQLITE_OPEN_READWRITE, descriptor_vfs());
}

/* The indexes are made anew at the end. */
static void reuse_tables(struct store *store, int64_t version)
{
	sqlite3_stmt *names = NULL;
	char *drops = NULL;

	migrate(store, version);
	if (sqlite3_prepare_v2(store->db,
		    "SELECT group_concat('DROP INDEX ' || name, ';') FROM sqlite_schema"
		    " WHERE type = 'index' AND sql IS NOT NULL",
		    -1, &names, NULL) == SQLITE_OK &&
		sqlite3_step(names) == SQLITE_ROW && sqlite3_column_text(names, 0))
		drops = strdup((const char *)sqlite3_column_text(names, 0));
	sqlite3_finalize(names);
	if (drops)
		run_sql(store, "cannot drop the old indexes", drops);
	free(drops);
}

static void prepare_tables(struct store *store)
{
	const struct embedded *schema = embedded_find("wire/schema.sql");
	int64_t version;

	/* larger pages are split less often: a tenth less CPU */
	run_sql(store, "cannot set it up",
		"PRAGMA page_size = 16384; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; "
		"PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -16384;");
	version = number_of(store, "PRAGMA user_version");
	if (version)
		reuse_tables(store, version);
	run_sql(store, "cannot make the tables", schema ? schema->text : "");
	run_sql(store, "cannot begin", "BEGIN");
	for (int i = 0; i < STORE_TABLES; i++)
		store->put[i] = prepare_insert(
			store, "INSERT OR REPLACE", shapes[i].name, shapes[i].columns, 1);
	store->span = prepare_insert(store, "INSERT", "span", SPAN_COLUMNS, 1);
	store->spans = prepare_insert(store, "INSERT", "span", SPAN_COLUMNS, SPAN_BATCH);
}

struct store *store_open(const char *output, bool append, struct store_error *error)
{
	struct store *store = calloc(1, sizeof(*store));
	int fd = descriptor_of(output);

	/* one thread, and nobody asks how much memory is in use: no locks */
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	if (!store) {
		snprintf(error->text, sizeof(error->text), "out of memory");
		return NULL;
	}
	if (fd >= 0)
		open_descriptor(store, fd);
	else
		open_named(store, output, append);
	if (!store->failure[0])
		prepare_tables(store);
	if (store->failure[0]) {
		snprintf(error->text, sizeof(error->text), "cannot write %s: %s", output,
			store->failure);
		store_free(store);
		return NULL;
	}
	return store;
}

void store_free(struct store *store)
{
	if (!store)
		return;
	for (int i = 0; i < STORE_TABLES; i++)
		sqlite3_finalize(store->put[i]);
	sqlite3_finalize(store->span);
	sqlite3_finalize(store->spans);
	sqlite3_finalize(store->parent);
	sqlite3_close(store->db);
	if (store->temporary && !store->finished)
		unlink(store->temporary);
	if (unfinished && unfinished == store->temporary)
		watch_interrupts(NULL);
	free(store->temporary);
	free(store->path);
	free(store);
}

/* ---- rows ---- */

static void bind_span(sqlite3_stmt *statement, unsigned at, const int64_t row[SPAN_COLUMNS])
{
	for (unsigned i = 0; i < SPAN_COLUMNS; i++) {
		if (row[i] == STORE_NULL)
			sqlite3_bind_null(statement, (int)(at + i + 1));
		else
			sqlite3_bind_int64(statement, (int)(at + i + 1), row[i]);
	}
}

static void flush_spans(struct store *store)
{
	unsigned count = store->waiting_count;

	store->waiting_count = 0;
	if (store->failure[0])
		return;
	if (count == SPAN_BATCH) {
		for (unsigned i = 0; i < count; i++)
			bind_span(store->spans, i * SPAN_COLUMNS, store->waiting[i]);
		step(store, store->spans, "span");
		return;
	}
	for (unsigned i = 0; i < count && !store->failure[0]; i++) {
		bind_span(store->span, 0, store->waiting[i]);
		step(store, store->span, "span");
	}
}

void store_span(struct store *store, const int64_t row[SPAN_COLUMNS])
{
	memcpy(store->waiting[store->waiting_count], row, sizeof(store->waiting[0]));
	store->span_count++;
	if (++store->waiting_count == SPAN_BATCH)
		flush_spans(store);
}

uint64_t store_spans(const struct store *store)
{
	return store->span_count;
}

void store_put(struct store *store, enum store_table table, const struct value *values)
{
	sqlite3_stmt *statement = store->put[table];

	if (store->failure[0])
		return;
	for (unsigned i = 0; i < shapes[table].columns; i++) {
		const struct value *value = &values[i];
		int place = (int)i + 1;

		if (value->type == VALUE_INT)
			sqlite3_bind_int64(statement, place, value->number);
		else if (value->type == VALUE_REAL)
			sqlite3_bind_double(statement, place, value->real);
		else if (value->type == VALUE_TEXT)
			sqlite3_bind_text(statement, place, value->bytes, -1, SQLITE_STATIC);
		else if (value->type == VALUE_BLOB)
			sqlite3_bind_blob(
				statement, place, value->bytes, (int)value->number, SQLITE_STATIC);
		else
			sqlite3_bind_null(statement, place);
	}
	step(store, statement, shapes[table].name);
}

static void fix(struct store *store, const char *sql, const struct store_fix *what)
{
	sqlite3_stmt *statement;

	flush_spans(store);
	statement = prepare(store, sql);
	if (!statement)
		return;
	sqlite3_bind_int64(statement, 1, what->becomes);
	sqlite3_bind_int64(statement, 2, what->first);
	sqlite3_bind_int64(statement, 3, what->last);
	sqlite3_bind_int64(statement, 4, what->was);
	step(store, statement, "span");
	sqlite3_finalize(statement);
}

void store_fix_fold(struct store *store, const struct store_fix *what)
{
	fix(store, "UPDATE span SET fold = ?1 WHERE id BETWEEN ?2 AND ?3 AND fold = ?4", what);
}

void store_move_parent(struct store *store, const struct store_fix *what)
{
	fix(store, "UPDATE span SET parent = ?1 WHERE id BETWEEN ?2 AND ?3 AND parent = ?4", what);
}

void store_fix_parent(struct store *store, const struct store_fix *what)
{
	fix(store,
		"UPDATE span SET parent = ?1, evidence = 0"
		" WHERE id BETWEEN ?2 AND ?3 AND parent = ?4",
		what);
}

void store_set_parent(struct store *store, int64_t span, int64_t parent, uint8_t evidence)
{
	flush_spans(store);
	if (!store->parent)
		store->parent =
			prepare(store, "UPDATE span SET parent = ?1, evidence = ?2 WHERE id = ?3");
	if (!store->parent)
		return;
	sqlite3_bind_int64(store->parent, 1, parent);
	sqlite3_bind_int64(store->parent, 2, evidence);
	sqlite3_bind_int64(store->parent, 3, span);
	step(store, store->parent, "span");
}

void store_adopt(struct store *store, const struct store_fix *what)
{
	if (!store->adopts)
		run_sql(store, "cannot make an index",
			"CREATE INDEX IF NOT EXISTS span_parent ON span(parent)");
	store->adopts = true;
	fix(store,
		"UPDATE span SET parent = ?1"
		" WHERE parent = ?4 AND start_ns BETWEEN ?2 AND ?3 AND id <> ?1",
		what);
}

int64_t store_last_id(struct store *store, enum store_table table)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "SELECT MAX(id) FROM %s", shapes[table].name);
	return number_of(store, sql);
}

int64_t store_last_span(struct store *store)
{
	flush_spans(store);
	return number_of(store, "SELECT MAX(id) FROM span");
}

bool store_has_run(struct store *store, const char *uuid)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM run WHERE uuid = '%.32s'", uuid);
	return number_of(store, sql) > 0;
}

bool store_failed(const struct store *store)
{
	return store->failure[0];
}

static void take_name(struct store *store)
{
	int fd = open(store->temporary, O_RDONLY | O_CLOEXEC);
	int err = fd < 0 || fsync(fd) ? errno : 0;

	if (fd >= 0)
		close(fd);
	if (!err && rename(store->temporary, store->path))
		err = errno;
	if (err)
		snprintf(store->failure, sizeof(store->failure), "cannot give %s its name: %s",
			store->temporary, strerror(err));
	else
		store->finished = true;
}

int store_finish(struct store *store, struct store_error *error)
{
	const struct embedded *indexes = embedded_find("wire/schema_index.sql");
	const char *name = store->path ? store->path : "the database";

	flush_spans(store);
	run_sql(store, "cannot finish the rows", "COMMIT");
	run_sql(store, "cannot make the indexes", indexes ? indexes->text : "");
	if (store->path && !store->failure[0])
		take_name(store);
	if (!store->failure[0])
		return 0;
	snprintf(error->text, sizeof(error->text),
		"cannot write %s: %s; is there room on the disk?", name, store->failure);
	return -1;
}
