/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A dialect: what an API says over HTTP. It sees heads, decoded bodies as JSON events, and streamed
 * frames, and turns them into facts of the exchange (OpenTelemetry's GenAI and database names).
 *
 * To add one: protocols/dialects/X.c that defines `const struct dialect dialect_X`, and a
 * DIALECT(X) line in dialects.def (the first that claims a request has it).
 */
#ifndef PROTOCOLS_DIALECT_H
#define PROTOCOLS_DIALECT_H

#include "protocols/exchange.h"

/* A request's head as far as dialects may judge by it. Texts are NUL-terminated and bounded. */
struct http_head {
	char method[16];
	char host[256];	       /* without port, lower case; "" where unknown */
	char path[1024];       /* without query */
	uint64_t target;       /* a keyed hash of path and query */
	char content_type[96]; /* of the request, without parameters */
	bool is_grpc;
};

/* One scalar of a JSON text, or one protobuf field of a gRPC message. */
struct dialect_value {
	/* "choices[].delta.content", "usage.prompt_tokens"; of protobuf: "1.3.2" */
	const char *path;
	unsigned index; /* of the innermost array element */
	enum {
		VALUE_NULL,
		VALUE_BOOL,
		VALUE_INT,
		VALUE_DOUBLE,
		VALUE_STRING,
		VALUE_OPEN,  /* an object or array begins here */
		VALUE_CLOSE, /* and ends */
	} type;
	const char
		*text; /* VALUE_STRING: its beginning, at most DIALECT_TEXT bytes, not terminated */
	size_t size;   /* of text */
	uint64_t whole; /* bytes of the whole string; the rest is not kept */
	int64_t number;
	double real;
};

#define DIALECT_TEXT 4096

/* What a message of a WebSocket is to the exchange that it may belong to. */
enum dialect_turn {
	DIALECT_BESIDE, /* neither request nor answer: of the session, or of nothing known */
	DIALECT_BEGINS, /* a request, or an answer that nobody asked for */
	DIALECT_GOES_ON,
	DIALECT_ENDS, /* the answer is complete */
};

struct dialect_socket {
	const char *type_path;	 /* of what says what a message is */
	const char *id_paths[2]; /* of what says which answer it belongs to */
	/* A message is over; its values were request_value's or response_value's. */
	enum dialect_turn (*turn)(
		void *state, struct exchange *exchange, bool is_request, const char *type);
};

struct dialect {
	const char *name;
	size_t state_size; /* zeroed at begin */
	bool (*claims)(const struct http_head *head);
	void (*begin)(void *state, struct exchange *exchange, const struct http_head *head);
	/* The request's and response's JSON. Of frames and lines: of each one's JSON. */
	void (*request_value)(
		void *state, struct exchange *exchange, const struct dialect_value *value);
	void (*response_value)(
		void *state, struct exchange *exchange, const struct dialect_value *value);
	/*
	 * A frame of a streamed response (server-sent event, JSON line, event-stream message)
	 * begins; event is its name or "". Then come its values, then frame_end.
	 */
	void (*frame)(void *state, struct exchange *exchange, const char *event);
	void (*frame_end)(void *state, struct exchange *exchange);
	/* The bytes of a frame of the response as they are, JSON or not. */
	void (*frame_text)(void *state, struct exchange *exchange, const char *text, size_t size);
	/* Headers of the answer that are on the allow-list. */
	void (*response_header)(
		void *state, struct exchange *exchange, const char *name, const char *value);
	void (*end)(void *state, struct exchange *exchange);
	/* Not NULL: it is spoken over WebSockets alone, and has all of the functions above but
	 * frame_end and response_header. */
	const struct dialect_socket *socket;
};

#define DIALECT(name) extern const struct dialect dialect_##name;
#include "protocols/dialects/dialects.def"
#undef DIALECT

/* NULL where none claims it. */
const struct dialect *dialect_for(const struct http_head *head);

/* The same for what has been upgraded to a WebSocket. */
const struct dialect *dialect_for_socket(const struct http_head *head);

#endif
