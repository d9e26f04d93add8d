/* SPDX-License-Identifier: Apache-2.0 */
#include "preload/endpoint.h"

#include <linux/tcp.h>
#include <netinet/in.h>

#define STATE_LISTEN 10

static bool forbidden;

void endpoint_forbid(void)
{
	forbidden = true;
}

void endpoint_add_local(int fd, struct rt_bytes *tail, struct endpoint_pair *pair)
{
	const struct sockaddr *peer = tail->data;
	socklen_t length = ENDPOINT_ADDRESS;
	__u32 size;

	if (forbidden || tail->size < sizeof(*peer) ||
		(peer->sa_family != AF_INET && peer->sa_family != AF_INET6))
		return;
	size = peer->sa_family == AF_INET ? sizeof(struct sockaddr_in)
					  : sizeof(struct sockaddr_in6);
	if (tail->size < size)
		return;
	memcpy(pair->bytes, peer, size);
	if (raw3(getsockname, fd, pair->bytes + size, &length) || length > ENDPOINT_ADDRESS)
		return;
	tail->info = size;
	tail->data = pair->bytes;
	tail->size = size + length;
}

bool endpoint_local(int fd, struct rt_bytes *tail, struct endpoint_pair *pair)
{
	const struct sockaddr *own = (const struct sockaddr *)pair->bytes;
	socklen_t length = ENDPOINT_ADDRESS;

	if (forbidden || raw3(getsockname, fd, pair->bytes, &length) || length > ENDPOINT_ADDRESS ||
		(own->sa_family != AF_INET && own->sa_family != AF_INET6))
		return false;
	tail->data = pair->bytes;
	tail->size = length;
	return true;
}

bool endpoint_tcp(int fd, struct rt_tcp *facts)
{
	struct tcp_info info = {0};
	socklen_t length = sizeof(info);

	if (forbidden || raw6(getsockopt, fd, IPPROTO_TCP, TCP_INFO, &info, &length, 0) ||
		info.tcpi_state == STATE_LISTEN ||
		length < __builtin_offsetof(struct tcp_info, tcpi_total_retrans) +
				sizeof(info.tcpi_total_retrans))
		return false;
	facts->retransmits = info.tcpi_total_retrans;
	facts->rtt_us = info.tcpi_rtt;
	return true;
}
