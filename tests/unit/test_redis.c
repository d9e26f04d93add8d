/* SPDX-License-Identifier: Apache-2.0 */
/* Redis: which reply answers which command, hits and misses, and nothing of anybody's data. */
#include "tests/unit/proto_host.h"

#define CHECK_REDIS(turns, expected) proto_check(&protocol_redis, TURNS(turns), expected)

TEST(get_hits_and_misses)
{
	static const struct proto_turn turns[] = {
		SAYS("*2\r\n$3\r\nGET\r\n$17\r\nanswer:0123456789\r\n"),
		HEARS("$-1\r\n"),
		SAYS("*5\r\n$3\r\nset\r\n$17\r\nanswer:0123456789\r\n$6\r\nSECRET\r\n"
		     "$2\r\nEX\r\n$2\r\n60\r\n"),
		HEARS("+OK\r\n"),
		SAYS("*2\r\n$3\r\nGET\r\n$17\r\nanswer:0123456789\r\n"),
		HEARS("$6\r\nSECRET\r\n"),
		SAYS("*2\r\n$3\r\nGET\r\n$5\r\nempty\r\n"),
		HEARS("$0\r\n\r\n"),
	};

	CHECK_REDIS(turns,
		"GET | 7 | db.system.name=redis db.operation.name=GET ragtime.key_pattern=answer:* "
		"ragtime.cache=miss | 37/5\n"
		"SET | 8 | db.system.name=redis db.operation.name=SET ragtime.key_pattern=answer:* "
		"| 65/5\n"
		"GET | 7 | db.system.name=redis db.operation.name=GET ragtime.key_pattern=answer:* "
		"ragtime.cache=hit | 37/12\n"
		"GET | 7 | db.system.name=redis db.operation.name=GET ragtime.key_pattern=* "
		"ragtime.cache=hit | 24/6\n");
}

TEST(content_is_words_and_replies)
{
	static const struct proto_turn turns[] = {
		SAYS("*2\r\n$4\r\nAUTH\r\n$6\r\nSECRET\r\n"),
		HEARS("+OK\r\n"),
		SAYS("*3\r\n$4\r\nmget\r\n$1\r\na\r\n$4\r\nit's\r\n"),
		HEARS("*2\r\n$3\r\none\r\n$-1\r\n"),
		SAYS("*2\r\n$4\r\nincr\r\n$4\r\n\1\2\3\4\r\n"),
		HEARS(">2\r\n+pushed\r\n+word\r\n:4711\r\n"),
	};

	proto_keeps_content = true;
	CHECK_REDIS(turns,
		"AUTH | 8 | db.system.name=redis db.operation.name=AUTH <'OK'> <AUTH> | 26/5\n"
		"MGET | 7 | db.system.name=redis db.operation.name=MGET ragtime.key_pattern=* "
		"ragtime.cache=miss ragtime.cache_hits=1 ragtime.cache_misses=1 <'one' NULL> "
		"<MGET 'a' 'it''s'> | 31/18\n"
		"INCR | 8 | db.system.name=redis db.operation.name=INCR ragtime.key_pattern=* "
		"<'4711'> <INCR 0x01020304> | 24/27\n");
	proto_keeps_content = false;
}

TEST(resp3_nulls_maps_and_pushes)
{
	static const struct proto_turn turns[] = {
		SAYS("*5\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$4\r\nAUTH\r\n$5\r\nalice\r\n$6\r\nSECRET\r\n"),
		HEARS("%2\r\n+server\r\n+redis\r\n+proto\r\n:3\r\n"),
		SAYS("*2\r\n$3\r\nGET\r\n$3\r\nk:1\r\n"),
		HEARS(">2\r\n+invalidate\r\n*1\r\n$3\r\nk:2\r\n|1\r\n+ttl\r\n:5\r\n_\r\n"),
		SAYS("*2\r\n$7\r\nHGETALL\r\n$3\r\nh:1\r\n"),
		HEARS("%0\r\n"),
		SAYS("*2\r\n$7\r\nHGETALL\r\n$3\r\nh:1\r\n"),
		HEARS("%1\r\n$1\r\na\r\n,1.5\r\n"),
	};

	CHECK_REDIS(turns,
		"HELLO | 8 | db.system.name=redis db.operation.name=HELLO | 55/33\n"
		"GET | 7 | db.system.name=redis db.operation.name=GET ragtime.key_pattern=k:* "
		"ragtime.cache=miss | 22/47\n"
		"HGETALL | 7 | db.system.name=redis db.operation.name=HGETALL "
		"ragtime.key_pattern=h:* ragtime.cache=miss | 26/4\n"
		"HGETALL | 7 | db.system.name=redis db.operation.name=HGETALL "
		"ragtime.key_pattern=h:* ragtime.cache=hit | 26/17\n");
}

TEST(mget_counts_what_it_found)
{
	static const struct proto_turn turns[] = {
		SAYS("*4\r\n$4\r\nMGET\r\n$3\r\na:1\r\n$3\r\na:2\r\n$3\r\na:3\r\n"),
		HEARS("*3\r\n$1\r\nx\r\n$-1\r\n$1\r\nz\r\n"),
		SAYS("*3\r\n$5\r\nHMGET\r\n$3\r\na:1\r\n$1\r\nf\r\n"),
		HEARS("*1\r\n$-1\r\n"),
	};

	CHECK_REDIS(turns,
		"MGET | 7 | db.system.name=redis db.operation.name=MGET ragtime.key_pattern=a:* "
		"ragtime.cache=miss ragtime.cache_hits=2 ragtime.cache_misses=1 | 41/23\n"
		"HMGET | 7 | db.system.name=redis db.operation.name=HMGET ragtime.key_pattern=a:* "
		"ragtime.cache=miss | 31/9\n");
}

TEST(pipelines_are_answered_in_order)
{
	static const struct proto_turn turns[] = {
		SAYS("*1\r\n$4\r\nPING\r\n*2\r\n$4\r\nAUTH\r\n$6\r\nSECRET\r\n"
		     "*2\r\n$3\r\nGET\r\n$6\r\nSECRET\r\n"),
		HEARS("+PONG\r\n-WRONGPASS invalid SECRET\r\n$6\r\nSECRET\r\n"),
		SAYS("*0\r\n*1\r\n$4\r\nPING\r\n"),
		HEARS("-SECRETcode from a script\r\n"),
	};

	CHECK_REDIS(turns,
		"PING | 8 | db.system.name=redis db.operation.name=PING | 14/7\n"
		"AUTH | 8 | failed | db.system.name=redis db.operation.name=AUTH "
		"error.type=WRONGPASS | 26/27\n"
		"GET | 7 | db.system.name=redis db.operation.name=GET ragtime.key_pattern=* "
		"ragtime.cache=hit | 25/12\n"
		"PING | 8 | failed | db.system.name=redis db.operation.name=PING error.type=ERR "
		"| 14/27\n");
}

TEST(transactions_queue)
{
	static const struct proto_turn turns[] = {
		SAYS("*1\r\n$5\r\nMULTI\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n*1\r\n$4\r\nEXEC\r\n"),
		HEARS("+OK\r\n+QUEUED\r\n*1\r\n$-1\r\n"),
		SAYS("*1\r\n$4\r\nEXEC\r\n"),
		HEARS("*-1\r\n"),
	};

	CHECK_REDIS(turns,
		"MULTI | 8 | db.system.name=redis db.operation.name=MULTI | 15/5\n"
		"GET | 7 | db.system.name=redis db.operation.name=GET ragtime.key_pattern=* | 20/9\n"
		"EXEC | 8 | db.system.name=redis db.operation.name=EXEC | 14/9\n"
		"EXEC | 8 | db.system.name=redis db.operation.name=EXEC | 14/5\n");
}

TEST(published_messages_answer_nothing)
{
	static const struct proto_turn turns[] = {
		SAYS("*3\r\n$9\r\nSUBSCRIBE\r\n$1\r\na\r\n$1\r\nb\r\n"),
		HEARS("*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"
		      "*3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n"
		      "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$6\r\nSECRET\r\n"),
		SAYS("*1\r\n$4\r\nPING\r\n"),
		HEARS("*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$6\r\nSECRET\r\n*2\r\n$4\r\npong\r\n$0\r\n\r\n"),
		SAYS("*1\r\n$11\r\nUNSUBSCRIBE\r\n"),
		HEARS("*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:1\r\n"
		      "*3\r\n$11\r\nunsubscribe\r\n$1\r\nb\r\n:0\r\n"),
		SAYS("*4\r\n$6\r\nLRANGE\r\n$3\r\nl:1\r\n$1\r\n0\r\n$1\r\n1\r\n"),
		HEARS("*1\r\n$7\r\nmessage\r\n"),
	};
	struct proto_host host = {0};
	const char *told;

	told = proto_told(&host, &protocol_redis, TURNS(turns), 1, 0, 0);
	CHECK_EQ(host.exchanges, 4);
	CHECK(strstr(told, "SUBSCRIBE | 8 |") && strstr(told, "PING | 8 |") &&
		strstr(told, "UNSUBSCRIBE | 8 |") && strstr(told, "LRANGE | 8 |"));
	CHECK(!strstr(told, "SECRET") && !strstr(told, "failed") && !strstr(told, "LOST"));
	proto_check(&protocol_redis, TURNS(turns), told);
	buf_free(&host.told);
}

TEST(resp3_confirmations_are_pushes)
{
	static const struct proto_turn turns[] = {
		SAYS("*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\na\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n"),
		HEARS(">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n>3\r\n+message\r\n+a\r\n+x\r\n_\r\n"),
	};

	CHECK_REDIS(turns,
		"SUBSCRIBE | 8 | db.system.name=redis db.operation.name=SUBSCRIBE | 26/30\n"
		"GET | 7 | db.system.name=redis db.operation.name=GET ragtime.key_pattern=* "
		"ragtime.cache=miss | 20/25\n");
}

TEST(vector_searches)
{
	static const struct proto_turn turns[] = {
		SAYS("*9\r\n$9\r\nFT.SEARCH\r\n$4\r\ndocs\r\n$20\r\n*=>[KNN 5 @vec $vec]\r\n"
		     "$6\r\nPARAMS\r\n$1\r\n2\r\n$3\r\nvec\r\n$6\r\nSECRET\r\n$7\r\nDIALECT\r\n$1\r\n2\r\n"),
		HEARS("*3\r\n:1\r\n$5\r\ndoc:1\r\n*2\r\n$4\r\ntext\r\n$6\r\nSECRET\r\n"),
		SAYS("*9\r\n$9\r\nFT.SEARCH\r\n$4\r\ndocs\r\n$32\r\n(@user:{SECRET})=>[KNN $K @v $v]\r\n"
		     "$6\r\nPARAMS\r\n$1\r\n4\r\n$1\r\nK\r\n$2\r\n12\r\n$1\r\nv\r\n$6\r\nSECRET\r\n"),
		HEARS("*1\r\n:0\r\n"),
		SAYS("*6\r\n$4\r\nVSIM\r\n$7\r\nvectors\r\n$3\r\nELE\r\n$6\r\nSECRET\r\n$5\r\nCOUNT\r\n"
		     "$1\r\n3\r\n"),
		HEARS("*2\r\n$1\r\na\r\n$1\r\nb\r\n"),
	};

	CHECK_REDIS(turns,
		"FT.SEARCH docs | 4 | db.system.name=redis db.operation.name=FT.SEARCH "
		"db.collection.name=docs ragtime.filter=no ragtime.k=5 db.response.returned_rows=1 "
		"| 116/45\n"
		"FT.SEARCH docs | 4 | db.system.name=redis db.operation.name=FT.SEARCH "
		"db.collection.name=docs ragtime.filter=yes ragtime.k=12 "
		"db.response.returned_rows=0 | 121/8\n"
		"VSIM | 4 | db.system.name=redis db.operation.name=VSIM ragtime.key_pattern=* "
		"ragtime.k=3 db.response.returned_rows=2 | 66/18\n");
}

TEST(a_gap_within_a_value_does_no_harm)
{
	static const struct proto_turn turns[] = {
		SAYS("*3\r\n$3\r\nSET\r\n$3\r\na:1\r\n$100000\r\nSECRET"),
		GAP(PROTO_OUT, 99996),
		HEARS("+OK\r\n"),
		SAYS("*2\r\n$3\r\nGET\r\n$3\r\na:1\r\n"),
		HEARS("$100000\r\nSEC"),
		GAP(PROTO_IN, 99995),
		HEARS("ET\r\n"),
	};

	CHECK_REDIS(turns,
		"SET | 8 | db.system.name=redis db.operation.name=SET ragtime.key_pattern=a:* "
		"| 100033/5\n"
		"GET | 7 | db.system.name=redis db.operation.name=GET ragtime.key_pattern=a:* "
		"ragtime.cache=hit | 22/100011\n");
}

/* What can no longer be known is not told. */
TEST(lost_order_ends_the_claim)
{
	static const struct proto_turn gap[] = {
		SAYS("*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPING\r\n"),
		HEARS("+PO"),
		GAP(PROTO_IN, 10),
		HEARS("G\r\n"),
	};
	static const struct proto_turn monitor[] = {
		SAYS("*1\r\n$7\r\nMONITOR\r\n"), HEARS("+OK\r\n")};
	static const struct proto_turn mute[] = {
		SAYS("*3\r\n$6\r\nCLIENT\r\n$5\r\nreply\r\n$3\r\nOFF\r\n")};
	static const struct proto_turn unasked[] = {
		SAYS("*1\r\n$4\r\nPING\r\n"), HEARS("+PONG\r\n+PONG\r\n")};
	static const struct proto_turn no_end[] = {
		SAYS("*2\r\n$3\r\nGET\r\n$1\r\naXX"), HEARS("$-1\r\n")};
	static const struct proto_turn inlined[] = {SAYS("PING\r\n"), HEARS("+PONG\r\n")};
	static const struct proto_turn nested[] = {SAYS("*2\r\n*1\r\n$3\r\nGET\r\n$1\r\na\r\n")};

	CHECK_REDIS(gap, "LOST\n");
	CHECK_REDIS(monitor, "LOST\n");
	CHECK_REDIS(mute, "LOST\n");
	CHECK_REDIS(
		unasked, "PING | 8 | db.system.name=redis db.operation.name=PING | 14/7\nLOST\n");
	CHECK_REDIS(no_end, "LOST\n");
	CHECK_REDIS(inlined, "LOST\n");
	CHECK_REDIS(nested, "LOST\n");
}

TEST(what_is_no_command_name_is_not_told)
{
	static const struct proto_turn turns[] = {
		SAYS("*2\r\n$16\r\nsk-SECRET0123456\r\n$6\r\nSECRET\r\n"),
		HEARS("-ERR unknown command 'sk-SECRET0123456'\r\n"),
	};

	CHECK_REDIS(turns,
		"? | 8 | failed | db.system.name=redis db.operation.name=? ragtime.key_pattern=* "
		"error.type=ERR | 39/41\n");
}

TEST(unanswered_commands_fail)
{
	static const struct proto_turn turns[] = {SAYS("*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPI")};

	CHECK_REDIS(turns,
		"PING | 8 | failed | db.system.name=redis db.operation.name=PING "
		"error.type=connection_closed | 14/0\n");
}

/* Ten thousand commands in one pipeline: bounded, none mispaired. */
TEST(a_long_pipeline_is_told_as_one)
{
	struct proto_host host = {0};
	struct buf commands = {0}, replies = {0};
	struct proto_turn turns[4] = {
		[2] = SAYS("*2\r\n$3\r\nGET\r\n$3\r\na:1\r\n"), [3] = HEARS("$-1\r\n")};
	const char *told;

	for (int i = 0; i < 10000; i++) {
		buf_puts(&commands,
			i % 2 ? "*2\r\n$3\r\nGET\r\n$3\r\na:1\r\n"
			      : "*2\r\n$3\r\nDEL\r\n$3\r\na:1\r\n");
		buf_puts(&replies, i % 2 ? "$1\r\nx\r\n" : ":1\r\n");
	}
	turns[0] = (struct proto_turn){PROTO_OUT, (char *)commands.data, commands.size};
	turns[1] = (struct proto_turn){PROTO_IN, (char *)replies.data, replies.size};
	told = proto_told(&host, &protocol_redis, TURNS(turns), 1000, 0, 0);
	CHECK_EQ(host.exchanges, 257);
	CHECK(strstr(told, "\nPIPELINE | 8 | db.system.name=redis db.operation.name=PIPELINE"));
	CHECK(strstr(told, "db.operation.batch.size=9745"));
	CHECK(!strstr(told, "LOST"));
	CHECK(strstr(told, "ragtime.cache=miss | 22/5\n")); /* the last one is its own again */
	buf_free(&host.told);
	buf_free(&commands);
	buf_free(&replies);
}

TEST(probes)
{
	const uint8_t *bytes = (const uint8_t *)"*12\r\n$3\r\nSET";

	for (size_t size = 1; size < 6; size++)
		CHECK_EQ(protocol_redis.probe(PROTO_OUT, bytes, size), PROTO_NEED_MORE);
	CHECK_EQ(protocol_redis.probe(PROTO_OUT, bytes, 6), PROTO_OK);
	CHECK_EQ(
		protocol_redis.probe(PROTO_OUT, (const uint8_t *)"GET / HTTP", 10), PROTO_NOT_MINE);
	CHECK_EQ(protocol_redis.probe(PROTO_OUT, (const uint8_t *)"*x", 2), PROTO_NOT_MINE);
}

UNIT_MAIN
