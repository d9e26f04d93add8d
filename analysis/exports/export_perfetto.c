/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Perfetto's protobuf: a track a process and a thread, slices within them. A slice that overlaps
 * another without being inside it gets a track of its own below its thread. Numbers of fields are
 * those of perfetto_trace.proto.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/exports/attributes.h"
#include "analysis/exports/exporter.h"
#include "analysis/exports/span_rows.h"
#include "lib/pb.h"
#include "lib/words.h"

enum packet_field {
	TRACE_PACKET = 1,
	PACKET_TIMESTAMP = 8,
	PACKET_SEQUENCE = 10,
	PACKET_EVENT = 11,
	PACKET_TRACK = 60,
};

enum track_field {
	TRACK_UUID = 1,
	TRACK_NAME = 2,
	TRACK_PROCESS = 3,
	TRACK_THREAD = 4,
	TRACK_PARENT = 5,
	PROCESS_PID = 1,
	PROCESS_NAME = 6,
	THREAD_PID = 1,
	THREAD_TID = 2,
	THREAD_NAME = 5,
};

enum event_field {
	EVENT_ANNOTATION = 4,
	EVENT_TYPE = 9,
	EVENT_TRACK = 11,
	EVENT_CATEGORY = 22,
	EVENT_NAME = 23,
	ANNOTATION_INT = 4,
	ANNOTATION_DOUBLE = 5,
	ANNOTATION_TEXT = 6,
	ANNOTATION_NAME = 10,
};

enum event_type { SLICE_BEGIN = 1, SLICE_END = 2 };

#define SEQUENCE 1
/* Of a track's number: what it is a track of stands in the low bits. */
#define UUID(kind, id) ((uint64_t)(id) << 2 | (kind))
enum uuid_kind { UUID_PROCESS, UUID_THREAD, UUID_SPAN };

struct writer {
	struct export *export;
	struct buf packet, inner, part;
	int64_t *ends; /* of the slices open on the thread's track */
	size_t depth, capacity;
	struct query *attributes; /* of requests; NULL: there are none */
};

static void put_packet(struct writer *writer)
{
	pb_number(&writer->packet, PACKET_SEQUENCE, SEQUENCE);
	pb_message(&writer->export->out.bytes, TRACE_PACKET, &writer->packet);
	output_flush(&writer->export->out);
}

static void put_process(struct writer *writer, const struct thread_row *thread)
{
	pb_number(&writer->inner, TRACK_UUID, UUID(UUID_PROCESS, thread->process));
	pb_number(&writer->part, PROCESS_PID, (uint64_t)thread->pid);
	pb_text(&writer->part, PROCESS_NAME,
		thread->program ? basename(thread->program) : "process");
	pb_message(&writer->inner, TRACK_PROCESS, &writer->part);
	pb_message(&writer->packet, PACKET_TRACK, &writer->inner);
	put_packet(writer);
}

static void put_thread(struct writer *writer, const struct thread_row *thread)
{
	pb_number(&writer->inner, TRACK_UUID, UUID(UUID_THREAD, thread->id));
	pb_number(&writer->inner, TRACK_PARENT, UUID(UUID_PROCESS, thread->process));
	pb_number(&writer->part, THREAD_PID, (uint64_t)thread->pid);
	pb_number(&writer->part, THREAD_TID, (uint64_t)thread->tid);
	pb_text(&writer->part, THREAD_NAME, thread->name ? thread->name : "thread");
	pb_message(&writer->inner, TRACK_THREAD, &writer->part);
	pb_message(&writer->packet, PACKET_TRACK, &writer->inner);
	put_packet(writer);
}

static void put_span_track(
	struct writer *writer, const struct thread_row *thread, const struct span_row *row)
{
	pb_number(&writer->inner, TRACK_UUID, UUID(UUID_SPAN, row->id));
	pb_number(&writer->inner, TRACK_PARENT, UUID(UUID_THREAD, thread->id));
	pb_text(&writer->inner, TRACK_NAME, row->name ? row->name : "overlapping");
	pb_message(&writer->packet, PACKET_TRACK, &writer->inner);
	put_packet(writer);
}

static void annotate_number(struct writer *writer, const char *name, int64_t value)
{
	pb_text(&writer->part, ANNOTATION_NAME, name);
	pb_number(&writer->part, ANNOTATION_INT, (uint64_t)value);
	pb_message(&writer->inner, EVENT_ANNOTATION, &writer->part);
}

static void annotate_text(struct writer *writer, const char *name, const char *text)
{
	if (!text)
		return;
	pb_text(&writer->part, ANNOTATION_NAME, name);
	pb_text(&writer->part, ANNOTATION_TEXT, text);
	pb_message(&writer->inner, EVENT_ANNOTATION, &writer->part);
}

/* All that is known of a request. */
static void annotate_request(struct writer *writer, const struct span_row *row)
{
	struct query *stored = writer->attributes;

	query_bind(stored, 1, row->id);
	while (query_next(stored)) {
		const char *key = query_text(stored, 0);

		if (!key || query_is_null(stored, 1))
			continue;
		key = semconv_key(writer->export->semconv, key);
		if (query_is_text(stored, 1)) {
			annotate_text(writer, key, query_text(stored, 1));
		} else if (query_is_real(stored, 1)) {
			pb_text(&writer->part, ANNOTATION_NAME, key);
			pb_double(&writer->part, ANNOTATION_DOUBLE, query_double(stored, 1));
			pb_message(&writer->inner, EVENT_ANNOTATION, &writer->part);
		} else {
			annotate_number(writer, key, query_int(stored, 1));
		}
	}
}

static void put_end(struct writer *writer, uint64_t track, int64_t at_ns)
{
	pb_number(&writer->packet, PACKET_TIMESTAMP, (uint64_t)at_ns);
	pb_number(&writer->inner, EVENT_TYPE, SLICE_END);
	pb_number(&writer->inner, EVENT_TRACK, track);
	pb_message(&writer->packet, PACKET_EVENT, &writer->inner);
	put_packet(writer);
}

static void put_begin(struct writer *writer, uint64_t track, const struct thread_row *thread,
	const struct span_row *row)
{
	pb_number(&writer->packet, PACKET_TIMESTAMP, (uint64_t)row->start_ns);
	annotate_number(writer, "id", row->id);
	if (row->parent)
		annotate_number(writer, "parent", row->parent);
	annotate_text(writer, "evidence", word_name("evidence", row->evidence));
	annotate_text(writer, "object", row->object_name);
	annotate_text(writer, "module", row->module);
	if (row->operation && row->has_status && row->status)
		annotate_number(writer, "errno", row->status);
	if (row->has_result)
		annotate_number(writer, "result", row->result);
	if (row->kind == RT_SPAN_request && writer->attributes)
		annotate_request(writer, row);
	pb_number(&writer->inner, EVENT_TYPE, SLICE_BEGIN);
	pb_number(&writer->inner, EVENT_TRACK, track);
	pb_text(&writer->inner, EVENT_CATEGORY,
		row->operation ? word_name("family", (uint32_t)row->family)
			       : word_name("kind", row->kind));
	pb_text(&writer->inner, EVENT_NAME,
		row->name	       ? row->name
			: thread->name ? thread->name
				       : "thread");
	pb_message(&writer->packet, PACKET_EVENT, &writer->inner);
	put_packet(writer);
}

/* Closes what has ended by then. */
static void close_slices(struct writer *writer, const struct thread_row *thread, int64_t until_ns)
{
	while (writer->depth && writer->ends[writer->depth - 1] <= until_ns)
		put_end(writer, UUID(UUID_THREAD, thread->id), writer->ends[--writer->depth]);
}

static int put_span(
	struct writer *writer, const struct thread_row *thread, const struct span_row *row)
{
	close_slices(writer, thread, row->start_ns);
	if (writer->depth && row->end_ns > writer->ends[writer->depth - 1]) {
		put_span_track(writer, thread, row);
		put_begin(writer, UUID(UUID_SPAN, row->id), thread, row);
		put_end(writer, UUID(UUID_SPAN, row->id), row->end_ns);
		return 0;
	}
	if (writer->depth == writer->capacity) {
		size_t capacity = writer->capacity ? writer->capacity * 2 : 64;
		int64_t *ends = realloc(writer->ends, capacity * sizeof(*ends));

		if (!ends)
			return -ENOMEM;
		writer->ends = ends;
		writer->capacity = capacity;
	}
	writer->ends[writer->depth++] = row->end_ns;
	put_begin(writer, UUID(UUID_THREAD, thread->id), thread, row);
	return 0;
}

static int perfetto_run(struct export *export, struct model *model, const struct run *run)
{
	struct query *threads = thread_rows(model, run);
	struct writer writer = {.export = export};
	struct thread_row thread;
	int err = 0;

	if (model_number(model, "SELECT EXISTS (SELECT 1 FROM attribute)", 0, 0))
		writer.attributes = model_query(
			model, "SELECT key, value FROM attribute WHERE span = ? ORDER BY key");
	while (!err && thread_rows_next(threads, &thread)) {
		struct query *spans = span_rows(model, run, thread.id);
		struct span_row row;

		if (thread.first)
			put_process(&writer, &thread);
		put_thread(&writer, &thread);
		while (!err && !export->out.error && span_rows_next(spans, run, &row))
			err = put_span(&writer, &thread, &row);
		close_slices(&writer, &thread, INT64_MAX);
		query_free(spans);
	}
	query_free(threads);
	query_free(writer.attributes);
	buf_free(&writer.packet);
	buf_free(&writer.inner);
	buf_free(&writer.part);
	free(writer.ends);
	return err;
}

const struct exporter exporter_perfetto = {
	.name = "perfetto",
	.rows = "auto",
	.run = perfetto_run,
};
