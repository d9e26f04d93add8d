/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/2: frames of both directions, header blocks through HPACK, many streams at once. gRPC is
 * what http.c makes of it. Flow control, priorities and settings are the peers' own business: what
 * they change in the header table stands in the blocks themselves.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "protocols/content/hpack.h"
#include "protocols/http2_frame.h"
#include "protocols/http2_missing.h"
#include "protocols/http2_pseudo.h"
#include "protocols/http2_streams.h"
#include "protocols/protocol.h"

/* Times that frames may turn out to be none before the connection is left alone. */
#define LOSSES 16
/* Bytes of answers that may wait for their requests. */
#define EARLY_BYTES 65536

enum where {
	AT_START,   /* of the direction: the client's preface, or a frame */
	AT_PREFACE, /* within it */
	AT_HEAD,
	AT_PREFIX, /* the fixed fields before a payload's bytes */
	AT_BODY,
	AT_PADDING,
	AT_LOST,  /* looks for the next frame */
	AT_EARLY, /* an answer's head is read whose request has not come */
};

enum block_kind { BLOCK_UNKNOWN, BLOCK_OF_NOBODY, BLOCK_REQUEST, BLOCK_RESPONSE, BLOCK_TRAILERS };

/* A header block: HEADERS or PUSH_PROMISE and the CONTINUATIONs that follow. */
struct block {
	bool is_open;
	bool is_push;
	bool ends_stream;
	bool is_lost; /* the rest cannot be read */
	enum block_kind kind;
	uint32_t id;
	struct proto_piece first; /* its first bytes: when, and whose */
	uint64_t bytes;		  /* before its stream was known */
	struct http2_pseudo pseudo;
};

struct half {
	enum where where;
	unsigned have; /* bytes of the preface, head or prefix at hand */
	uint8_t bytes[HTTP2_HEAD];
	struct http2_head head;
	uint64_t frame_at; /* its position */
	uint32_t prefix;   /* bytes of it that the frame has */
	uint32_t left;	   /* of the body */
	uint32_t padding;  /* that follows */
	struct hpack *hpack;
	struct block block;
	uint64_t position; /* of the next byte */
	struct http2_missing missing;
	struct buf early; /* what has come behind the head */
};

struct http2 {
	struct exchange_host *host;
	bool knows_sides;
	bool knows_requests; /* none of them was missed */
	enum proto_way request_way;
	uint32_t newest; /* request stream */
	unsigned losses;
	struct half halves[2];
	struct http2_streams streams;
};

/* What a header field needs to know of where it stands. */
struct place {
	struct http2 *http2;
	struct half *half;
	enum proto_way way;
	const struct proto_piece *piece;
};

static enum proto_verdict http2_probe(enum proto_way way, const uint8_t *bytes, size_t size)
{
	(void)way;
	if (!memcmp(bytes, HTTP2_PREFACE, size < HTTP2_PREFACE_SIZE ? size : HTTP2_PREFACE_SIZE))
		return size < HTTP2_PREFACE_SIZE ? PROTO_NEED_MORE : PROTO_OK;
	return http2_frames_begin(bytes, size);
}

static void http2_open(void *state, struct exchange_host *host)
{
	struct http2 *http2 = state;

	http2->host = host;
}

static void stream_end_side(
	struct http2 *http2, struct http2_stream *stream, bool is_request, uint64_t ticks)
{
	if (is_request)
		http_end_of(stream->http, true, ticks);
	else
		http2_streams_end(&http2->streams, stream, ticks);
}

static void stream_open(struct place *place)
{
	struct http2 *http2 = place->http2;
	struct block *block = &place->half->block;
	struct http_stream *http = http_begin(http2->host, "http2", place->way, &block->first);

	if (!http)
		return;
	http2_streams_add(&http2->streams, block->id, http, place->piece->ticks);
	exchange_moved(http_exchange(http), place->way, place->piece, block->bytes);
	http2_pseudo_request(&block->pseudo, http);
}

/* ---- header blocks ---- */

static bool decide_sides(struct http2 *http2, enum proto_way way, const struct block *block)
{
	if (!http2->knows_sides && (block->pseudo.method_size || block->pseudo.status)) {
		http2->request_way = block->pseudo.method_size ? way : !way;
		http2->knows_sides = true;
	}
	return http2->knows_sides;
}

static enum block_kind request_block(struct place *place, const struct http2_stream *stream)
{
	struct block *block = &place->half->block;

	if (stream)
		return BLOCK_TRAILERS;
	/* what is older has ended, or began before we came */
	if (block->id <= place->http2->newest || !(block->id & 1))
		return BLOCK_OF_NOBODY;
	place->http2->newest = block->id;
	if (!block->pseudo.method_size)
		return BLOCK_OF_NOBODY;
	stream_open(place);
	return BLOCK_REQUEST;
}

static enum block_kind response_block(struct block *block, struct http2_stream *stream)
{
	if (!stream || (block->pseudo.status >= 100 && block->pseudo.status < 200))
		return BLOCK_OF_NOBODY;
	if (stream->is_answered)
		return BLOCK_TRAILERS;
	stream->is_answered = true;
	http_status(stream->http, block->pseudo.status);
	return BLOCK_RESPONSE;
}

/* The pseudo headers are read: whose block is it? */
static void block_settle(struct place *place)
{
	struct http2 *http2 = place->http2;
	struct block *block = &place->half->block;
	struct http2_stream *stream = http2_streams_find(&http2->streams, block->id);

	if (block->kind != BLOCK_UNKNOWN)
		return;
	if (block->is_push || !decide_sides(http2, place->way, block))
		block->kind = BLOCK_OF_NOBODY;
	else if (place->way == http2->request_way)
		block->kind = request_block(place, stream);
	else
		block->kind = response_block(block, stream);
}

static void take_field(
	void *context, const char *name, size_t name_size, const char *value, size_t value_size)
{
	struct place *place = context;
	struct block *block = &place->half->block;
	struct http2_stream *stream;

	if (!name_size || (name_size == 1 && *name == HPACK_UNKNOWN[0]))
		return;
	if (*name == ':') {
		if (block->kind == BLOCK_UNKNOWN)
			http2_pseudo_take(&block->pseudo, name, name_size, value, value_size);
		return;
	}
	block_settle(place);
	stream = block->kind == BLOCK_OF_NOBODY
		? NULL
		: http2_streams_find(&place->http2->streams, block->id);
	if (stream)
		http_header(stream->http, place->way == place->http2->request_way, name, name_size,
			value, value_size);
}

static void block_begin(struct place *place)
{
	struct half *half = place->half;
	struct block *block = &half->block;

	memset(block, 0, sizeof(*block));
	block->is_open = true;
	block->is_push = half->head.type == HTTP2_PUSH_PROMISE;
	block->ends_stream =
		half->head.type == HTTP2_HEADERS && half->head.flags & HTTP2_END_STREAM;
	block->id = half->head.id;
	block->first = *place->piece;
	block->first.position = half->frame_at;
}

static void block_end(struct place *place)
{
	struct http2 *http2 = place->http2;
	struct block *block = &place->half->block;
	bool is_request;
	struct http2_stream *stream;

	if (!block->is_lost)
		hpack_end(place->half->hpack, take_field, place);
	block_settle(place);
	block->is_open = false;
	stream = block->kind == BLOCK_OF_NOBODY ? NULL
						: http2_streams_find(&http2->streams, block->id);
	is_request = place->way == http2->request_way;
	if (stream && block->kind != BLOCK_TRAILERS)
		http_head_end(stream->http, is_request, place->piece);
	if (stream && block->ends_stream)
		stream_end_side(http2, stream, is_request, place->piece->ticks);
}

static void block_bytes(struct place *place, size_t size)
{
	struct block *block = &place->half->block;

	if (!block->is_lost &&
		hpack_feed(place->half->hpack, place->piece->bytes, size, take_field, place))
		block->is_lost = true;
}

/* ---- frames ---- */

/* Streams are there only when the sides are known. */
static bool is_response(const struct place *place)
{
	return place->http2->knows_sides && place->way != place->http2->request_way;
}

/* Bytes of messages count for their stream; other frames belong to none. */
static void count_bytes(struct place *place, size_t size)
{
	struct half *half = place->half;
	struct http2_stream *stream;

	if (!http2_is_block(half->head.type) && half->head.type != HTTP2_DATA)
		return;
	stream = half->block.is_push && http2_is_block(half->head.type)
		? NULL
		: http2_streams_find(&place->http2->streams, half->head.id);
	if (stream)
		exchange_moved(http_exchange(stream->http), place->way, place->piece, size);
	else if (http2_is_block(half->head.type))
		half->block.bytes += size;
}

static void frame_end(struct place *place)
{
	struct http2 *http2 = place->http2;
	struct half *half = place->half;
	struct http2_stream *stream = http2_streams_find(&http2->streams, half->head.id);
	uint64_t ticks = place->piece->ticks;

	half->where = AT_HEAD;
	half->have = 0;
	if (http2_is_block(half->head.type) && half->head.flags & HTTP2_END_HEADERS)
		block_end(place);
	else if (half->head.type == HTTP2_RST_STREAM && stream)
		http2_streams_fail(
			&http2->streams, stream, ticks, "rst_stream", http2_number(half->bytes));
	else if (half->head.type == HTTP2_GOAWAY && is_response(place))
		http2_streams_refuse(&http2->streams, http2_number(half->bytes) & 0x7fffffff, ticks,
			http2_number(half->bytes + 4));
	else if (half->head.type == HTTP2_DATA && stream && half->head.flags & HTTP2_END_STREAM)
		stream_end_side(http2, stream, !is_response(place), ticks);
}

/* Goes on to what the frame has next. */
static void frame_step(struct place *place)
{
	struct half *half = place->half;

	if (half->where == AT_PREFIX && half->have == half->prefix) {
		if (half->head.flags & HTTP2_PADDED && http2_may_be_padded(half->head.type))
			half->padding = half->bytes[0] < half->left ? half->bytes[0] : half->left;
		half->left -= half->padding;
		half->where = AT_BODY;
	}
	if (half->where == AT_BODY && !half->left) {
		half->left = half->padding;
		half->padding = 0;
		half->where = AT_PADDING;
	}
	if (half->where == AT_PADDING && !half->left)
		frame_end(place);
}

static void set_lost(struct http2 *http2, struct half *half)
{
	http2->losses++;
	http2->knows_requests = false;
	half->where = AT_LOST;
	half->have = 0;
	half->block.is_open = false;
	if (half->hpack)
		hpack_lose(half->hpack);
	else
		half->hpack = hpack_new(false);
	http2_streams_doubt(&http2->streams);
}

/* A frame's head is complete. */
static void frame_begin(struct place *place)
{
	struct half *half = place->half;
	bool is_continuation;

	half->head = http2_head_read(half->bytes);
	is_continuation = half->head.type == HTTP2_CONTINUATION;
	if (!http2_head_is_valid(&half->head) || is_continuation != half->block.is_open ||
		(is_continuation && half->head.id != half->block.id)) {
		set_lost(place->http2, half);
		return;
	}
	/* a direction that opens with its settings is seen from its beginning */
	if (!half->hpack)
		half->hpack = hpack_new(
			half->head.type == HTTP2_SETTINGS && !(half->head.flags & HTTP2_ACK));
	if (http2_is_block(half->head.type) && !is_continuation)
		block_begin(place);
	if (http2_is_block(half->head.type) && !half->hpack)
		half->block.is_lost = true;
	count_bytes(place, HTTP2_HEAD);
	half->prefix = http2_prefix_size(&half->head);
	half->left = half->head.size - half->prefix;
	half->padding = 0;
	half->have = 0;
	memset(half->bytes, 0, sizeof(half->bytes));
	half->where = AT_PREFIX;
	frame_step(place);
}

static void body_bytes(struct place *place, size_t size)
{
	struct http2 *http2 = place->http2;
	struct http2_stream *stream;

	if (http2_is_block(place->half->head.type)) {
		block_bytes(place, size);
	} else if (place->half->head.type == HTTP2_DATA) {
		stream = http2_streams_find(&http2->streams, place->half->head.id);
		if (stream)
			http_body(stream->http, place->way == http2->request_way, place->piece,
				place->piece->bytes, size);
	}
}

static size_t collect(struct half *half, const struct proto_piece *piece, size_t wanted)
{
	size_t size = wanted - half->have < piece->size ? wanted - half->have : piece->size;

	memcpy(half->bytes + half->have, piece->bytes, size);
	half->have += (unsigned)size;
	return size;
}

/* A preface, or a frame? They differ in their first byte. */
static size_t take_preface(struct http2 *http2, struct half *half, const struct place *place)
{
	const struct proto_piece *piece = place->piece;
	size_t size = HTTP2_PREFACE_SIZE - half->have;

	if (half->where == AT_START && *piece->bytes != HTTP2_PREFACE[0]) {
		half->where = AT_HEAD;
		return 0;
	}
	half->where = AT_PREFACE;
	size = size < piece->size ? size : piece->size;
	if (memcmp(&HTTP2_PREFACE[half->have], piece->bytes, size) != 0) {
		set_lost(http2, half);
		return 0;
	}
	half->have += (unsigned)size;
	if (half->have == HTTP2_PREFACE_SIZE) {
		http2->knows_sides = http2->knows_requests = true;
		http2->request_way = place->way;
		half->where = AT_HEAD;
		half->have = 0;
	}
	return size;
}

/*
 * Where one thread sends and another receives, an answer may be here before the call that sent its
 * request is over.
 */
static bool is_early(const struct place *place)
{
	struct http2_head head = http2_head_read(place->half->bytes);

	return place->http2->knows_requests && is_response(place) && head.type == HTTP2_HEADERS &&
		head.id & 1 && head.id > place->http2->newest;
}

/* Takes some bytes from the front of the piece; returns how many. */
static size_t take(struct place *place)
{
	struct half *half = place->half;
	const struct proto_piece *piece = place->piece;
	size_t size = piece->size < half->left ? piece->size : half->left;

	switch (half->where) {
	case AT_START:
	case AT_PREFACE:
		return take_preface(place->http2, half, place);
	case AT_HEAD:
		if (!half->have)
			half->frame_at = piece->position;
		size = collect(half, piece, HTTP2_HEAD);
		if (half->have == HTTP2_HEAD && is_early(place))
			half->where = AT_EARLY;
		else if (half->have == HTTP2_HEAD)
			frame_begin(place);
		return size;
	case AT_EARLY:
		buf_append(&half->early, piece->bytes, piece->size);
		if (half->early.size > EARLY_BYTES)
			place->http2->knows_requests = false;
		return piece->size;
	case AT_PREFIX:
		size = collect(half, piece, half->prefix);
		break;
	case AT_LOST:
		size = http2_frames_find(piece->bytes, piece->size);
		if (size < piece->size)
			half->where = AT_HEAD;
		return size;
	case AT_BODY:
	case AT_PADDING:
		half->left -= (uint32_t)size;
	}
	/* counted before it may end the exchange it belongs to */
	count_bytes(place, size);
	if (half->where == AT_BODY)
		body_bytes(place, size);
	frame_step(place);
	return size;
}

static enum proto_verdict feed_half(struct place *place, const struct proto_piece *piece)
{
	struct http2 *http2 = place->http2;
	struct half *half = place->half;
	struct proto_piece rest = *piece;
	struct place here = {http2, half, place->way, &rest};

	while (rest.size) {
		size_t size = take(&here);

		proto_piece_skip(&rest, size);
		if (http2->losses > LOSSES || (half->hpack && hpack_is_hopeless(half->hpack)))
			return PROTO_NOT_MINE;
	}
	return PROTO_OK;
}

/* Goes on with an answer that waited, unless it still has to. Its moment is that of the request. */
static enum proto_verdict feed_early(struct place *place, const struct proto_piece *piece)
{
	struct half *half = place->half;
	struct buf early = half->early;
	struct proto_piece again = *piece;
	enum proto_verdict verdict;

	if (half->where != AT_EARLY || is_early(place))
		return PROTO_OK;
	half->early = (struct buf){0};
	again.bytes = early.data;
	again.size = early.size;
	half->where = AT_HEAD;
	place->piece = &again;
	frame_begin(place);
	verdict = feed_half(place, &again);
	if (early.data)
		explicit_bzero(early.data, early.size);
	buf_free(&early);
	return verdict;
}

static enum proto_verdict http2_feed(
	void *state, enum proto_way way, const struct proto_piece *piece)
{
	struct http2 *http2 = state;
	struct place place = {http2, &http2->halves[way], way, piece};
	struct place other = {http2, &http2->halves[!way], !way, piece};
	enum proto_verdict verdict;

	if (way != http2->request_way)
		http2_streams_settle(&http2->streams);
	verdict = feed_half(&place, piece);
	place.half->position += piece->size;
	if (verdict == PROTO_OK)
		verdict = feed_early(&place, piece);
	return verdict == PROTO_OK ? feed_early(&other, piece) : verdict;
}

/* `size` bytes of the present frame are missing, no more than it has left. */
static void skip_in_frame(struct place *place, uint32_t size)
{
	struct http2 *http2 = place->http2;
	struct half *half = place->half;
	struct http2_stream *stream = http2_streams_find(&http2->streams, half->head.id);

	if (half->where == AT_BODY && http2_is_block(half->head.type)) {
		hpack_lose(half->hpack);
		half->block.is_lost = true;
	} else if (half->where == AT_BODY && half->head.type == HTTP2_DATA && stream) {
		http_body_gap(stream->http, !is_response(place), size);
		http2_missing_add(&half->missing, half->position, size, half->head.id);
		stream->has_missing |= is_response(place);
	}
	count_bytes(place, size);
	half->left -= size;
	frame_step(place);
}

static void http2_gap(void *state, enum proto_way way, uint64_t size, uint64_t ticks)
{
	struct http2 *http2 = state;
	struct half *half = &http2->halves[way];
	struct proto_piece nothing = {.ticks = ticks};
	struct place place = {http2, half, way, &nothing};

	while (size && (half->where == AT_BODY || half->where == AT_PADDING)) {
		uint32_t step = size < half->left ? (uint32_t)size : half->left;

		skip_in_frame(&place, step);
		half->position += step;
		size -= step;
	}
	half->position += size;
	if (!size || half->where == AT_LOST)
		return;
	set_lost(http2, half);
	/* lost bytes are no sign of another protocol */
	http2->losses--;
	http2_streams_gap(&http2->streams, way == http2->request_way);
}

static void http2_late(
	void *state, enum proto_way way, uint64_t back, const struct proto_piece *piece)
{
	struct http2 *http2 = state;
	struct half *half = &http2->halves[way];
	uint32_t id = http2_missing_find(&half->missing, half->position - back, piece->size);
	struct http2_stream *stream = id ? http2_streams_find(&http2->streams, id) : NULL;

	if (stream)
		http_body_late(
			stream->http, way == http2->request_way, piece, piece->bytes, piece->size);
}

static void http2_close(void *state, uint64_t ticks)
{
	struct http2 *http2 = state;

	http2_streams_close(&http2->streams, ticks);
	for (int i = 0; i < 2; i++) {
		hpack_free(http2->halves[i].hpack);
		if (http2->halves[i].early.data)
			explicit_bzero(http2->halves[i].early.data, http2->halves[i].early.size);
		buf_free(&http2->halves[i].early);
		explicit_bzero(&http2->halves[i], sizeof(http2->halves[i]));
	}
}

const struct protocol protocol_http2 = {
	.name = "http2",
	.state_size = sizeof(struct http2),
	.probe = http2_probe,
	.open = http2_open,
	.feed = http2_feed,
	.gap = http2_gap,
	.late = http2_late,
	.close = http2_close,
};
