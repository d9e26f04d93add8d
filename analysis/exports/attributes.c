/* SPDX-License-Identifier: Apache-2.0 */
/* A call's facts under OpenTelemetry's names. */
#include "analysis/exports/attributes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/words.h"

/* A database has no truth values: these are 0 or 1 there. */
static const char *const truths[] = {
	"gen_ai.request.stream",
	"ragtime.prepared",
	"ragtime.request.stream",
	"ragtime.resumed",
	"ragtime.reused",
	"ragtime.tls_resumed",
	"ragtime.tokens_estimated",
	"tls.resumed",
};

struct writer {
	struct json *json;
	enum semconv set;
	struct buf stored; /* keys, each between two line ends */
	bool is_model;	   /* what answers, and in pieces */
	bool is_answer;	   /* to a request from outside: the peer is the client */
};

bool semconv_find(const char *name, enum semconv *set)
{
	if (!strcmp(name, "1.41"))
		*set = SEMCONV_1_41;
	else if (!strcmp(name, "latest"))
		*set = SEMCONV_LATEST;
	else
		return false;
	return true;
}

/* A list with commas, as other instrumentation reads it. */
enum semconv semconv_default(void)
{
	static const char wanted[] = "gen_ai_latest_experimental";
	const char *list = getenv("OTEL_SEMCONV_STABILITY_OPT_IN");

	while (list && *list) {
		size_t size;

		list += strspn(list, ", ");
		size = strcspn(list, ", ");
		if (size == sizeof(wanted) - 1 && !memcmp(list, wanted, size))
			return SEMCONV_LATEST;
		list += size;
	}
	return SEMCONV_OURS;
}

/* The latest set calls one otherwise than the one before it. */
const char *semconv_key(enum semconv set, const char *key)
{
	if (set == SEMCONV_LATEST && !strcmp(key, "gen_ai.usage.cache_creation.input_tokens"))
		return "gen_ai.usage.cache_write.input_tokens";
	return key;
}

/* True where the key is still free. */
static bool is_free(const struct writer *writer, const char *key)
{
	char line[80];

	if (!writer->stored.size)
		return true;
	snprintf(line, sizeof(line), "\n%s\n", key);
	return !memmem(writer->stored.data, writer->stored.size, line, strlen(line));
}

static void put_string(struct writer *writer, const char *key, const char *value)
{
	if (is_free(writer, key))
		json_member_string(writer->json, key, value);
}

static void put_int(struct writer *writer, const char *key, int64_t value)
{
	if (is_free(writer, key))
		json_member_int(writer->json, key, value);
}

/* "192.0.2.7:443", "[2001:db8::1]:443", or the path of a Unix socket. */
static void put_address(struct writer *writer, const char *name)
{
	const char *colon = strrchr(name, ':');
	const char *address_key = writer->is_answer ? "client.address" : "server.address";
	char address[256], *end;
	long port = colon ? strtol(colon + 1, &end, 10) : 0;
	size_t size;

	if (!colon || end == colon + 1 || *end || port < 0 || port > 65535) {
		put_string(writer, address_key, name);
		return;
	}
	size = (size_t)(colon - name);
	if (size >= 2 && name[0] == '[' && name[size - 1] == ']') {
		name++;
		size -= 2;
	}
	snprintf(address, sizeof(address), "%.*s", (int)size, name);
	put_string(writer, address_key, address);
	put_int(writer, writer->is_answer ? "client.port" : "server.port", port);
}

static void put_object(struct writer *writer, const struct span_row *row)
{
	char address[32];

	switch (row->object_kind) {
	case RT_OBJECT_file:
	case RT_OBJECT_library:
		if (row->object_name)
			put_string(writer, "file.path", row->object_name);
		break;
	case RT_OBJECT_socket:
	case RT_OBJECT_listener:
		if (row->object_name)
			put_address(writer, row->object_name);
		put_int(writer, "ragtime.connection", row->object);
		break;
	case RT_OBJECT_host:
		if (row->object_name)
			put_string(writer, "dns.question.name", row->object_name);
		break;
	default:
		put_string(writer, "ragtime.object",
			row->object_name ? row->object_name
					 : word_name("object", (uint32_t)row->object_kind));
	}
	if (row->has_fd)
		put_int(writer, "ragtime.fd", row->fd);
	if (row->has_address && row->address) {
		snprintf(address, sizeof(address), "0x%llx", (unsigned long long)row->address);
		put_string(writer, "ragtime.address", address);
	}
}

/* What a call failed with; what a request failed with only its answer can say. */
static const char *error_type(const struct span_row *row)
{
	const char *name = strerrorname_np((int)row->status);

	return row->kind == RT_SPAN_request ? "_OTHER" : name ? name : "unknown";
}

static void put_derived(struct writer *writer, const struct span_row *row)
{
	bool runtime = row->family == RT_FAMILY_runtime;

	if ((row->family == RT_FAMILY_function || runtime) && row->kind != RT_SPAN_load)
		put_string(writer, "code.function.name", row->name);
	if (row->file)
		put_string(writer, "code.file.path", row->file);
	if (row->line)
		put_int(writer, "code.line.number", row->line);
	if (row->module && !runtime)
		put_string(writer, "ragtime.module", row->module);
	if (row->object)
		put_object(writer, row);
	if (row->has_result)
		put_int(writer, "ragtime.result", row->result);
	if (row->operation && row->has_status && row->status > 0)
		put_string(writer, "error.type", error_type(row));
}

static bool is_truth(const char *key)
{
	for (size_t i = 0; i < sizeof(truths) / sizeof(*truths); i++) {
		if (!strcmp(truths[i], key))
			return true;
	}
	return false;
}

static void put_stored(struct writer *writer, const char *key, const struct query *query)
{
	struct json *json = writer->json;

	json_key(json, semconv_key(writer->set, key));
	if (query_is_null(query, 1))
		json_null(json);
	else if (query_is_text(query, 1))
		json_string(json, query_text(query, 1));
	else if (query_is_real(query, 1))
		json_double(json, query_double(query, 1));
	else if (is_truth(key))
		json_bool(json, query_int(query, 1) != 0);
	else
		json_int(json, query_int(query, 1));
	/* seconds there, and a client's */
	if (writer->set != SEMCONV_OURS && writer->is_model && !writer->is_answer &&
		!strcmp(key, "ragtime.first_chunk_ns")) {
		json_key(json, "gen_ai.response.time_to_first_chunk");
		json_double(json, (double)query_int(query, 1) / 1e9);
	}
}

static void read_keys(struct writer *writer, struct query *stored)
{
	while (query_next(stored)) {
		const char *key = query_text(stored, 0);
		const char *side;

		if (!key)
			continue;
		buf_printf(&writer->stored, "%s%s\n", writer->stored.size ? "" : "\n", key);
		side = strcmp(key, "ragtime.side") ? NULL : query_text(stored, 1);
		writer->is_model |= !strcmp(key, "gen_ai.request.stream");
		writer->is_answer |= side && !strcmp(side, "server");
	}
}

void put_attributes(
	struct json *json, const struct span_row *row, struct query *stored, enum semconv set)
{
	struct writer writer = {.json = json, .set = set};

	query_bind(stored, 1, row->id);
	read_keys(&writer, stored);
	put_derived(&writer, row);
	if (writer.stored.size)
		query_bind(stored, 1, row->id);
	while (writer.stored.size && query_next(stored)) {
		const char *key = query_text(stored, 0);

		if (key)
			put_stored(&writer, key, stored);
	}
	buf_free(&writer.stored);
}
