/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNS, as programs speak it that resolve names by themselves: over TCP, and over UDP with the same
 * two bytes of length before each datagram, which the shim puts there (preload/payload.h). Told is
 * what was asked for and how it went, never the addresses.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/cursor.h"
#include "protocols/protocol.h"
#include "wire/event.h"

#define HEADER 12
/* Header, the longest name and what stands behind it. */
#define KEPT (HEADER + 255 + 4)
#define QUERIES 32

#define FLAG_ANSWER 0x8000
#define FLAG_CUT 0x0200
#define OPCODE 0x7800

struct lane {
	unsigned size; /* of the message; 0: its length is still to come */
	unsigned seen; /* of length and message */
	uint8_t length[2];
	struct proto_piece piece; /* that the message began in, without its bytes */
	bool lost;
	uint8_t bytes[KEPT];
};

struct query {
	struct exchange *exchange; /* NULL: none */
	uint16_t id;
	enum proto_way way;
	int64_t again;
};

struct dns {
	struct exchange_host *host;
	struct lane lanes[2];
	struct query queries[QUERIES]; /* oldest first */
	unsigned count;
};

struct question {
	char name[256];
	unsigned type;
};

static uint16_t read_u16(struct cursor *cursor)
{
	const uint8_t *bytes = cursor_take(cursor, 2);

	return bytes ? (uint16_t)(bytes[0] << 8 | bytes[1]) : 0;
}

/* Host names as people give them; a label that looks like data is not told. */
static void put_label(char *name, const uint8_t *label, unsigned size)
{
	size_t used = strlen(name);
	bool plain = size <= 40;

	for (unsigned i = 0; i < size; i++) {
		uint8_t c = label[i];

		plain &= (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			(c >= '0' && c <= '9') || c == '-' || c == '_';
	}
	snprintf(name + used, sizeof(((struct question *)0)->name) - used, "%s%.*s",
		used ? "." : "", plain ? (int)size : 1, plain ? (const char *)label : "*");
	for (char *at = name + used; *at; at++)
		*at = *at >= 'A' && *at <= 'Z' ? (char)(*at | 0x20) : *at;
}

/* The cursor stands behind the header. Names in questions are never compressed. */
static bool read_question(struct cursor *cursor, struct question *question)
{
	unsigned size;

	question->name[0] = '\0';
	while ((size = cursor_u8(cursor)) != 0) {
		const uint8_t *label = size < 64 ? cursor_take(cursor, size) : NULL;

		if (!label)
			return false;
		put_label(question->name, label, size);
	}
	if (!*question->name)
		strcpy(question->name, ".");
	question->type = read_u16(cursor);
	return read_u16(cursor) == 1 && !cursor->bad; /* of the internet */
}

static const char *type_name(unsigned type)
{
	static const struct {
		unsigned number;
		const char *name;
	} types[] = {{1, "A"}, {2, "NS"}, {5, "CNAME"}, {6, "SOA"}, {12, "PTR"}, {15, "MX"},
		{16, "TXT"}, {28, "AAAA"}, {33, "SRV"}, {35, "NAPTR"}, {43, "DS"}, {48, "DNSKEY"},
		{52, "TLSA"}, {64, "SVCB"}, {65, "HTTPS"}, {255, "ANY"}, {257, "CAA"}};

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		if (types[i].number == type)
			return types[i].name;
	}
	return NULL;
}

/* Of the length and what is there of the message: a query, or an answer, to one question? */
static enum proto_verdict dns_probe(enum proto_way way, const uint8_t *bytes, size_t size)
{
	struct cursor cursor = cursor_over(bytes, size);
	unsigned length = read_u16(&cursor), flags;
	struct question question;
	bool is_answer, whole;

	(void)way;
	if (size < 6)
		return PROTO_NEED_MORE;
	cursor_take(&cursor, 2);
	flags = read_u16(&cursor);
	is_answer = flags & FLAG_ANSWER;
	if (length < HEADER + 5 || (flags & OPCODE) || (flags & 0x40) ||
		(!is_answer && (length > 1024 || (flags & 0x048f))))
		return PROTO_NOT_MINE;
	if (size < 2 + HEADER)
		return PROTO_NEED_MORE;
	if (read_u16(&cursor) != 1)
		return PROTO_NOT_MINE;
	/* answers, authorities, and what comes beside: of a query an option at most */
	if (!is_answer && (read_u16(&cursor) || read_u16(&cursor) || read_u16(&cursor) > 2))
		return PROTO_NOT_MINE;
	cursor = cursor_over(bytes + 2 + HEADER, size - 2 - HEADER);
	if (cursor_left(&cursor) > length - HEADER)
		cursor.end = cursor.at + (length - HEADER);
	whole = size >= 2 + (size_t)length || size >= 2 + KEPT;
	if (!read_question(&cursor, &question))
		return cursor.bad && !whole ? PROTO_NEED_MORE : PROTO_NOT_MINE;
	return type_name(question.type) ? PROTO_OK : PROTO_NOT_MINE;
}

static void dns_open(void *state, struct exchange_host *host)
{
	struct dns *dns = state;

	dns->host = host;
}

static void query_end(struct dns *dns, struct query *query, uint64_t ticks)
{
	size_t at = (size_t)(query - dns->queries);

	exchange_end(query->exchange, ticks);
	dns->count--;
	memmove(query, query + 1, (dns->count - at) * sizeof(*query));
}

static void query_give_up(struct dns *dns, struct query *query, uint64_t ticks)
{
	query->exchange->failed = true;
	exchange_string(query->exchange, "error.type", "no_answer");
	query_end(dns, query, ticks);
}

static struct query *query_of(struct dns *dns, uint16_t id, enum proto_way way)
{
	for (unsigned i = 0; i < dns->count; i++) {
		if (dns->queries[i].id == id && dns->queries[i].way == way)
			return &dns->queries[i];
	}
	return NULL;
}

static void take_query(struct dns *dns, enum proto_way way, const struct lane *lane, uint16_t id,
	const struct question *question, const struct proto_piece *piece)
{
	struct query *query = query_of(dns, id, way);
	const char *type = type_name(question->type);
	char number[16];

	if (query) {
		exchange_int(query->exchange, "ragtime.dns_retries", ++query->again);
		exchange_moved(query->exchange, way, piece, lane->seen);
		return;
	}
	if (dns->count == QUERIES)
		query_give_up(dns, &dns->queries[0], piece->ticks);
	query = &dns->queries[dns->count];
	*query = (struct query){exchange_begin(dns->host, "dns", way, &lane->piece), id, way, 0};
	if (!query->exchange)
		return;
	dns->count++;
	snprintf(number, sizeof(number), "TYPE%u", question->type);
	type = type ? type : number;
	exchange_name(query->exchange, "DNS %s %s", type, question->name);
	exchange_string(query->exchange, "dns.question.name", question->name);
	exchange_string(query->exchange, "ragtime.dns_type", type);
	exchange_moved(query->exchange, way, piece, lane->seen);
}

static void put_rcode(struct exchange *exchange, unsigned rcode)
{
	static const char *const names[] = {
		"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"};
	char number[16];
	const char *name = number;

	snprintf(number, sizeof(number), "RCODE%u", rcode);
	if (rcode < sizeof(names) / sizeof(*names))
		name = names[rcode];
	exchange_string(exchange, "ragtime.dns_rcode", name);
	if (rcode) {
		exchange->failed = true;
		exchange_string(exchange, "error.type", name);
	}
}

static void take_answer(struct dns *dns, enum proto_way way, const struct lane *lane, uint16_t id,
	unsigned flags, unsigned answers, const struct proto_piece *piece)
{
	struct query *query = query_of(dns, id, !way);

	if (!query)
		return;
	exchange_moved(query->exchange, way, &lane->piece, lane->seen);
	put_rcode(query->exchange, flags & 0xf);
	exchange_int(query->exchange, "ragtime.dns_answers", answers);
	if (flags & FLAG_CUT)
		exchange_bool(query->exchange, "ragtime.dns_truncated", true);
	query_end(dns, query, piece->ticks);
}

/* False where it is none. */
static bool take_message(
	struct dns *dns, enum proto_way way, struct lane *lane, const struct proto_piece *piece)
{
	size_t kept = lane->size < KEPT ? lane->size : KEPT;
	struct cursor cursor = cursor_over(lane->bytes, kept);
	struct question question;
	uint16_t id = read_u16(&cursor);
	unsigned flags = read_u16(&cursor), questions = read_u16(&cursor);
	unsigned answers = read_u16(&cursor);

	cursor_take(&cursor, 4);
	if (cursor.bad || (flags & OPCODE))
		return false;
	if (flags & FLAG_ANSWER)
		take_answer(dns, way, lane, id, flags, answers, piece);
	else if (questions == 1 && read_question(&cursor, &question))
		take_query(dns, way, lane, id, &question, piece);
	else
		return false;
	return true;
}

/* How many bytes it takes: of the length, or of the message. */
static size_t lane_feed(struct lane *lane, const struct proto_piece *piece, size_t at)
{
	size_t size = piece->size - at, done;

	if (lane->seen < 2) {
		if (!lane->seen) {
			lane->piece = *piece;
			lane->piece.bytes = NULL;
		}
		lane->length[lane->seen++] = piece->bytes[at];
		if (lane->seen == 2)
			lane->size = (unsigned)lane->length[0] << 8 | lane->length[1];
		return 1;
	}
	done = lane->seen - 2;
	size = size < lane->size - done ? size : lane->size - done;
	if (done < KEPT)
		memcpy(lane->bytes + done, piece->bytes + at,
			size < KEPT - done ? size : KEPT - done);
	lane->seen += (unsigned)size;
	return size;
}

static enum proto_verdict dns_feed(void *state, enum proto_way way, const struct proto_piece *piece)
{
	struct dns *dns = state;
	struct lane *lane = &dns->lanes[way];
	bool good = !lane->lost;

	for (size_t at = 0; at < piece->size && good;) {
		at += lane_feed(lane, piece, at);
		if (lane->seen == 2)
			good = lane->size >= HEADER;
		else if (lane->seen == 2 + lane->size)
			good = take_message(dns, way, lane, piece);
		else
			continue;
		if (lane->seen > 2)
			lane->seen = lane->size = 0;
	}
	return good ? PROTO_OK : PROTO_NOT_MINE;
}

/* Inside a message they are passed over; else it is not known where the next one begins. */
static void dns_gap(void *state, enum proto_way way, uint64_t size, uint64_t ticks)
{
	struct dns *dns = state;
	struct lane *lane = &dns->lanes[way];
	unsigned left = lane->seen >= 2 ? lane->size - (lane->seen - 2) : 0;

	(void)ticks;
	if (size > left)
		lane->lost = true;
	lane->seen = size < left ? lane->seen + (unsigned)size : 0;
}

static void dns_close(void *state, uint64_t ticks)
{
	struct dns *dns = state;

	while (dns->count)
		query_give_up(dns, &dns->queries[0], ticks);
	explicit_bzero(dns->lanes, sizeof(dns->lanes));
}

const struct protocol protocol_dns = {
	.name = "dns",
	.state_size = sizeof(struct dns),
	.probe = dns_probe,
	.open = dns_open,
	.feed = dns_feed,
	.gap = dns_gap,
	.close = dns_close,
};
