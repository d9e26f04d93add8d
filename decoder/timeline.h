/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What connections go through: name lookup, connect, TLS handshake, requests, silence between them,
 * close. A line is one connection: a socket, or a TLS session whose socket is not known.
 *
 * Calls come in the order of their thread, threads block by block: what one thread does for
 * another (a lookup in a pool) is found all the same, because lookups are kept for a while.
 */
#ifndef DECODER_TIMELINE_H
#define DECODER_TIMELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "decoder/objtab.h"
#include "decoder/section.h"
#include "decoder/store.h"

struct timeline;

/* NULL when memory is out. */
struct timeline *timeline_new(void);
void timeline_free(struct timeline *all);

/* A call whose times are nanoseconds already. */
struct timeline_call {
	uint32_t process, thread;
	uint32_t object;    /* 0: none */
	bool is_connection; /* the object is */
	const struct trace_batch *batch;
	const struct section *section;
	const struct section_call *call;
};
void timeline_take(struct timeline *all, const struct timeline_call *call);

/* The line of a data mark: by its socket, else by the TLS session in whose call it was left. 0:
 * none. */
uint32_t timeline_of_object(struct timeline *all, uint32_t process, uint32_t object);
uint32_t timeline_of_session(struct timeline *all, uint32_t process, uint64_t handle);

/* The socket of a line; 0: unknown. */
uint32_t timeline_object(const struct timeline *all, uint32_t line);

/* Nanoseconds; TIMELINE_UNKNOWN where they are. */
#define TIMELINE_UNKNOWN (-1)

struct timeline_request {
	uint64_t start, first_byte, end; /* first_byte 0: no answer */
	uint64_t request_end;
	uint64_t bytes_out, bytes_in;
	const char *host; /* that it names, or NULL */
	bool is_server;
	bool is_first; /* on its connection */
};

struct timeline_phases {
	int64_t dns_ns, connect_ns, tls_ns; /* of the first request: what had to come before it */
	int64_t send_ns, wait_ns, receive_ns;
	int64_t idle_ns;	 /* since the request before; unknown where they overlap */
	uint32_t tls;		 /* enum rt_tls_flags; 0: none */
	const char *server_name; /* that TLS was asked for, or NULL */
};

/* A finished request on a line (0: none). */
struct timeline_phases timeline_request(
	struct timeline *all, uint32_t line, const struct timeline_request *request);

/* Writes a row for each line. first_object, first_process: row ids of number 0. */
void timeline_store(
	struct timeline *all, struct store *store, int64_t first_object, int64_t first_process);

#endif
