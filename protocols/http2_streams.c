/* SPDX-License-Identifier: Apache-2.0 */
#include "protocols/http2_streams.h"

#include <stdio.h>
#include <string.h>

#include "protocols/http2_frame.h"

struct http2_stream *http2_streams_find(struct http2_streams *table, uint32_t id)
{
	/* a frame asks several times, and the oldest is mostly the next to be answered */
	if (table->found < table->count && table->ids[table->found] == id)
		return &table->streams[table->found];
	for (unsigned i = 0; i < table->count; i++) {
		if (table->ids[i] == id) {
			table->found = i;
			return &table->streams[i];
		}
	}
	return NULL;
}

void http2_streams_finish(
	struct http2_streams *table, struct http2_stream *stream, uint64_t ticks, bool broken)
{
	size_t at = (size_t)(stream - table->streams);
	size_t after = --table->count - at;
	struct http_stream *http = stream->http;

	table->over -= stream->is_over;
	memmove(table->ids + at, table->ids + at + 1, after * sizeof(*table->ids));
	memmove(stream, stream + 1, after * sizeof(*stream));
	http_finish(http, ticks, broken);
}

void http2_streams_add(
	struct http2_streams *table, uint32_t id, struct http_stream *http, uint64_t ticks)
{
	if (table->count == HTTP2_STREAMS)
		http2_streams_finish(table, &table->streams[0], ticks, !table->streams[0].is_over);
	http_exchange(http)->stream = id;
	table->ids[table->count] = id;
	table->streams[table->count++] = (struct http2_stream){.http = http};
}

void http2_streams_fail(struct http2_streams *table, struct http2_stream *stream, uint64_t ticks,
	const char *how, uint32_t code)
{
	struct exchange *exchange = http_exchange(stream->http);
	char text[64];

	if (!exchange->answered && !exchange->failed && !stream->is_over) {
		snprintf(text, sizeof(text), "%s.%s", how, http2_error_name(code));
		exchange->failed = true;
		exchange_string(exchange, "error.type", text);
	}
	http2_streams_finish(table, stream, ticks, false);
}

void http2_streams_refuse(struct http2_streams *table, uint32_t last, uint64_t ticks, uint32_t code)
{
	for (unsigned i = table->count; i--;) {
		if (table->ids[i] > last)
			http2_streams_fail(table, &table->streams[i], ticks, "goaway", code);
	}
}

static void finish_answered(
	struct http2_streams *table, struct http2_stream *stream, uint64_t ticks)
{
	http_end_of(stream->http, false, ticks);
	http2_streams_finish(table, stream, ticks, false);
}

void http2_streams_end(struct http2_streams *table, struct http2_stream *stream, uint64_t ticks)
{
	if (stream->is_over)
		return;
	if (!stream->has_missing) {
		finish_answered(table, stream, ticks);
		return;
	}
	stream->is_over = true;
	stream->end = ticks;
	table->over++;
}

void http2_streams_settle(struct http2_streams *table)
{
	for (unsigned i = table->count; table->over && i--;) {
		if (table->streams[i].is_over)
			finish_answered(table, &table->streams[i], table->streams[i].end);
	}
}

void http2_streams_doubt(struct http2_streams *table)
{
	for (unsigned i = 0; i < table->count; i++)
		table->streams[i].is_unsure = true;
}

void http2_streams_gap(struct http2_streams *table, bool is_request)
{
	for (unsigned i = 0; i < table->count; i++)
		http_body_gap(table->streams[i].http, is_request, 0);
}

void http2_streams_close(struct http2_streams *table, uint64_t ticks)
{
	http2_streams_settle(table);
	while (table->count)
		http2_streams_finish(
			table, &table->streams[0], ticks, !table->streams[0].is_unsure);
}
