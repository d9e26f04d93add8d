/* SPDX-License-Identifier: Apache-2.0 */
/* Makes real HTTP/2 bytes (nghttp2's deflater) and reads what the parser made of them as text. */
#ifndef TESTS_HTTP2_FIXTURE_H
#define TESTS_HTTP2_FIXTURE_H

#include <nghttp2/nghttp2.h>

#include "lib/buf.h"
#include "protocols/http2_frame.h"
#include "unit.h"

#define ENDS HTTP2_END_STREAM
#define HEAD HTTP2_END_HEADERS

struct segment {
	enum proto_way way;
	size_t offset, size;
	uint64_t missing; /* bytes not copied, instead */
	uint64_t back;	  /* not 0: late, from so far before where the way stands */
};

struct talk {
	struct buf bytes;
	unsigned count;
	struct segment segments[2048];
	nghttp2_hd_deflater *deflaters[2];
	bool keeps_content;
};

static inline struct talk *talk_new(void)
{
	struct talk *talk = calloc(1, sizeof(*talk));

	nghttp2_hd_deflate_new(&talk->deflaters[0], 4096);
	nghttp2_hd_deflate_new(&talk->deflaters[1], 4096);
	return talk;
}

static inline void talk_free(struct talk *talk)
{
	nghttp2_hd_deflate_del(talk->deflaters[0]);
	nghttp2_hd_deflate_del(talk->deflaters[1]);
	buf_free(&talk->bytes);
	free(talk);
}

static inline void say(struct talk *talk, enum proto_way way, const void *bytes, size_t size)
{
	talk->segments[talk->count++] =
		(struct segment){.way = way, .offset = talk->bytes.size, .size = size};
	buf_append(&talk->bytes, bytes, size);
}

/* A frame whose payload stands at `payload`, of which only the first `shown` bytes were copied. */
static inline void frame_cut(struct talk *talk, enum proto_way way, unsigned type, unsigned flags,
	uint32_t id, const void *payload, size_t size, size_t shown)
{
	uint8_t *bytes = malloc(HTTP2_HEAD + size);

	memcpy(bytes,
		(uint8_t[]){(uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size,
			(uint8_t)type, (uint8_t)flags, (uint8_t)(id >> 24), (uint8_t)(id >> 16),
			(uint8_t)(id >> 8), (uint8_t)id},
		HTTP2_HEAD);
	if (size)
		memcpy(bytes + HTTP2_HEAD, payload, size);
	say(talk, way, bytes, HTTP2_HEAD + shown);
	if (shown < size)
		talk->segments[talk->count++] =
			(struct segment){.way = way, .missing = size - shown};
	free(bytes);
}

static inline void frame(struct talk *talk, enum proto_way way, unsigned type, unsigned flags,
	uint32_t id, const void *payload, size_t size)
{
	frame_cut(talk, way, type, flags, id, payload, size, size);
}

/* "name\nvalue\n..." as a header block */
static inline size_t deflate_fields(
	struct talk *talk, enum proto_way way, const char *fields, uint8_t *out, size_t room)
{
	nghttp2_nv pairs[64];
	size_t count = 0;
	ssize_t size;

	while (*fields) {
		size_t name = strcspn(fields, "\n"), value = strcspn(fields + name + 1, "\n");

		pairs[count++] = (nghttp2_nv){(uint8_t *)fields, (uint8_t *)fields + name + 1, name,
			value, NGHTTP2_NV_FLAG_NONE};
		fields += name + 1 + value + 1;
	}
	size = nghttp2_hd_deflate_hd(talk->deflaters[way], out, room, pairs, count);
	CHECK(size >= 0);
	return (size_t)size;
}

static inline void headers(
	struct talk *talk, enum proto_way way, uint32_t id, unsigned flags, const char *fields)
{
	uint8_t block[8192];
	size_t size = deflate_fields(talk, way, fields, block, sizeof(block));

	frame(talk, way, HTTP2_HEADERS, flags | HEAD, id, block, size);
}

static inline void data(struct talk *talk, enum proto_way way, uint32_t id, unsigned flags,
	const void *bytes, size_t size)
{
	frame(talk, way, HTTP2_DATA, flags, id, bytes, size);
}

static inline void greet(struct talk *talk)
{
	say(talk, PROTO_OUT, HTTP2_PREFACE, HTTP2_PREFACE_SIZE);
	frame(talk, PROTO_OUT, HTTP2_SETTINGS, 0, 0, "\0\4\0\1\0\0", 6);
	frame(talk, PROTO_IN, HTTP2_SETTINGS, 0, 0, "\0\3\0\0\0\144", 6);
	frame(talk, PROTO_OUT, HTTP2_SETTINGS, HTTP2_ACK, 0, NULL, 0);
}

/* ---- what came of it ---- */

struct heard {
	unsigned count;
	size_t used;
	char text[65536]; /* a line an exchange: name, outcome, facts */
};

static inline void hear(void *context, const struct exchange *exchange)
{
	struct heard *heard = context;
	size_t room = sizeof(heard->text) - heard->used;
	char *at = heard->text + heard->used, *end = at + room;

	heard->count++;
	at += snprintf(at, (size_t)(end - at), "%s|%s|%s|%llu/%llu", exchange->name,
		exchange->protocol, exchange->failed ? "failed" : "ok",
		(unsigned long long)exchange->bytes_out, (unsigned long long)exchange->bytes_in);
	for (uint32_t i = 0; i < exchange->fact_count; i++) {
		const struct exchange_fact *fact = &exchange->facts[i];

		if (fact->type == FACT_TEXT)
			at += snprintf(at, (size_t)(end - at), "|%s=%s", fact->key,
				exchange->text + fact->text);
		else if (fact->type == FACT_INT || fact->type == FACT_BOOL)
			at += snprintf(at, (size_t)(end - at), "|%s=%lld", fact->key,
				fact->type == FACT_INT ? (long long)fact->number : fact->truth);
	}
	for (int part = 0; exchange->said && part < SAID_PARTS; part++) {
		const struct buf *said = &exchange->said->parts[part];

		if (said->size)
			at += snprintf(at, (size_t)(end - at), "|said %d: %.*s", part,
				(int)said->size, (char *)said->data);
	}
	at += snprintf(at, (size_t)(end - at), "|\n");
	heard->used = (size_t)(at - heard->text);
}

static inline uint64_t hash_nothing(void *context, const void *bytes, size_t size)
{
	(void)context, (void)bytes, (void)size;
	return 1;
}

/* Feeds in pieces of `split` bytes (0: as they were said) from segment `from` on. */
static inline enum proto_verdict listen_from(
	const struct talk *talk, unsigned from, size_t split, struct heard *heard)
{
	struct exchange_host host = {.context = heard,
		.done = hear,
		.hash = hash_nothing,
		.keeps_content = talk->keeps_content};
	void *state = calloc(1, protocol_http2.state_size);
	enum proto_verdict verdict = PROTO_OK;
	uint64_t ticks = 1000;

	memset(heard, 0, sizeof(*heard));
	protocol_http2.open(state, &host);
	for (unsigned i = from; i < talk->count; i++) {
		const struct segment *segment = &talk->segments[i];

		if (segment->missing)
			protocol_http2.gap(state, segment->way, segment->missing, ticks);
		for (size_t at = 0; at < segment->size; ticks += 10) {
			size_t left = segment->size - at;
			size_t size = split && split < left ? split : left;
			uint8_t *copy = malloc(size); /* reads beyond it are caught */
			struct proto_piece piece = {
				.bytes = copy, .size = size, .ticks = ticks, .thread = 1};

			memcpy(copy, talk->bytes.data + segment->offset + at, size);
			if (segment->back)
				protocol_http2.late(
					state, segment->way, segment->back - at, &piece);
			else if (protocol_http2.feed(state, segment->way, &piece) == PROTO_NOT_MINE)
				verdict = PROTO_NOT_MINE;
			free(copy);
			at += size;
		}
	}
	protocol_http2.close(state, ticks);
	free(state);
	return verdict;
}

static inline void listen_to(const struct talk *talk, struct heard *heard)
{
	listen_from(talk, 0, 0, heard);
}

#define CHECK_HAS(heard, part)                                                        \
	do {                                                                          \
		if (!strstr((heard)->text, (part))) {                                 \
			printf("%s:%d: no \"%s\" in\n%s", __FILE__, __LINE__, (part), \
				(heard)->text);                                       \
			unit_failures++;                                              \
		}                                                                     \
	} while (0)

#endif
