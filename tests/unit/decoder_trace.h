/* SPDX-License-Identifier: Apache-2.0 */
/* For the decoder's tests: traces of chosen calls, decoded into a database that SQL can ask. */
#ifndef TESTS_DECODER_TRACE_H
#define TESTS_DECODER_TRACE_H

#include <sqlite3.h>

#include "decoder/decode.h"
#include "loader/stream/pack.h"
#include "tests/unit/unit.h"
#include "wire/event.h"

/* A tick is a nanosecond. */
#define TRACE_START 1000000000ull
#define TRACE_ALL UINT32_MAX

struct trace_maker {
	char path[64], store[64];
	struct trace_writer *writer;
	struct pack *pack;
	uint64_t latest;
	const struct class_rules *rules; /* NULL: none */
};

static inline void trace_clock(struct trace_maker *maker, uint64_t ticks)
{
	pack_clock(maker->pack, ticks, ticks, ticks + 1700000000000000000ull);
	maker->latest = ticks;
}

static inline void trace_process(struct trace_maker *maker, uint32_t id, uint32_t pid,
	uint32_t parent, unsigned birth, uint64_t start)
{
	struct pack_process process = {.id = id,
		.pid = pid,
		.parent_pid = parent,
		.birth = birth,
		.program = "/bin/program",
		.start_ticks = start};

	pack_process(maker->pack, &process);
}

static inline void trace_thread(
	struct trace_maker *maker, uint32_t id, uint32_t process, uint32_t tid, uint64_t start)
{
	struct pack_thread thread = {
		.id = id, .process = process, .tid = tid, .name = "thread", .start_ticks = start};

	pack_thread(maker->pack, &thread);
}

static inline struct trace_maker trace_begin_run(const char *name, char run)
{
	struct trace_maker maker = {.latest = TRACE_START};
	struct trace_writer_options options = {.output = maker.path, .run = {(uint8_t)run}};
	struct pack_start start = {.mode = "shim",
		.command = "test",
		.ticks_per_second = 1000000000,
		.run = {(uint8_t)run}};
	const char *folder = getenv("TMP") ? getenv("TMP") : "/tmp";

	snprintf(maker.path, sizeof(maker.path), "%.30s/%s.%d.rtrace", folder, name, getpid());
	snprintf(maker.store, sizeof(maker.store), "%.30s/%s.%d.db", folder, name, getpid());
	maker.writer = trace_writer_new(&options);
	maker.pack = pack_new(maker.writer, &start, NULL, NULL);
	trace_clock(&maker, TRACE_START);
	trace_process(&maker, 1, 100, 1, RT_BIRTH_LAUNCH, TRACE_START);
	trace_thread(&maker, 1, 1, 100, TRACE_START);
	return maker;
}

static inline struct trace_maker trace_begin(const char *name)
{
	return trace_begin_run(name, 'x');
}

/* A call that carries a text (tail_type 0: none). */
static inline void trace_call_note(struct trace_maker *maker, uint32_t thread,
	const struct rt_record *call, unsigned tail_type, const void *text, size_t size)
{
	struct rt_record slots[1 + RT_TAIL_SLOTS(512)];
	struct rt_tail *tail = (struct rt_tail *)(slots + 1);

	memset(slots, 0, sizeof(slots));
	slots[0] = *call;
	if (tail_type) {
		slots[0].flags |= RT_FLAG_TAIL;
		tail->size = (uint16_t)size;
		tail->type = (uint8_t)tail_type;
		memcpy(tail->bytes, text, size);
	}
	pack_records(maker->pack, thread, slots, 1 + (tail_type ? RT_TAIL_SLOTS(size) : 0), 1);
	if (call->start + call->duration > maker->latest)
		maker->latest = call->start + call->duration;
}

static inline void trace_call(struct trace_maker *maker, uint32_t thread, unsigned kind,
	unsigned depth, uint64_t start, uint64_t end, uint64_t arg, int64_t result)
{
	struct rt_record call = {.start = TRACE_START + start,
		.duration = (uint32_t)(end - start),
		.kind = (uint16_t)kind,
		.depth = (uint8_t)depth,
		.arg = arg,
		.result = result};

	trace_call_note(maker, thread, &call, 0, NULL, 0);
}

static inline void trace_block(struct trace_maker *maker)
{
	trace_clock(maker, maker->latest + 1);
	pack_flush(maker->pack);
}

static inline void trace_finish(struct trace_maker *maker)
{
	struct pack_end end = {.reason = "exit"};

	if (!maker->pack)
		return;
	trace_clock(maker, maker->latest + 1);
	end.monotonic_ns = maker->latest;
	CHECK_EQ(pack_finish(maker->pack, &end), 0);
	pack_free(maker->pack);
	trace_writer_free(maker->writer);
	maker->pack = NULL;
}

/* Finishes the trace where it is not yet, decodes it, and opens the database. */
static inline sqlite3 *trace_decode(struct trace_maker *maker, uint32_t row_limit)
{
	struct decode_options options = {.row_limit = row_limit, .rules = maker->rules};
	struct decode_summary summary;
	struct store_error error = {{0}};
	struct trace_error why = {{0}};
	const char *path = maker->path;
	struct store *store = store_open(maker->store, false, &error);
	sqlite3 *db = NULL;

	trace_finish(maker);
	CHECK(store != NULL);
	CHECK_EQ(decode_run(store, &path, 1, &options, &summary, &why), 0);
	CHECK_STR(why.text, "");
	CHECK_EQ(store_finish(store, &error), 0);
	store_free(store);
	CHECK_EQ(sqlite3_open_v2(maker->store, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	return db;
}

static inline void trace_end(struct trace_maker *maker, sqlite3 *db)
{
	sqlite3_close(db);
	unlink(maker->path);
	unlink(maker->store);
}

/* The first number of the first row; -1 where there is none. */
static inline int64_t sql_number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement = NULL;
	int64_t number = -1;

	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
		printf("%s: %s\n", sql, sqlite3_errmsg(db));
	else if (sqlite3_step(statement) == SQLITE_ROW &&
		sqlite3_column_type(statement, 0) != SQLITE_NULL)
		number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return number;
}

/* The first text of the first row, "" where there is none; until the next call. */
static inline const char *sql_text(sqlite3 *db, const char *sql)
{
	static char text[65536];
	sqlite3_stmt *statement = NULL;

	text[0] = '\0';
	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
		printf("%s: %s\n", sql, sqlite3_errmsg(db));
	else if (sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_text(statement, 0))
		snprintf(text, sizeof(text), "%s", (const char *)sqlite3_column_text(statement, 0));
	sqlite3_finalize(statement);
	return text;
}

#endif
