/* SPDX-License-Identifier: Apache-2.0 */
/* Server-sent events as the HTML standard parses them, and JSON lines. */
#include "protocols/content/events.h"

#include <string.h>

enum { FIELD_NONE, FIELD_DATA, FIELD_EVENT, FIELD_OTHER };

static void line_start(struct events *events)
{
	events->in_value = false;
	events->skip_space = false;
	events->line_empty = true;
	events->field = FIELD_NONE;
	events->name_size = 0;
}

void events_start(
	struct events *events, bool is_lines, const struct frame_calls *calls, void *context)
{
	events->calls = calls;
	events->context = context;
	events->is_lines = is_lines;
	events->in_frame = false;
	events->after_cr = false;
	events->event_size = 0;
	events->event[0] = '\0';
	line_start(events);
}

static void frame_begin(struct events *events)
{
	if (events->in_frame)
		return;
	events->in_frame = true;
	events->calls->frame(events->context, events->event);
}

static void frame_close(struct events *events)
{
	if (events->in_frame)
		events->calls->frame_end(events->context);
	events->in_frame = false;
	events->event_size = 0;
	events->event[0] = '\0';
}

static void name_is_over(struct events *events)
{
	events->in_value = true;
	events->skip_space = true;
	if (events->name_size == 4 && !memcmp(events->name, "data", 4)) {
		events->field = FIELD_DATA;
	} else if (events->name_size == 5 && !memcmp(events->name, "event", 5)) {
		events->field = FIELD_EVENT;
		events->event_size = 0;
	} else {
		events->field = FIELD_OTHER;
	}
}

static void line_end(struct events *events)
{
	if (events->is_lines || events->line_empty)
		frame_close(events);
	else if (events->field == FIELD_DATA && events->in_frame)
		events->calls->data(events->context, "\n", 1);
	line_start(events);
}

static void put_event_name(struct events *events, const uint8_t *bytes, size_t size)
{
	size_t room = sizeof(events->event) - 1 - events->event_size;

	size = size < room ? size : room;
	memcpy(events->event + events->event_size, bytes, size);
	events->event_size = (uint8_t)(events->event_size + size);
	events->event[events->event_size] = '\0';
}

/* The bytes of a line from here to its end, or to the end of what is there. */
static void take_value(struct events *events, const uint8_t *bytes, size_t size)
{
	if (events->skip_space && size) {
		events->skip_space = false;
		if (*bytes == ' ') {
			bytes++;
			size--;
		}
	}
	if (!size)
		return;
	if (events->field == FIELD_EVENT) {
		put_event_name(events, bytes, size);
	} else if (events->field == FIELD_DATA) {
		frame_begin(events);
		events->calls->data(events->context, bytes, size);
	}
}

static size_t line_run(const uint8_t *bytes, size_t size)
{
	size_t run = 0;

	while (run < size && bytes[run] != '\n' && bytes[run] != '\r')
		run++;
	return run;
}

static void take_in_line(struct events *events, const uint8_t *bytes, size_t size)
{
	events->line_empty = false;
	if (events->is_lines) {
		frame_begin(events);
		events->calls->data(events->context, bytes, size);
		return;
	}
	for (; size && !events->in_value; bytes++, size--) {
		if (*bytes == ':')
			name_is_over(events);
		else if (events->name_size < sizeof(events->name))
			events->name[events->name_size++] = (char)*bytes;
	}
	if (events->in_value)
		take_value(events, bytes, size);
}

void events_feed(struct events *events, const uint8_t *bytes, size_t size)
{
	while (size) {
		size_t run = line_run(bytes, size);

		if (run) {
			events->after_cr = false;
			take_in_line(events, bytes, run);
			bytes += run;
			size -= run;
			continue;
		}
		/* "\r\n" ends one line, not two */
		if (*bytes != '\n' || !events->after_cr)
			line_end(events);
		events->after_cr = *bytes == '\r';
		bytes++;
		size--;
	}
}

void events_break(struct events *events)
{
	frame_close(events);
	line_start(events);
}
