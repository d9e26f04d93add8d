/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static int parse_inet(struct address *address, const void *bytes, size_t size)
{
	struct sockaddr_in inet;

	if (size < sizeof(inet))
		return -EINVAL;
	memcpy(&inet, bytes, sizeof(inet));
	inet_ntop(AF_INET, &inet.sin_addr, address->host, sizeof(address->host));
	address->port = ntohs(inet.sin_port);
	snprintf(address->text, sizeof(address->text), "%s:%d", address->host, address->port);
	return 0;
}

static int parse_inet6(struct address *address, const void *bytes, size_t size)
{
	struct sockaddr_in6 inet6 = {0};

	/* The scope at its end is left out by some callers. */
	if (size < offsetof(struct sockaddr_in6, sin6_scope_id))
		return -EINVAL;
	memcpy(&inet6, bytes, size < sizeof(inet6) ? size : sizeof(inet6));
	inet_ntop(AF_INET6, &inet6.sin6_addr, address->host, sizeof(address->host));
	address->port = ntohs(inet6.sin6_port);
	snprintf(address->text, sizeof(address->text), "[%s]:%d", address->host, address->port);
	return 0;
}

static int parse_unix(struct address *address, const void *bytes, size_t size)
{
	const char *path = (const char *)bytes + offsetof(struct sockaddr_un, sun_path);
	size_t length = size - offsetof(struct sockaddr_un, sun_path);
	size_t used = 0;

	if (length && !path[0]) {
		address->host[used++] = '@'; /* abstract: its length counts, not a NUL */
		path++;
		length--;
	} else {
		length = strnlen(path, length);
	}
	for (size_t i = 0; i < length && used + 1 < sizeof(address->host); i++)
		address->host[used++] = path[i] >= ' ' && path[i] < 127 ? path[i] : '?';
	address->host[used] = '\0';
	address->port = -1;
	snprintf(address->text, sizeof(address->text), "unix:%s",
		used ? address->host : "(unnamed)");
	return 0;
}

int address_parse(struct address *address, const void *bytes, size_t size)
{
	sa_family_t family;

	if (!bytes || size < sizeof(family))
		return -EINVAL;
	memcpy(&family, bytes, sizeof(family));
	if (family == AF_INET)
		return parse_inet(address, bytes, size);
	if (family == AF_INET6)
		return parse_inet6(address, bytes, size);
	if (family == AF_UNIX)
		return parse_unix(address, bytes, size);
	return -EINVAL;
}

int address_parse_second(struct address *address, const void *bytes, size_t size)
{
	size_t first;
	sa_family_t family;

	if (!bytes || size < sizeof(family))
		return -EINVAL;
	memcpy(&family, bytes, sizeof(family));
	first = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	if ((family != AF_INET && family != AF_INET6) || size <= first)
		return -EINVAL;
	return address_parse(address, (const char *)bytes + first, size - first);
}
