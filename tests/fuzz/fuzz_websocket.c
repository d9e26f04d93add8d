/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte chooses what the upgrade was for; behind it any frames, in any pieces. */
#include "protocols/websocket.h"
#include "tests/fuzz/fuzz_protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct exchange_host host = {.done = fuzz_done, .hash = fuzz_hash, .keeps_content = true};
	struct http_head head = {.method = "GET"};
	uint8_t sort = size ? *data : 0;
	struct websocket *socket;
	uint64_t ticks = 0;

	strcpy(head.path, sort & 1 ? "/v1/realtime" : "/chat");
	socket = websocket_new(&host, sort & 2 ? PROTO_IN : PROTO_OUT, &head,
		sort & 4 ? "permessage-deflate"
			: sort & 8
			? "permessage-deflate; client_no_context_takeover; server_no_context_takeover"
			: "");
	for (data += !!size, size -= !!size; size > 2;) {
		enum proto_way way = data[0] & 1 ? PROTO_IN : PROTO_OUT;
		size_t length = data[1] < size - 2 ? data[1] : size - 2;
		struct proto_piece piece = {
			.bytes = data + 2, .size = length, .ticks = ticks += 10, .thread = 1};

		if (data[0] & 0x80)
			websocket_gap(socket, way, length * (data[0] & 0x7eu) + 1, ticks);
		else if (websocket_feed(socket, way, &piece) == PROTO_NOT_MINE)
			break;
		data += 2 + length;
		size -= 2 + length;
	}
	websocket_close(socket, ticks);
	return 0;
}
