/* SPDX-License-Identifier: Apache-2.0 */
#include "loader/stream/forced.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "protocols/protocol.h"

struct rule {
	char address[64]; /* "" for any */
	uint16_t port;
	const char *name; /* of the protocol */
};

/* False where it is none. An IPv6 address stands in brackets. */
static bool read_rule(const char *text, struct rule *rule)
{
	const char *equals = strchr(text, '='), *port = text, *end = equals;
	unsigned long number = 0;
	char *rest;

	rule->address[0] = '\0';
	if (!equals)
		return false;
	for (const char *at = text; at < equals; at++) {
		if (*at == ':')
			port = at + 1;
	}
	if (port != text) {
		end = port - 1;
		if (*text == '[' && end > text && end[-1] == ']') {
			text++;
			end--;
		}
		if (end == text || (size_t)(end - text) >= sizeof(rule->address))
			return false;
		memcpy(rule->address, text, (size_t)(end - text));
		rule->address[end - text] = '\0';
	}
	number = strtoul(port, &rest, 10);
	rule->port = (uint16_t)number;
	rule->name = equals + 1;
	return *port >= '0' && *port <= '9' && rest == equals && number && number < 65536;
}

static const struct protocol *protocol_named(const char *name)
{
	for (size_t i = 0; protocols[i]; i++) {
		if (!strcmp(protocols[i]->name, name))
			return protocols[i];
	}
	return NULL;
}

const char *forced_fault(const char *text)
{
	struct in6_addr address;
	struct rule rule;

	if (!read_rule(text, &rule))
		return "a rule is [ADDRESS:]PORT=PROTOCOL, as in 6380=redis or 10.0.0.7:5433=postgres";
	if (*rule.address && inet_pton(AF_INET, rule.address, &address) != 1 &&
		inet_pton(AF_INET6, rule.address, &address) != 1)
		return "before the port stands an address, not a name";
	if (strcmp(rule.name, "none") != 0 && !protocol_named(rule.name))
		return "the protocols are http1, http2, redis, postgres, memcached, mysql, mongo, dns, "
		       "jsonrpc, and none to read nothing";
	return NULL;
}

bool forced_find(
	char *const *rules, const char *address, uint16_t port, const struct protocol **protocol)
{
	struct rule rule;

	for (; rules && *rules && port; rules++) {
		if (!read_rule(*rules, &rule) || rule.port != port ||
			(*rule.address && strcmp(rule.address, address) != 0))
			continue;
		*protocol = protocol_named(rule.name);
		return true;
	}
	return false;
}
