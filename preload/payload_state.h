/* SPDX-License-Identifier: Apache-2.0 */
/* What payload.c and payload_straight.c know of connections, and nobody else may. */
#ifndef PRELOAD_PAYLOAD_STATE_H
#define PRELOAD_PAYLOAD_STATE_H

#include "preload/payload_http2.h"
#include "preload/payload_tail.h"

#define PAYLOAD_SESSIONS 4096
#define PAYLOAD_TAILS 512

enum kind { KIND_NONE, KIND_SOCKET, KIND_COPY, KIND_TLS, KIND_DATAGRAMS, KIND_PIPE };

struct way {
	__u64 begun;	/* ticks of the call that moves bytes now, where they count from there */
	__u64 position; /* bytes seen */
	__u64 message;	/* position where the present message began */
	struct http2_walk walk;
	__u16 tail; /* number + 1 of the buffer that holds what is not copied yet */
	bool is_http2;
	bool is_lines; /* of JSON: each is a message */
};

struct connection {
	const void *session; /* of TLS: the key; of a descriptor: that rides on it */
	__u32 number;
	int fd;	  /* of a copy: that of the original */
	int copy; /* another descriptor of it, or 0 */
	__u8 kind;
	bool has_begun; /* of TLS: its handshake is over */
	struct way ways[2];
};

/* NULL: nothing is copied. */
extern HIDDEN struct payload_tables {
	struct connection descriptors[PAYLOAD_DESCRIPTORS];
	struct connection sessions[PAYLOAD_SESSIONS];
	struct tail tails[PAYLOAD_TAILS];
} * payload_tables;

#endif
