/* SPDX-License-Identifier: Apache-2.0 */
/* Memcached: hits and misses, pipelines, blocks, and nothing of anybody's data. */
#include "tests/unit/proto_host.h"

#define CHECK_MEMCACHED(turns, expected) proto_check(&protocol_memcached, TURNS(turns), expected)

TEST(lookups_and_stores)
{
	static const struct proto_turn turns[] = {
		SAYS("get answer:SECRET\r\n"),
		HEARS("END\r\n"),
		SAYS("set answer:SECRET 0 60 10\r\nSECRET\r\n!!\r\n"),
		HEARS("STORED\r\n"),
		SAYS("get answer:SECRET\r\n"),
		HEARS("VALUE answer:SECRET 0 10\r\nSECRET\r\n!!\r\nEND\r\n"),
		SAYS("gets a:1 a:2 a:3\r\n"),
		HEARS("VALUE a:1 0 0 7\r\n\r\nVALUE a:3 0 1 8\r\nx\r\nEND\r\n"),
		SAYS("incr a:1 5\r\n"),
		HEARS("15\r\n"),
		SAYS("delete SECRET\r\n"),
		HEARS("NOT_FOUND\r\n"),
		SAYS("stats\r\n"),
		HEARS("STAT pid SECRET\r\nSTAT uptime 5\r\nEND\r\n"),
		SAYS("gat 60 a:1\r\n"),
		HEARS("END\r\n"),
	};

	CHECK_MEMCACHED(turns,
		"get | 7 | db.system.name=memcached db.operation.name=get "
		"ragtime.key_pattern=answer:* ragtime.cache=miss | 19/5\n"
		"set | 8 | db.system.name=memcached db.operation.name=set "
		"ragtime.key_pattern=answer:* | 39/8\n"
		"get | 7 | db.system.name=memcached db.operation.name=get "
		"ragtime.key_pattern=answer:* ragtime.cache=hit | 19/43\n"
		"gets | 7 | db.system.name=memcached db.operation.name=gets "
		"ragtime.key_pattern=a:* ragtime.cache=miss ragtime.cache_hits=2 "
		"ragtime.cache_misses=1 | 18/44\n"
		"incr | 8 | db.system.name=memcached db.operation.name=incr "
		"ragtime.key_pattern=a:* | 12/4\n"
		"delete | 8 | db.system.name=memcached db.operation.name=delete "
		"ragtime.key_pattern=* | 15/11\n"
		"stats | 8 | db.system.name=memcached db.operation.name=stats | 7/37\n"
		"gat | 7 | db.system.name=memcached db.operation.name=gat ragtime.key_pattern=a:* "
		"ragtime.cache=miss | 12/5\n");
}

TEST(pipelines_quiet_commands_and_errors)
{
	static const struct proto_turn turns[] = {
		SAYS("set a:1 0 0 6 noreply\r\nSECRET\r\nget a:1\r\nincr a:1 1\r\nget a:2\r\n"),
		HEARS("VALUE a:1 0 6\r\nSECRET\r\nEND\r\nCLIENT_ERROR not a number: SECRET\r\nEND\r\n"),
	};

	CHECK_MEMCACHED(turns,
		"set | 8 | db.system.name=memcached db.operation.name=set ragtime.key_pattern=a:* "
		"| 31/0\n"
		"get | 7 | db.system.name=memcached db.operation.name=get ragtime.key_pattern=a:* "
		"ragtime.cache=hit | 9/28\n"
		"incr | 8 | failed | db.system.name=memcached db.operation.name=incr "
		"ragtime.key_pattern=a:* error.type=CLIENT_ERROR | 12/35\n"
		"get | 7 | db.system.name=memcached db.operation.name=get ragtime.key_pattern=a:* "
		"ragtime.cache=miss | 9/5\n");
}

TEST(gaps_within_blocks)
{
	static const struct proto_turn turns[] = {
		SAYS("set a:1 0 0 100000\r\nSECRET"),
		GAP(PROTO_OUT, 99996),
		HEARS("STORED\r\n"),
		SAYS("get a:1\r\n"),
		HEARS("VALUE a:1 0 100000\r\nSECRET"),
		GAP(PROTO_IN, 99990),
		HEARS("CRET\r\nEND\r\n"),
	};

	CHECK_MEMCACHED(turns,
		"set | 8 | db.system.name=memcached db.operation.name=set ragtime.key_pattern=a:* "
		"| 100022/8\n"
		"get | 7 | db.system.name=memcached db.operation.name=get ragtime.key_pattern=a:* "
		"ragtime.cache=hit | 9/100027\n");
}

TEST(lost_order_ends_the_claim)
{
	static const struct proto_turn unknown[] = {SAYS("mg SECRET v\r\n")};
	static const struct proto_turn unasked[] = {
		SAYS("version\r\n"), HEARS("VERSION 1\r\nEND\r\n")};
	static const struct proto_turn wrong[] = {SAYS("get a\r\n"), HEARS("STORED\r\n")};
	static const struct proto_turn long_block[] = {SAYS("set a 0 0 1\r\nSECRET\r\n")};
	static const struct proto_turn gap[] = {SAYS("get a\r\n"), GAP(PROTO_IN, 3), HEARS("\r\n")};

	CHECK_MEMCACHED(unknown, "LOST\n");
	CHECK_MEMCACHED(unasked,
		"version | 8 | db.system.name=memcached db.operation.name=version | 9/11\nLOST\n");
	CHECK_MEMCACHED(wrong, "LOST\n");
	CHECK_MEMCACHED(long_block, "LOST\n");
	CHECK_MEMCACHED(gap, "LOST\n");
}

TEST(probes)
{
	const uint8_t *bytes = (const uint8_t *)"gets a\r\n";

	CHECK_EQ(protocol_memcached.probe(PROTO_OUT, bytes, 2), PROTO_NEED_MORE);
	CHECK_EQ(protocol_memcached.probe(PROTO_OUT, bytes, 4), PROTO_NEED_MORE);
	CHECK_EQ(protocol_memcached.probe(PROTO_OUT, bytes, 5), PROTO_OK);
	CHECK_EQ(protocol_memcached.probe(PROTO_OUT, (const uint8_t *)"getter", 6), PROTO_NOT_MINE);
	CHECK_EQ(protocol_memcached.probe(PROTO_OUT, (const uint8_t *)"GET / ", 6), PROTO_NOT_MINE);
}

UNIT_MAIN
