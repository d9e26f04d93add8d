/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request and its answer, as the parsers find them on a connection: when what happened, and
 * facts under OpenTelemetry names. Nothing here holds content: a fact is a number, a name from an
 * allow-list, or a keyed hash. The one exception is `said`.
 *
 * Moments are clock ticks of the capture; 0 is "not seen". A parser owns an exchange from
 * exchange_begin to exchange_end or exchange_drop and may own many at once (HTTP/2, pipelining).
 */
#ifndef PROTOCOLS_EXCHANGE_H
#define PROTOCOLS_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/hist.h"
#include "protocols/said.h"

/* As the traced process sees its connection. */
enum proto_way { PROTO_OUT, PROTO_IN };

/* Some bytes of one direction, in order. */
struct proto_piece {
	const uint8_t *bytes;
	size_t size;
	uint64_t ticks;	   /* when the call that moved them was over */
	uint32_t thread;   /* whose call it was */
	uint64_t mark;	   /* what tells the data mark it came in from others of its connection */
	uint64_t position; /* of its first byte in its direction */
};

/* The front of a piece has been read. */
static inline void proto_piece_skip(struct proto_piece *piece, size_t size)
{
	piece->bytes += size;
	piece->size -= size;
	piece->position += size;
}

/* Most exchanges have few facts and brief texts: room for those comes with them. */
#define EXCHANGE_FEW 16
#define EXCHANGE_BRIEF 512
#define EXCHANGE_FACTS 64
#define EXCHANGE_TEXT 4096 /* all texts of one exchange; what does not fit is cut and counted */

struct exchange_fact {
	const char *key; /* a literal: OpenTelemetry's name, or "ragtime.*" */
	enum { FACT_TEXT, FACT_INT, FACT_DOUBLE, FACT_BOOL, FACT_HASH } type;
	union {
		uint32_t text;	/* offset into exchange.text, NUL-terminated */
		int64_t number; /* also of FACT_HASH */
		double real;
		bool truth;
	};
};

/* What a client waits for, token by token. */
struct exchange_tokens {
	uint64_t first;	    /* ticks of the first content-bearing frame */
	uint64_t last;	    /* and of the last one */
	uint64_t frames;    /* content-bearing frames */
	uint64_t coalesced; /* frames that came in one read with the one before: no gap known */
	uint64_t longest_gap;
	struct hist gaps;	/* ticks between frames that came in different reads */
	const char *first_kind; /* a literal: which frame counted as the first */
};

struct exchange {
	const char *protocol; /* a literal: the wire protocol's registry name */
	uint32_t class;	      /* vocabulary.def: CLASS */
	bool is_server;	      /* the traced process answers */
	bool failed;
	bool answered;	   /* said by a dialect: whatever is missing was not waited for */
	uint32_t thread;   /* that sent the request's first byte (received it, for a server) */
	uint64_t mark;	   /* of the piece that it began in */
	uint64_t position; /* of the request's first byte in its direction */
	uint32_t sequence; /* which one on its connection, from 0 */
	uint32_t stream;   /* its number in HTTP/2; 0: it is none */
	uint64_t begin;	   /* first byte of the request */
	uint64_t request_end;
	uint64_t first_byte;  /* of the answer */
	uint64_t first_chunk; /* of the answer's body */
	uint64_t end;
	uint64_t now; /* of the piece at hand: what its parser and dialect see happens then */
	uint64_t bytes_out, bytes_in;
	struct exchange_tokens tokens;
	struct exchange_fact *facts;
	uint32_t fact_count, fact_room;
	char *text; /* of facts: offset 0 is the empty one */
	uint32_t text_used, text_room;
	uint32_t cut; /* facts and texts that found no room */
	struct exchange_host *host;
	struct said *said; /* NULL, unless content is wanted (said.h) */
	/* Not NULL: takes the exchange when it would end, because its answer comes elsewhere. */
	void (*keep)(struct exchange *exchange, uint64_t ticks);
	uint64_t keep_key;
	/* not cleared, from here on */
	char name[160]; /* "chat gpt-4o", "SELECT items", "GET": never content */
	struct exchange_fact few[EXCHANGE_FEW];
	char brief[EXCHANGE_BRIEF];
};

/* The last request of a connection, as far as dialects judge by it, and who claimed it. */
struct dialect_memo {
	const struct dialect *dialect; /* NULL: nobody did */
	char method[16], host[64], content_type[64], path[160];
	bool is_grpc, is_known;
};

/* Who drives the parsers of one connection. */
struct exchange_host {
	void *context;
	/* Takes a finished exchange; it is freed after the call. */
	void (*done)(void *context, const struct exchange *exchange);
	/* Keyed: equal bytes give equal numbers within a run, and tell nothing outside it. */
	uint64_t (*hash)(void *context, const void *bytes, size_t size);
	const char *server_name; /* or address, of the other end if that serves, else NULL */
	uint32_t begun;		 /* exchanges so far */
	uint16_t server_port;	 /* of whichever end serves; 0: unknown */
	uint32_t process;	 /* whose connection it is, and which of its connections */
	uint32_t connection;
	struct rpc_desk *desk; /* of all of them; NULL: none */
	bool keeps_content;    /* the user wants what is said to be kept */
	uint32_t waiting;      /* exchanges that the desk holds: the host outlives them */
	struct dialect_memo memo;
};

/* NULL when memory is out: callers go on without. `way` is that of the request. */
struct exchange *exchange_begin(struct exchange_host *host, const char *protocol,
	enum proto_way way, const struct proto_piece *piece);

/* Sets `end` where it is not set, hands over, frees; or gives it to `keep`. NULL is allowed
 * everywhere below. */
void exchange_end(struct exchange *exchange, uint64_t ticks);

/* Frees without handing over: it turned out to be none. */
void exchange_drop(struct exchange *exchange);

/* A later value of the same key replaces the earlier one. Text is scrubbed of control bytes. */
void exchange_text(struct exchange *exchange, const char *key, const char *text, size_t size);
void exchange_string(struct exchange *exchange, const char *key, const char *text);
void exchange_int(struct exchange *exchange, const char *key, int64_t value);
/* A keyed hash: shown as hex digits. */
void exchange_hash(struct exchange *exchange, const char *key, uint64_t value);
void exchange_double(struct exchange *exchange, const char *key, double value);
void exchange_bool(struct exchange *exchange, const char *key, bool value);
const struct exchange_fact *exchange_find(const struct exchange *exchange, const char *key);
const char *exchange_find_text(const struct exchange *exchange, const char *key);

void exchange_name(struct exchange *exchange, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Bytes of either direction that belong to it, and the moments that follow from them. */
/* "GET /items": the name of most exchanges, without the cost of a format. */
void exchange_name_pair(struct exchange *exchange, const char *verb, const char *object);

void exchange_moved(struct exchange *exchange, enum proto_way way, const struct proto_piece *piece,
	size_t size);

/* A content-bearing frame is here: kind is a literal such as "delta.content" or "tool_calls". */
void exchange_token(struct exchange *exchange, const char *kind);

#endif
