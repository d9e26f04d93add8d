/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that this side has made, by name: how long their new connections took, part by part,
 * then how long they were sent, waited for and read, and how long connections were silent between
 * them. All are sums; what no request told of is unknown.
 */
#include "analysis/report.h"
#include "analysis/sections/requests.h"

static const struct table_column columns[] = {
	{"name", "request", TABLE_TEXT},
	{"calls", "calls", TABLE_COUNT},
	{"new_connections", "new conns", TABLE_COUNT},
	{"dns_ns", "lookup", TABLE_DURATION},
	{"connect_ns", "connect", TABLE_DURATION},
	{"tls_ns", "TLS", TABLE_DURATION},
	{"tls_resumed", NULL, TABLE_COUNT},
	{"send_ns", "sending", TABLE_DURATION},
	{"wait_ns", "first byte", TABLE_DURATION},
	{"receive_ns", "reading", TABLE_DURATION},
	{"idle_ns", "idle before", TABLE_DURATION},
	{0},
};

enum { NAME, CALLS, NEW, DNS, CONNECT, TLS, RESUMED, SEND, WAIT };

/* clang-format off */
static const char sql[] =
	REQUESTS_WITH(
		REQUEST_FACT("ragtime.side", "side")
		REQUEST_FACT("ragtime.reused", "reused")
		REQUEST_FACT("ragtime.dns_ns", "dns")
		REQUEST_FACT("ragtime.connect_ns", "connect")
		REQUEST_FACT("ragtime.tls_ns", "tls")
		REQUEST_FACT("ragtime.tls_resumed", "resumed")
		REQUEST_FACT("ragtime.send_ns", "send")
		REQUEST_FACT("ragtime.wait_ns", "wait")
		REQUEST_FACT("ragtime.receive_ns", "receive")
		REQUEST_FACT("ragtime.idle_ns", "idle"))
	" SELECT name, COUNT(*), SUM(reused = 0), SUM(dns), SUM(connect), SUM(tls),"
	" SUM(tls IS NOT NULL AND resumed = 1), SUM(send), SUM(wait), SUM(receive), SUM(idle)"
	" FROM request WHERE side = 'client' GROUP BY name, class ORDER BY name, class";
/* clang-format on */

int section_phases(const struct section_context *context, struct section *section)
{
	return section_fill(context, section, columns, sql, WAIT);
}
