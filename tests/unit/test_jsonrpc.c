/* SPDX-License-Identifier: Apache-2.0 */
/* JSON-RPC in lines: calls and answers, errors, noise, and answers that come on another pipe. */
#include "tests/unit/proto_host.h"

#define CHECK_RPC(turns, expected) proto_check(&protocol_jsonrpc, TURNS(turns), expected)

#define CALL(id, arguments)                                                                    \
	"{\"method\":\"tools/call\",\"params\":{\"name\":\"look_up\",\"arguments\":" arguments \
	"},\"jsonrpc\":\"2.0\",\"id\":" id "}\n"
#define ANSWER(id, rest)                                                                  \
	"{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":{\"content\":[{\"type\":\"text\"," \
	"\"text\":\"PLANTED\"}]" rest "}}\n"
#define CALLED "mcp.method.name=tools/call jsonrpc.request.id="
#define TOOL                                                           \
	"gen_ai.operation.name=execute_tool gen_ai.tool.name=look_up " \
	"ragtime.tool_argument_bytes="

TEST(a_session)
{
	static const struct proto_turn turns[] = {
		SAYS("{\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-06-18\"},"
		     "\"jsonrpc\":\"2.0\",\"id\":0}\n"),
		HEARS("{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"protocolVersion\":\"2025-06-18\"}}\r\n"),
		SAYS("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n"),
		SAYS(CALL("1", "{\"query\":\"PLANTED\",\"k\":12}") CALL("2", "{}")),
		HEARS("what a library prints\n"),
		HEARS(ANSWER("2", ",\"isError\":true")),
		HEARS(ANSWER("1", "")),
		HEARS(ANSWER("7", "")),
		SAYS("{\"jsonrpc\":\"2.0\",\"id\":\"PLANTED\",\"method\":\"tools/list\"}\n"),
		HEARS("{\"jsonrpc\":\"2.0\",\"id\":\"PLANTED\",\"error\":{\"code\":-32601,"
		      "\"message\":\"PLANTED\"}}\n"),
		/* the server asks too */
		HEARS("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"sampling/createMessage\"}\n"),
		SAYS(ANSWER("1", "")),
	};

	CHECK_RPC(turns,
		"initialize | 9 | mcp.method.name=initialize jsonrpc.request.id=0 "
		"mcp.protocol.version=2025-06-18 | 89/68\n"
		"tools/call look_up | 10 | failed | " CALLED "2 " TOOL
		"0 ragtime.tool_results=1 ragtime.tool_result_bytes=12 error.type=tool_error | "
		"90/96\n"
		"tools/call look_up | 10 | " CALLED "1 " TOOL
		"9 ragtime.tool_argument_hash=#52fd82e428cfa6c2 ragtime.tool_results=1 "
		"ragtime.tool_result_bytes=11 | 114/81\n"
		"tools/list | 9 | failed | mcp.method.name=tools/list error.type=-32601 | 55/77\n"
		"sampling/createMessage | 9 | mcp.method.name=sampling/createMessage "
		"jsonrpc.request.id=1 ragtime.tool_results=1 ragtime.tool_result_bytes=11 | "
		"59/81\n");
}

TEST(not_answered_and_cut)
{
	static const struct proto_turn turns[] = {
		SAYS(CALL("1", "{\"a\":true}")),
		SAYS(CALL("2", "{}")),
		HEARS("{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"content\":[{\"type\":\"text\","
		      "\"text\":\"PLAN"),
		GAP(PROTO_IN, 1000),
		HEARS("TED\"}]}}\n"),
	};

	CHECK_RPC(turns,
		"tools/call look_up | 10 | " CALLED "2 " TOOL
		"0 ragtime.tool_results=1 ragtime.tool_result_bytes=1004 | 90/1081\n"
		"tools/call look_up | 10 | failed | " CALLED "1 " TOOL
		"1 ragtime.tool_argument_hash=#b1c82235dc3fbc1a error.type=no_answer | 98/0\n");
}

static void feed_text(struct exchange_host *host, void *state, enum proto_way way, const char *text,
	uint64_t ticks)
{
	struct proto_piece piece = {
		.bytes = (const uint8_t *)text, .size = strlen(text), .ticks = ticks};

	(void)host;
	protocol_jsonrpc.feed(state, way, &piece);
}

/* Two servers, each behind two pipes, with the same ids under way: the nearer pipe's is meant. */
TEST(pipes_find_their_mates)
{
	struct rpc_desk *desk = rpc_desk_new();
	struct proto_host host = {0};
	struct exchange_host hosts[4];
	static const uint32_t numbers[] = {11, 12, 31, 32};
	void *states[4];

	for (unsigned i = 0; i < 4; i++) {
		hosts[i] = (struct exchange_host){.context = &host,
			.done = proto_host_done,
			.hash = proto_host_hash,
			.process = 5,
			.connection = numbers[i],
			.desk = desk};
		states[i] = calloc(1, protocol_jsonrpc.state_size);
		protocol_jsonrpc.open(states[i], &hosts[i]);
	}
	feed_text(&hosts[0], states[0], PROTO_OUT, CALL("1", "{}"), 10);
	feed_text(&hosts[2], states[2], PROTO_OUT,
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n", 20);
	feed_text(&hosts[3], states[3], PROTO_IN, ANSWER("1", ""), 30);
	CHECK_EQ(host.exchanges, 1);
	CHECK_STR(host.last.name, "ping");
	CHECK_EQ(host.last.begin, 20);
	CHECK_EQ(host.last.end, 30);
	feed_text(&hosts[1], states[1], PROTO_IN, ANSWER("1", ""), 40);
	CHECK_EQ(host.exchanges, 2);
	CHECK_STR(host.last.name, "tools/call look_up");
	CHECK_EQ(host.last.first_byte, 40);
	/* what is on its way when its pipe closes is not answered */
	feed_text(&hosts[0], states[0], PROTO_OUT, CALL("2", "{}"), 50);
	CHECK_EQ(hosts[0].waiting, 1);
	for (unsigned i = 0; i < 4; i++) {
		protocol_jsonrpc.close(states[i], 60);
		free(states[i]);
		CHECK_EQ(hosts[i].waiting, 0);
	}
	CHECK_EQ(host.exchanges, 3);
	CHECK(host.last.failed);
	rpc_desk_free(desk, 70);
	buf_free(&host.told);
}

static enum proto_verdict probe(const char *text)
{
	return protocol_jsonrpc.probe(PROTO_IN, (const uint8_t *)text, strlen(text));
}

TEST(what_it_takes_for_its_own)
{
	CHECK_EQ(probe("\n {\"id\":1"), PROTO_NEED_MORE);
	CHECK_EQ(probe("{\"id\":1,\"jsonrpc\""), PROTO_OK);
	CHECK_EQ(probe("{\"level\":\"info\"}\n"), PROTO_NOT_MINE);
	CHECK_EQ(probe("[1]"), PROTO_NOT_MINE);
}

UNIT_MAIN
