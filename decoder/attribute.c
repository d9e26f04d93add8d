/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder/attribute.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "decoder/address.h"
#include "decoder/traits.h"

static void put(struct store *store, int64_t span, const char *key, struct value value)
{
	struct value row[] = {value_int(span), value_text(key), value};

	if (value.type != VALUE_NULL)
		store_put(store, STORE_ATTRIBUTE, row);
}

struct side {
	const char *address, *port;
};

static const struct side server = {"server.address", "server.port"};
static const struct side client = {"client.address", "client.port"};
static const struct side local = {"network.local.address", "network.local.port"};

static void put_address(struct store *store, int64_t span, const struct side *side,
	const struct address *address, const char *object_name)
{
	if (!strcmp(address->text, object_name))
		return;
	put(store, span, side->address, value_text(address->host));
	if (address->port >= 0)
		put(store, span, side->port, value_int(address->port));
}

static const char *path_key(uint32_t kind)
{
	switch (kind) {
	case RT_EV_exec:
	case RT_EV_spawn:
		return "process.executable.path";
	default:
		return "file.path";
	}
}

static void put_tls(struct store *store, const struct section_call *call, int64_t span)
{
	static const char *const versions[] = {"1.0", "1.1", "1.2", "1.3"};
	uint32_t version = (uint32_t)call->result & RT_TLS_VERSION;

	if (version >= 0x301 && version <= 0x304)
		put(store, span, "tls.protocol.version", value_text(versions[version - 0x301]));
	put(store, span, "tls.resumed", value_int((call->result & RT_TLS_RESUMED) != 0));
}

/* "name=value" from a function pack. */
static void put_argument(struct store *store, int64_t span, const char *text)
{
	const char *value = strchr(text, '=');
	char key[128], *end;
	long long number;

	if (!value || value == text || (size_t)(value - text) >= sizeof(key))
		return;
	memcpy(key, text, (size_t)(value - text));
	key[value++ - text] = '\0';
	errno = 0;
	number = strtoll(value, &end, 10);
	put(store, span, key, *value && !*end && !errno ? value_int(number) : value_text(value));
}

void attribute_put_notes(struct store *store, const struct trace_batch *batch,
	const struct section *section, const struct section_call *call, const char *object_name,
	int64_t span)
{
	for (uint32_t i = 0; i < call->note_count; i++) {
		const Ragtime__Raw__Note *note = section->raw->notes[call->first_note + i];
		const char *text = trace_text(batch, note->text);
		size_t size = trace_text_size(batch, note->text);
		struct address address;

		switch (note->type) {
		case RT_TAIL_PATH:
			if (!strcmp(text, object_name))
				break;
			put(store, span, path_key(call->kind), value_text(text));
			break;
		case RT_TAIL_ADDRESS:
			if (!address_parse(&address, text, size))
				put_address(store, span,
					call->kind == RT_EV_accept ? &client : &server, &address,
					object_name);
			break;
		case RT_TAIL_LOCAL:
			if (!address_parse(&address, text, size))
				put_address(store, span, &local, &address, object_name);
			break;
		case RT_TAIL_HOST:
			if (!strcmp(text, object_name))
				break;
			put(store, span, "dns.question.name", value_text(text));
			break;
		case RT_TAIL_ARGUMENTS:
			put_argument(store, span, text);
			break;
		case RT_TAIL_NAME:
			put(store, span,
				call->kind == RT_EV_tls_peer ? "tls.client.server_name"
							     : "thread.name",
				value_text(text));
			break;
		}
	}
	if (call->kind == RT_EV_tls_peer)
		put_tls(store, call, span);
	if (trait_of(call->kind)->flags & TRAIT_BYTES && call->result > 0)
		put(store, span, "ragtime.bytes", value_int(call->result));
}
