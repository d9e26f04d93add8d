/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks that are well formed and mean nothing: any kind at any depth at any time, of threads and
 * processes that do or do not exist. The decoder lives, counts every call, and its trees are trees.
 */
#include "tests/unit/decoder_trace.h"

static uint64_t state = 88172645463325252ull;

static uint64_t any(uint64_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % below;
}

static void put_calls(struct trace_maker *maker, uint64_t *counted)
{
	static const uint16_t known[] = {RT_EV_open, RT_EV_close, RT_EV_socket, RT_EV_connect,
		RT_EV_accept, RT_EV_dup, RT_EV_pipe, RT_EV_SSL_set_fd, RT_EV_SSL_free, RT_EV_read,
		RT_EV_listen, RT_EV_bind, RT_EV_fork, RT_EV_exec, RT_EV_mutex_lock, RT_EV_poll};
	uint64_t count = any(300);

	for (uint64_t i = 0; i < count; i++) {
		char text[64];
		uint64_t size = any(sizeof(text));
		struct rt_record call = {
			.start = TRACE_START + any(1 << 20),
			.duration = (uint32_t)any(any(2) ? 1000 : 1u << 31),
			.kind = any(4) ? known[any(sizeof(known) / sizeof(*known))]
				       : (uint16_t)(32 + any(RT_KIND_RUNTIME - 32)),
			.depth = (uint8_t)(any(3) ? any(4) : any(256)),
			.arg = any(8) | (any(4) ? any(8) : any(UINT64_MAX)) << 32,
			.result = any(2) ? (int64_t)any(8) : -(int64_t)any(5000),
		};

		for (uint64_t j = 0; j < size; j++)
			text[j] = (char)any(256);
		trace_call_note(
			maker, 1 + (uint32_t)any(9), &call, any(3) ? 0 : 1 + any(5), text, size);
		*counted += !rt_is_told(call.kind);
	}
}

static void put_tables(struct trace_maker *maker)
{
	if (!any(3))
		trace_process(maker, 1 + (uint32_t)any(6), (uint32_t)any(5), (uint32_t)any(5),
			(unsigned)any(6), any(2) ? any(TRACE_START * 2) : 0);
	if (!any(3))
		trace_thread(maker, 1 + (uint32_t)any(8), 1 + (uint32_t)any(7), (uint32_t)any(9),
			any(TRACE_START * 2));
	if (!any(4))
		pack_open_call(maker->pack, 1 + (uint32_t)any(9), (uint32_t)any(RT_KIND_LIMIT),
			any(TRACE_START * 2), any(UINT64_MAX), (uint32_t)any(300));
	if (!any(4))
		pack_counter(maker->pack, (uint32_t)any(9), (uint32_t)any(100), any(1000), any(99));
	if (!any(4))
		pack_loss(maker->pack, (uint32_t)any(9), 30 + (uint32_t)any(40), any(9), 0, 0);
}

TEST(nonsense_is_survived_and_counted)
{
	for (int round = 0; round < 60; round++) {
		struct trace_maker maker = trace_begin("nonsense");
		uint64_t counted = 0;
		sqlite3 *db;

		for (uint64_t block = 1 + any(12); block > 0; block--) {
			put_tables(&maker);
			put_calls(&maker, &counted);
			trace_block(&maker);
		}
		db = trace_decode(&maker, round % 3 ? (uint32_t)round : TRACE_ALL);
		CHECK_STR(sql_text(db, "PRAGMA integrity_check"), "ok");
		CHECK_EQ(sql_number(db,
				 "SELECT COALESCE((SELECT SUM(calls) FROM fold), 0) + COALESCE("
				 "(SELECT SUM(count) FROM loss WHERE reason = 4), 0)"),
			counted);
		/* every row hangs from a process that nothing started */
		CHECK_EQ(
			sql_number(db,
				"WITH RECURSIVE up(id) AS (SELECT id FROM span WHERE parent IS NULL"
				" UNION ALL SELECT s.id FROM span s JOIN up ON s.parent = up.id)"
				" SELECT COUNT(*) FROM up"),
			sql_number(db, "SELECT COUNT(*) FROM span"));
		CHECK_EQ(sql_number(db,
				 "SELECT COUNT(*) FROM fold WHERE self_ns > sum_ns OR min_ns > "
				 "max_ns OR folded > calls OR self_ns < 0"),
			0);
		CHECK_EQ(sql_number(db,
				 "SELECT COUNT(*) FROM span s JOIN span p ON p.id = s.parent"
				 " WHERE s.evidence = 3 AND s.kind NOT IN (9, 10) AND"
				 " p.kind NOT IN (9, 10) AND (s.start_ns < p.start_ns OR"
				 " s.end_ns > p.end_ns OR s.thread <> p.thread)"),
			0);
		trace_end(&maker, db);
	}
}

/* Segments of spans that name each other, themselves, and nobody; links and ends in any order. */
static void put_segments(struct trace_maker *maker)
{
	static const uint16_t marks[] = {RT_EV_runtime_link, RT_EV_runtime_thread,
		RT_EV_runtime_task, RT_EV_runtime_gone, RT_EV_runtime_counted, RT_EV_runtime};

	for (uint64_t count = any(300); count > 0; count--) {
		bool mark = !any(3);
		struct rt_record record = {
			.start = TRACE_START + any(1 << 20),
			.duration = mark ? 0 : (uint32_t)any(1 << 16),
			.kind = mark ? marks[any(sizeof(marks) / sizeof(*marks))]
				     : (uint16_t)(RT_KIND_RUNTIME + any(20)),
			.depth = (uint8_t)any(4),
			.arg = mark ? any(50) : any(32),
			.result = (int64_t)any(50),
		};

		trace_call_note(maker, 1 + (uint32_t)any(9), &record, 0, NULL, 0);
	}
}

TEST(nonsense_of_runtimes_is_survived)
{
	for (int round = 0; round < 60; round++) {
		struct trace_maker maker = trace_begin("segments");
		sqlite3 *db;

		for (uint64_t block = 1 + any(12); block > 0; block--) {
			put_tables(&maker);
			put_segments(&maker);
			trace_block(&maker);
		}
		db = trace_decode(&maker, round % 3 ? (uint32_t)round : TRACE_ALL);
		CHECK_STR(sql_text(db, "PRAGMA integrity_check"), "ok");
		CHECK_EQ(sql_number(db, "SELECT COUNT(*) FROM fold WHERE self_ns > sum_ns"), 0);
		CHECK_EQ(sql_number(db,
				 "SELECT COUNT(*) FROM span s WHERE s.parent IS NOT NULL AND NOT "
				 "EXISTS (SELECT 1 FROM span p WHERE p.id = s.parent)"),
			0);
		trace_end(&maker, db);
	}
}

UNIT_MAIN
