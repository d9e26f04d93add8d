/* SPDX-License-Identifier: Apache-2.0 */
/* A call's facts under OpenTelemetry's names. */
#include "analysis/exports/attributes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/words.h"

/* "192.0.2.7:443", "[2001:db8::1]:443", or the path of a Unix socket. */
static void put_address(struct json *json, const char *name)
{
	const char *colon = strrchr(name, ':');
	char address[256], *end;
	long port = colon ? strtol(colon + 1, &end, 10) : 0;
	size_t size;

	if (!colon || end == colon + 1 || *end || port < 0 || port > 65535) {
		json_member_string(json, "server.address", name);
		return;
	}
	size = (size_t)(colon - name);
	if (size >= 2 && name[0] == '[' && name[size - 1] == ']') {
		name++;
		size -= 2;
	}
	snprintf(address, sizeof(address), "%.*s", (int)size, name);
	json_member_string(json, "server.address", address);
	json_member_int(json, "server.port", port);
}

static void put_object(struct json *json, const struct span_row *row)
{
	char address[32];

	switch (row->object_kind) {
	case RT_OBJECT_file:
	case RT_OBJECT_library:
		if (row->object_name)
			json_member_string(json, "file.path", row->object_name);
		break;
	case RT_OBJECT_socket:
	case RT_OBJECT_listener:
		if (row->object_name)
			put_address(json, row->object_name);
		json_member_int(json, "ragtime.connection", row->object);
		break;
	case RT_OBJECT_host:
		if (row->object_name)
			json_member_string(json, "dns.question.name", row->object_name);
		break;
	default:
		json_member_string(json, "ragtime.object",
			row->object_name ? row->object_name
					 : word_name("object", (uint32_t)row->object_kind));
	}
	if (row->has_fd)
		json_member_int(json, "ragtime.fd", row->fd);
	if (row->has_address && row->address) {
		snprintf(address, sizeof(address), "0x%llx", (unsigned long long)row->address);
		json_member_string(json, "ragtime.address", address);
	}
}

void put_attributes(struct json *json, const struct span_row *row)
{
	if (row->family == RT_FAMILY_function)
		json_member_string(json, "code.function.name", row->name);
	if (row->module)
		json_member_string(json, "ragtime.module", row->module);
	if (row->object)
		put_object(json, row);
	if (row->has_result)
		json_member_int(json, "ragtime.result", row->result);
	if (row->operation && row->has_status && row->status > 0) {
		const char *name = strerrorname_np((int)row->status);

		json_member_string(json, "error.type", name ? name : "unknown");
	}
}

void put_stored_attribute(struct json *json, const struct query *query, int key, int value)
{
	const char *name = query_text(query, key);

	if (!name)
		return;
	json_key(json, name);
	if (query_is_null(query, value))
		json_null(json);
	else if (query_is_text(query, value))
		json_string(json, query_text(query, value));
	else if (query_is_real(query, value))
		json_double(json, query_double(query, value));
	else
		json_int(json, query_int(query, value));
}
