/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Splits a streamed body into frames: server-sent events, or JSON lines. Data passes through as it
 * comes; only field names and event names are kept, cut to their buffers.
 */
#ifndef PROTOCOLS_CONTENT_EVENTS_H
#define PROTOCOLS_CONTENT_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Who takes the frames of a body. */
struct frame_calls {
	void (*frame)(void *context, const char *event);
	void (*data)(void *context, const void *bytes, size_t size);
	void (*frame_end)(void *context);
};

struct events {
	bool is_lines; /* JSON lines: each line is a frame */
	bool in_frame; /* frame() was called, frame_end() is due */
	bool in_value; /* behind the field's colon */
	bool skip_space;
	bool after_cr;
	bool line_empty;
	uint8_t field; /* enum in events.c */
	uint8_t name_size;
	uint8_t event_size;
	char name[16];
	char event[64];
	const struct frame_calls *calls;
	void *context;
};

void events_start(
	struct events *events, bool is_lines, const struct frame_calls *calls, void *context);
void events_feed(struct events *events, const uint8_t *bytes, size_t size);

/* The body is over, or bytes are missing: what is open ends here. */
void events_break(struct events *events);

#endif
