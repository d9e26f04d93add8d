/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Splits application/vnd.amazon.eventstream into frames: a length, headers and a payload each. A
 * frame's name is its ":event-type", or its ":exception-type" behind a "!".
 */
#ifndef PROTOCOLS_CONTENT_EVENTSTREAM_H
#define PROTOCOLS_CONTENT_EVENTSTREAM_H

#include "protocols/content/events.h"

struct eventstream {
	const struct frame_calls *calls;
	void *context;
	uint8_t part;  /* enum in eventstream.c */
	bool in_frame; /* frame() was called, frame_end() is due */
	bool lost;     /* the lengths are not to be believed any more */
	uint8_t prelude_size;
	uint8_t name_size;
	uint8_t event_size;
	uint8_t header; /* which one this is */
	uint32_t left;	/* bytes of the part at hand */
	uint32_t headers_left;
	uint32_t payload;
	uint8_t prelude[12];
	char name[20];
	char event[64];
};

void eventstream_start(struct eventstream *stream, const struct frame_calls *calls, void *context);
void eventstream_feed(struct eventstream *stream, const uint8_t *bytes, size_t size);

/* The body is over, or bytes are missing: what is open ends here, and no frame is found again. */
void eventstream_break(struct eventstream *stream);

#endif
