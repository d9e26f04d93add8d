/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Per peer: how many connections, how much each was used, what went over them and how long threads
 * were in calls on them. Bytes are those of the sockets; where a connection is known only through
 * its TLS library, the bytes are the library's.
 */
#include <errno.h>

#include "analysis/report.h"
#include "wire/event.h"

static const struct table_column columns[] = {
	{"peer", "peer", TABLE_TEXT},
	{"connections", "conns", TABLE_COUNT},
	{"connects", NULL, TABLE_COUNT},
	{"failed_connects", "failed", TABLE_COUNT},
	{"sends", NULL, TABLE_COUNT},
	{"sends_per_connection", "per conn", TABLE_COUNT},
	{"bytes_out", "out", TABLE_BYTES},
	{"receives", NULL, TABLE_COUNT},
	{"bytes_in", "in", TABLE_BYTES},
	{"connect_ns", "connect", TABLE_DURATION},
	{"handshakes", "TLS", TABLE_COUNT},
	{"handshake_ns", "handshake", TABLE_DURATION},
	{"time_ns", "time", TABLE_DURATION},
	{"errors", NULL, TABLE_COUNT},
	{"requests", "requests", TABLE_COUNT},
	{"dns_ns", NULL, TABLE_DURATION},
	{"tls_versions", NULL, TABLE_TEXT},
	{"tls_resumed", NULL, TABLE_COUNT},
	{"send_ns", NULL, TABLE_DURATION},
	{"wait_ns", NULL, TABLE_DURATION},
	{"receive_ns", NULL, TABLE_DURATION},
	{"idle_ns", NULL, TABLE_DURATION},
	{"retransmits", "resent", TABLE_COUNT},
	{"rtt_ns", "rtt", TABLE_DURATION},
	{0},
};

enum {
	PEER,
	CONNECTIONS,
	CONNECTS,
	FAILED,
	SENDS,
	PER_CONNECTION,
	BYTES_OUT,
	RECEIVES,
	BYTES_IN,
	CONNECT_TIME,
	HANDSHAKES,
	HANDSHAKE_TIME,
	TIME,
	ERRORS,
	REQUESTS,
	DNS_TIME,
	TLS_VERSIONS,
	RESUMED,
	LAST = RESUMED + 6
};

#define SENDING "name IN ('send', 'sendto', 'sendmsg', 'sendmmsg', 'write', 'writev', 'sendfile')"
#define RECEIVING "name IN ('recv', 'recvfrom', 'recvmsg', 'recvmmsg', 'read', 'readv')"
#define TLS_SENDING "name IN ('SSL_write', 'gnutls_record_send')"
#define TLS_RECEIVING "name IN ('SSL_read', 'gnutls_record_recv')"
#define HANDSHAKING "name IN ('SSL_do_handshake', 'SSL_connect', 'SSL_accept', 'gnutls_handshake')"
#define SUM_WHERE(condition, value) " SUM(CASE WHEN " condition " THEN " value " ELSE 0 END)"

_Static_assert(RT_OBJECT_socket == 2 && RT_EV_tls_peer == 9, "numbers in the query below");

/*
 * A server's clients are told apart by ports that mean nothing: those that nothing here connected
 * to count together, by their address.
 */
#define PEER_NAME                                                                     \
	"CASE WHEN object_name GLOB '*:[3-6][0-9][0-9][0-9][0-9]'"                    \
	" AND CAST(substr(object_name, -5) AS INTEGER) >= 32768 AND object NOT IN"    \
	" (SELECT object FROM profile WHERE name = 'connect' AND object IS NOT NULL)" \
	" THEN substr(object_name, 1, length(object_name) - 5) || '*'"                \
	" ELSE COALESCE(object_name, 'unknown peer') END"

/*
 * Handshake time is the calls' whole time: what they wait for is in calls inside them. Where a
 * socket does not block, one handshake takes several calls: the marks of finished ones count it.
 */
/* clang-format off */
static const char sql[] =
	"WITH used AS (SELECT " PEER_NAME " AS peer, COUNT(DISTINCT object),"
	SUM_WHERE("name = 'connect'", "calls") ","
	SUM_WHERE("name = 'connect'", "errors") ","
	SUM_WHERE(SENDING, "calls") "," SUM_WHERE(SENDING, "bytes") ","
	SUM_WHERE(RECEIVING, "calls") "," SUM_WHERE(RECEIVING, "bytes") ","
	SUM_WHERE(TLS_SENDING, "calls") "," SUM_WHERE(TLS_SENDING, "bytes") ","
	SUM_WHERE(TLS_RECEIVING, "calls") "," SUM_WHERE(TLS_RECEIVING, "bytes") ","
	SUM_WHERE("name = 'connect'", "sum_ns") ","
	SUM_WHERE(HANDSHAKING, "calls") "," SUM_WHERE(HANDSHAKING, "sum_ns") ","
	" SUM(self_ns), SUM(errors) FROM profile"
	" WHERE run = ?1 AND object_kind = 2 GROUP BY peer),"
	" finished AS (SELECT " PEER_NAME " AS peer, SUM(marks) AS handshakes FROM"
	"  (SELECT f.object, f.calls AS marks, b.name AS object_name FROM fold f"
	"   JOIN object b ON b.id = f.object JOIN thread t ON t.id = f.thread"
	"   JOIN process p ON p.id = t.process WHERE p.run = ?1 AND f.operation = 9)"
	"  GROUP BY peer),"
	" line AS (SELECT " PEER_NAME " AS peer, SUM(requests), SUM(dns_ns),"
	"  GROUP_CONCAT(DISTINCT CASE WHEN tls_version BETWEEN 769 AND 772"
	"   THEN '1.' || (tls_version - 769) END), SUM(tls_resumed), SUM(send_ns), SUM(wait_ns),"
	"  SUM(receive_ns), SUM(idle_ns), SUM(retransmits), MAX(rtt_ns) FROM"
	"  (SELECT c.*, b.name AS object_name FROM connection c JOIN process p"
	"   ON p.id = c.process LEFT JOIN object b ON b.id = c.object WHERE p.run = ?1)"
	"  GROUP BY peer)"
	" SELECT used.*, handshakes, line.* FROM used LEFT JOIN finished USING (peer)"
	" LEFT JOIN line USING (peer) ORDER BY used.peer";
/* clang-format on */

/* A TLS library's bytes count only where no socket's are known. */
static void set_traffic(struct table *table, const struct query *query, unsigned calls_column,
	unsigned bytes_column, int socket)
{
	int from = query_int(query, socket) ? socket : socket + 4;

	table_set(table, calls_column, query_int(query, from));
	table_set(table, bytes_column, query_int(query, from + 1));
}

/* What requests and the kernel have told of the peer's connections; the query's last columns. */
static void set_line(struct table *table, const struct query *query)
{
	const int first = 19;

	for (unsigned column = REQUESTS; column <= LAST; column++) {
		int at = first + (int)(column - REQUESTS);

		if (query_is_null(query, at))
			continue;
		if (column == TLS_VERSIONS)
			table_set_text(table, column, query_text(query, at));
		else
			table_set(table, column, query_int(query, at));
	}
}

int section_connections(const struct section_context *context, struct section *section)
{
	struct table *table = table_new(columns);
	struct query *query;

	section->table = table;
	if (!table)
		return -ENOMEM;
	query = model_query(context->model, sql);
	query_bind(query, 1, context->run->id);
	while (query_next(query)) {
		int64_t connections = query_int(query, 1);
		int64_t sends = query_int(query, 4) ? query_int(query, 4) : query_int(query, 8);

		table_row(table);
		table_set_text(table, PEER, query_text(query, 0));
		table_set(table, CONNECTIONS, connections);
		table_set(table, CONNECTS, query_int(query, 2));
		table_set(table, FAILED, query_int(query, 3));
		set_traffic(table, query, SENDS, BYTES_OUT, 4);
		set_traffic(table, query, RECEIVES, BYTES_IN, 6);
		if (connections)
			table_set(table, PER_CONNECTION, (sends + connections / 2) / connections);
		table_set(table, CONNECT_TIME, query_int(query, 12));
		table_set(table, HANDSHAKES, query_int(query, query_is_null(query, 17) ? 13 : 17));
		if (query_int(query, 13))
			table_set(table, HANDSHAKE_TIME, query_int(query, 14));
		table_set(table, TIME, query_int(query, 15));
		table_set(table, ERRORS, query_int(query, 16));
		set_line(table, query);
	}
	query_free(query);
	table_sort(table, TIME);
	return 0;
}
