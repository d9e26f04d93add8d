/* SPDX-License-Identifier: Apache-2.0 */
#include "protocols/websocket.h"

#include <stdlib.h>
#include <string.h>

#include "protocols/content/encoding.h"
#include "protocols/socket_turns.h"

#define HEAD_MAX 14 /* two bytes, eight of length, four of mask */
#define CONTROL_MAX 125

enum opcode { OP_MORE = 0, OP_TEXT = 1, OP_BINARY = 2, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10 };
enum state { STATE_HEAD, STATE_PAYLOAD, STATE_LOST };

/* One direction. */
struct lane {
	enum state state;
	uint8_t head[HEAD_MAX + 1]; /* of a frame; where it is lost, one payload byte too */
	unsigned head_size;
	uint64_t left; /* of the frame's payload */
	uint64_t done; /* of it: where in the mask the next byte stands */
	uint8_t mask[4];
	enum opcode opcode;  /* of the frame */
	bool is_last;	     /* of its message */
	bool in_message;     /* one is open */
	bool is_text;	     /* it is */
	bool is_packed;	     /* and compressed */
	bool keeps_window;   /* from message to message */
	bool spoiled;	     /* bytes are missing that the window needs */
	unsigned close_size; /* of a close frame's code */
	uint16_t close_code;
	struct encoding *inflater;
};

struct websocket {
	enum proto_way client_way;
	bool may_pack;
	struct lane lanes[2]; /* by enum proto_way */
	struct socket_turns *turns;
};

struct websocket *websocket_new(struct exchange_host *host, enum proto_way client_way,
	const struct http_head *head, const char *extensions)
{
	struct websocket *socket = calloc(1, sizeof(*socket));

	if (!socket)
		return NULL;
	socket->client_way = client_way;
	socket->may_pack = strstr(extensions, "permessage-deflate") != NULL;
	socket->lanes[client_way].keeps_window = !strstr(extensions, "client_no_context_takeover");
	socket->lanes[!client_way].keeps_window = !strstr(extensions, "server_no_context_takeover");
	socket->turns = socket_turns_new(host, client_way, head);
	if (!socket->turns) {
		free(socket);
		return NULL;
	}
	return socket;
}

void websocket_close(struct websocket *socket, uint64_t ticks)
{
	if (!socket)
		return;
	socket_turns_end(socket->turns, ticks);
	encoding_free(socket->lanes[0].inflater);
	encoding_free(socket->lanes[1].inflater);
	explicit_bzero(socket->lanes, sizeof(socket->lanes));
	free(socket);
}

/* ---- heads ---- */

static size_t head_length(const uint8_t *head)
{
	unsigned size = head[1] & 0x7f;

	return 2 + (size == 126 ? 2 : size == 127 ? 8 : 0) + (head[1] & 0x80 ? 4 : 0);
}

static uint64_t payload_length(const uint8_t *head)
{
	unsigned digits = (head[1] & 0x7f) == 126 ? 2 : (head[1] & 0x7f) == 127 ? 8 : 0;
	uint64_t length = 0;

	for (unsigned i = 0; i < digits; i++)
		length = length << 8 | head[2 + i];
	return digits ? length : head[1] & 0x7f;
}

/* Could two bytes begin a frame of this direction? */
static bool may_begin(const struct websocket *socket, const struct lane *lane, const uint8_t *head)
{
	unsigned opcode = head[0] & 0xf, flags = head[0] & 0x70;
	bool is_control = opcode & 8, is_last = head[0] & 0x80;
	bool from_client = lane == &socket->lanes[socket->client_way];

	if ((head[1] & 0x80) != (from_client ? 0x80 : 0))
		return false;
	if (is_control)
		return opcode <= OP_PONG && is_last && !flags && (head[1] & 0x7f) <= CONTROL_MAX;
	/* what is compressed is said by the first frame of a message */
	return opcode <= OP_BINARY && (!flags || (flags == 0x40 && socket->may_pack && opcode)) &&
		(opcode == OP_MORE) == lane->in_message;
}

/* ---- payload ---- */

struct delivery {
	struct websocket *socket;
	enum proto_way way;
	const struct proto_piece *piece;
};

static void take_unpacked(void *context, const uint8_t *bytes, size_t size)
{
	const struct delivery *to = context;

	socket_turns_text(to->socket->turns, to->way, to->piece, bytes, size);
}

static void take_text(
	struct lane *lane, const struct delivery *to, const uint8_t *bytes, size_t size)
{
	if (!lane->is_packed) {
		take_unpacked((void *)to, bytes, size);
		return;
	}
	if (!lane->inflater)
		lane->inflater = encoding_new("permessage-deflate");
	if (!lane->spoiled)
		lane->spoiled = !lane->inflater ||
			encoding_feed(lane->inflater, bytes, size, take_unpacked, (void *)to);
}

static void take_payload(
	struct lane *lane, const struct delivery *to, const uint8_t *bytes, size_t size)
{
	uint8_t plain[1024];

	while (size) {
		size_t step = size < sizeof(plain) ? size : sizeof(plain);

		for (size_t i = 0; i < step; i++)
			plain[i] = bytes[i] ^ lane->mask[(lane->done + i) & 3];
		for (size_t i = 0; lane->opcode == OP_CLOSE && i < step; i++) {
			if (lane->close_size++ < 2)
				lane->close_code = (uint16_t)(lane->close_code << 8 | plain[i]);
		}
		if (!(lane->opcode & 8) && lane->is_text)
			take_text(lane, to, plain, step);
		lane->done += step;
		lane->left -= step;
		bytes += step;
		size -= step;
	}
	explicit_bzero(plain, sizeof(plain));
}

static void message_end(struct lane *lane, const struct delivery *to)
{
	if (lane->is_packed && lane->inflater && !lane->spoiled)
		lane->spoiled = encoding_message_end(
			lane->inflater, lane->keeps_window, take_unpacked, (void *)to);
	if (lane->spoiled && !lane->keeps_window && lane->inflater) {
		encoding_free(lane->inflater);
		lane->inflater = NULL;
		lane->spoiled = false;
	}
	lane->in_message = false;
	socket_turns_message_end(to->socket->turns, to->way, to->piece);
}

static void frame_end(struct lane *lane, const struct delivery *to)
{
	lane->state = STATE_HEAD;
	lane->head_size = 0;
	if (lane->opcode == OP_CLOSE)
		socket_turns_closing(to->socket->turns, lane->close_code);
	else if (!(lane->opcode & 8) && lane->is_last)
		message_end(lane, to);
}

static void frame_begin(struct lane *lane, const struct delivery *to)
{
	size_t length = head_length(lane->head);
	bool is_control;

	lane->opcode = lane->head[0] & 0xf;
	lane->is_last = lane->head[0] & 0x80;
	lane->left = payload_length(lane->head);
	lane->done = 0;
	lane->close_size = lane->close_code = 0;
	memset(lane->mask, 0, sizeof(lane->mask));
	if (lane->head[1] & 0x80)
		memcpy(lane->mask, lane->head + length - 4, 4);
	is_control = lane->opcode & 8;
	if (!is_control && lane->opcode != OP_MORE) {
		lane->in_message = true;
		lane->is_text = lane->opcode == OP_TEXT;
		lane->is_packed = lane->head[0] & 0x40;
		socket_turns_message(to->socket->turns, to->way, to->piece);
	}
	if (!is_control)
		socket_turns_moved(to->socket->turns, to->way, to->piece, length);
	lane->state = STATE_PAYLOAD;
	if (!lane->left)
		frame_end(lane, to);
}

/* ---- after a gap ---- */

/* A text frame whose payload begins as JSON does. */
static enum proto_verdict looks_like_frame(const struct websocket *socket, const struct lane *lane)
{
	const uint8_t *head = lane->head;
	uint8_t first;

	if ((head[0] & 0x7f) != OP_TEXT)
		return PROTO_NOT_MINE;
	if (lane->head_size < 2)
		return PROTO_NEED_MORE;
	if (!may_begin(socket, lane, head) || !(head[1] & 0x7f))
		return PROTO_NOT_MINE;
	if (lane->head_size <= head_length(head))
		return PROTO_NEED_MORE;
	first = head[head_length(head)];
	if (head[1] & 0x80)
		first ^= head[head_length(head) - 4];
	return first == '{' || first == '[' ? PROTO_OK : PROTO_NOT_MINE;
}

static void look_for_frame(struct lane *lane, const struct delivery *to, uint8_t byte)
{
	enum proto_verdict verdict = PROTO_NEED_MORE;

	lane->head[lane->head_size++] = byte;
	while (lane->head_size && (verdict = looks_like_frame(to->socket, lane)) == PROTO_NOT_MINE)
		memmove(lane->head, lane->head + 1, --lane->head_size);
	if (verdict != PROTO_OK || !lane->head_size)
		return;
	frame_begin(lane, to);
	socket_turns_moved(to->socket->turns, to->way, to->piece, 1);
	take_payload(lane, to, &byte, 1);
	if (!lane->left)
		frame_end(lane, to);
}

void websocket_gap(struct websocket *socket, enum proto_way way, uint64_t size, uint64_t ticks)
{
	struct lane *lane = &socket->lanes[way];
	struct proto_piece piece = {.ticks = ticks};
	struct delivery to = {socket, way, &piece};

	if (lane->in_message)
		socket_turns_gap(socket->turns, way);
	lane->spoiled |= lane->inflater || lane->keeps_window;
	if (lane->state == STATE_PAYLOAD && size <= lane->left) {
		lane->left -= size;
		lane->done += size;
		if (!lane->left)
			frame_end(lane, &to);
		return;
	}
	if (lane->in_message)
		socket_turns_abandon(socket->turns, way);
	lane->in_message = false;
	lane->head_size = 0;
	lane->state = STATE_LOST;
}

/* ---- bytes ---- */

/* False where they are no WebSocket. */
static bool take_head_byte(struct lane *lane, const struct delivery *to, uint8_t byte)
{
	lane->head[lane->head_size++] = byte;
	if (lane->head_size < 2)
		return true;
	if (!may_begin(to->socket, lane, lane->head))
		return false;
	if (lane->head_size == head_length(lane->head))
		frame_begin(lane, to);
	return true;
}

enum proto_verdict websocket_feed(
	struct websocket *socket, enum proto_way way, const struct proto_piece *piece)
{
	struct lane *lane = &socket->lanes[way];
	struct delivery to = {socket, way, piece};
	size_t at = 0;

	while (at < piece->size) {
		size_t step = piece->size - at;

		if (lane->state == STATE_LOST) {
			look_for_frame(lane, &to, piece->bytes[at++]);
			continue;
		}
		if (lane->state == STATE_HEAD) {
			if (!take_head_byte(lane, &to, piece->bytes[at++]))
				return PROTO_NOT_MINE;
			continue;
		}
		step = step < lane->left ? step : (size_t)lane->left;
		if (!(lane->opcode & 8))
			socket_turns_moved(socket->turns, way, piece, step);
		take_payload(lane, &to, piece->bytes + at, step);
		if (!lane->left)
			frame_end(lane, &to);
		at += step;
	}
	return PROTO_OK;
}
