/* SPDX-License-Identifier: Apache-2.0 */
/* What calls work on, as descriptors come, go, are handed on and come back. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tests/unit/decoder_trace.h"

static void noted(struct trace_maker *maker, uint32_t thread, unsigned kind, uint64_t start,
	uint64_t end, uint64_t arg, int64_t result, unsigned type, const void *bytes, size_t size)
{
	struct rt_record call = {.start = TRACE_START + start,
		.duration = (uint32_t)(end - start),
		.kind = (uint16_t)kind,
		.arg = arg,
		.result = result};

	trace_call_note(maker, thread, &call, type, bytes, size);
}

static void open_file(
	struct trace_maker *maker, uint32_t thread, uint64_t start, uint64_t fd, const char *path)
{
	noted(maker, thread, RT_EV_open, start, start + 10, fd, (int64_t)fd, RT_TAIL_PATH, path,
		strlen(path));
}

static void call(struct trace_maker *maker, uint32_t thread, unsigned kind, uint64_t start,
	uint64_t arg, int64_t result)
{
	trace_call(maker, thread, kind, 0, start, start + 10, arg, result);
}

static uint64_t pair(uint32_t low, uint32_t high)
{
	return low | (uint64_t)high << 32;
}

/* The name of the object of the call that returned `result`. */
static const char *object_of(sqlite3 *db, int result)
{
	char sql[160];

	snprintf(sql, sizeof(sql),
		"SELECT COALESCE(b.name, '?') FROM span s JOIN object b ON b.id = s.object"
		" WHERE s.result = %d AND s.kind = 6",
		result);
	return sql_text(db, sql);
}

TEST(a_descriptor_is_what_it_was_at_the_time)
{
	struct trace_maker maker = trace_begin("times");
	sqlite3 *db;

	trace_thread(&maker, 2, 1, 101, TRACE_START);
	open_file(&maker, 1, 100, 5, "/a");
	call(&maker, 1, RT_EV_close, 300, 5, 0);
	open_file(&maker, 1, 400, 5, "/b");
	/* the other thread's section comes second, its calls lie between and around */
	call(&maker, 2, RT_EV_read, 50, 5, 1001);
	call(&maker, 2, RT_EV_read, 200, 5, 1002);
	call(&maker, 2, RT_EV_read, 350, 5, 1003);
	call(&maker, 2, RT_EV_read, 500, 5, 1004);
	trace_block(&maker);
	call(&maker, 2, RT_EV_read, 600, 5, 1005);
	/* closed while another thread is still reading: that read was of the file */
	trace_call(&maker, 1, RT_EV_close, 0, 750, 760, 5, 0);
	trace_call(&maker, 2, RT_EV_read, 0, 700, 800, 5, 1006);
	call(&maker, 1, RT_EV_read, 900, 0, 1007);
	db = trace_decode(&maker, TRACE_ALL);
	CHECK_STR(object_of(db, 1001), "inherited fd 5");
	CHECK_STR(object_of(db, 1002), "/a");
	CHECK_STR(object_of(db, 1003), "unknown fd 5");
	CHECK_STR(object_of(db, 1004), "/b");
	CHECK_STR(object_of(db, 1005), "/b");
	CHECK_STR(object_of(db, 1006), "/b");
	CHECK_STR(object_of(db, 1007), "inherited fd 0");
	CHECK_EQ(sql_number(db,
			 "SELECT bytes FROM fold f JOIN object b ON b.id = f.object"
			 " WHERE b.name = '/a' AND f.operation = 66"),
		1002);
	CHECK_EQ(sql_number(db, "SELECT opened_ns FROM object WHERE name = '/a'"),
		TRACE_START + 110);
	CHECK_EQ(sql_number(db, "SELECT closed_ns FROM object WHERE name = '/a'"),
		TRACE_START + 310);
	trace_end(&maker, db);
}

TEST(of_calls_at_one_time_the_order_decides)
{
	struct trace_maker maker = trace_begin("order");
	struct rt_record opened = {.start = TRACE_START + 100, .kind = RT_EV_open, .arg = 5};
	sqlite3 *db;

	trace_call_note(&maker, 1, &opened, RT_TAIL_PATH, "/a", 2);
	trace_call(&maker, 1, RT_EV_read, 0, 100, 100, 5, 1101);
	trace_call(&maker, 1, RT_EV_close, 0, 100, 100, 5, 0);
	trace_call_note(&maker, 1, &opened, RT_TAIL_PATH, "/b", 2);
	trace_call(&maker, 1, RT_EV_read, 0, 100, 100, 5, 1102);
	trace_call(&maker, 1, RT_EV_close, 0, 100, 100, 5, 0);
	trace_call(&maker, 1, RT_EV_read, 0, 100, 100, 5, 1103);
	db = trace_decode(&maker, TRACE_ALL);
	CHECK_STR(object_of(db, 1101), "/a");
	CHECK_STR(object_of(db, 1102), "/b");
	CHECK_STR(object_of(db, 1103), "unknown fd 5");
	trace_end(&maker, db);
}

TEST(one_file_is_one_object_a_connection_each_its_own)
{
	struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(5432)};
	struct trace_maker maker = trace_begin("same");
	sqlite3 *db;

	inet_pton(AF_INET, "10.1.2.3", &peer.sin_addr);
	for (int i = 0; i < 3; i++) {
		uint64_t at = 1000 * (uint64_t)i;

		open_file(&maker, 1, at, 4, "/etc/hosts");
		call(&maker, 1, RT_EV_close, at + 50, 4, 0);
		call(&maker, 1, RT_EV_socket, at + 100, pair(4, AF_INET << 8 | SOCK_STREAM), 4);
		noted(&maker, 1, RT_EV_connect, at + 200, at + 300, 4, 0, RT_TAIL_ADDRESS, &peer,
			sizeof(peer));
		call(&maker, 1, RT_EV_send, at + 400, 4, 2000 + i);
		call(&maker, 1, RT_EV_close, at + 500, 4, 0);
	}
	db = trace_decode(&maker, TRACE_ALL);
	CHECK_EQ(sql_number(db, "SELECT COUNT(*) FROM object WHERE name = '/etc/hosts'"), 1);
	CHECK_EQ(sql_number(db,
			 "SELECT COUNT(*) FROM object WHERE name = '10.1.2.3:5432' AND kind = 2"
			 " AND closed_ns NOT NULL"),
		3);
	CHECK_STR(object_of(db, 2002), "10.1.2.3:5432");
	/* the object says it; nothing says it twice */
	CHECK_EQ(sql_number(db, "SELECT COUNT(*) FROM attribute"), 0);
	trace_end(&maker, db);
}

TEST(a_server_knows_who_called)
{
	struct sockaddr_in6 peer = {.sin6_family = AF_INET6, .sin6_port = htons(40000)};
	struct sockaddr_un own = {.sun_family = AF_UNIX, .sun_path = "/run/rag.sock"};
	struct trace_maker maker = trace_begin("server");
	sqlite3 *db;

	peer.sin6_addr = in6addr_loopback;
	call(&maker, 1, RT_EV_socket, 100, pair(3, AF_UNIX << 8 | SOCK_STREAM), 3);
	noted(&maker, 1, RT_EV_bind, 200, 210, 3, 0, RT_TAIL_LOCAL, &own, sizeof(own));
	call(&maker, 1, RT_EV_listen, 300, 3, 0);
	noted(&maker, 1, RT_EV_accept, 400, 500, pair(3, 7), 7, RT_TAIL_ADDRESS, &peer,
		sizeof(peer));
	noted(&maker, 1, RT_EV_spawn, 520, 530, 0, 0, RT_TAIL_PATH, "/bin/true", 9);
	call(&maker, 1, RT_EV_recv, 600, 7, 3001);
	call(&maker, 1, RT_EV_dup, 700, pair(7, 9), 9);
	call(&maker, 1, RT_EV_close, 800, 7, 0);
	call(&maker, 1, RT_EV_send, 900, 9, 3002);
	db = trace_decode(&maker, TRACE_ALL);
	CHECK_STR(object_of(db, 3001), "[::1]:40000");
	CHECK_STR(object_of(db, 3002), "[::1]:40000");
	CHECK_STR(object_of(db, 7), "unix:/run/rag.sock");
	CHECK_STR(sql_text(db, "SELECT local FROM object WHERE name = '[::1]:40000'"),
		"unix:/run/rag.sock");
	CHECK_STR(sql_text(db, "SELECT value FROM attribute WHERE key = 'client.address'"), "::1");
	CHECK_EQ(sql_number(db, "SELECT value FROM attribute WHERE key = 'client.port'"), 40000);
	CHECK_STR(sql_text(db, "SELECT value FROM attribute WHERE key = 'process.executable.path'"),
		"/bin/true");
	CHECK_EQ(sql_number(db, "SELECT kind FROM object WHERE name = 'unix:/run/rag.sock'"),
		RT_OBJECT_listener);
	trace_end(&maker, db);
}

TEST(fork_copies_and_exec_keeps)
{
	struct trace_maker maker = trace_begin("fork");
	sqlite3 *db;

	open_file(&maker, 1, 100, 5, "/before");
	trace_process(&maker, 2, 200, 100, RT_BIRTH_FORK, TRACE_START + 200);
	trace_thread(&maker, 2, 2, 200, TRACE_START + 200);
	/* after the fork, in the same block: the child does not see it */
	call(&maker, 1, RT_EV_close, 250, 5, 0);
	open_file(&maker, 1, 300, 5, "/after");
	call(&maker, 2, RT_EV_read, 400, 5, 4001);
	trace_block(&maker);
	call(&maker, 1, RT_EV_read, 450, 5, 4002);
	trace_process(&maker, 3, 200, 100, RT_BIRTH_EXEC, TRACE_START + 500);
	trace_thread(&maker, 3, 3, 200, TRACE_START + 500);
	call(&maker, 3, RT_EV_read, 600, 5, 4003);
	db = trace_decode(&maker, TRACE_ALL);
	CHECK_STR(object_of(db, 4001), "/before");
	CHECK_STR(object_of(db, 4002), "/after");
	CHECK_STR(object_of(db, 4003), "/before");
	CHECK_EQ(sql_number(db,
			 "SELECT COUNT(*) FROM span c JOIN span p ON p.id = c.parent JOIN process"
			 " q ON q.span = p.id WHERE c.kind = 9 AND q.pid = 100"),
		2);
	trace_end(&maker, db);
}

TEST(a_pid_that_comes_back_is_somebody_else)
{
	struct trace_maker maker = trace_begin("reuse");
	struct pack_process gone = {.id = 2,
		.pid = 200,
		.parent_pid = 100,
		.birth = RT_BIRTH_FORK,
		.program = "/bin/first",
		.start_ticks = TRACE_START + 100,
		.end_ticks = TRACE_START + 300,
		.status = 3,
		.status_known = true};
	sqlite3 *db;

	pack_process(maker.pack, &gone);
	trace_thread(&maker, 2, 2, 200, TRACE_START + 100);
	open_file(&maker, 2, 150, 5, "/first");
	call(&maker, 2, RT_EV_read, 200, 5, 5001);
	trace_block(&maker);
	trace_process(&maker, 3, 200, 100, RT_BIRTH_FORK, TRACE_START + 400);
	trace_thread(&maker, 3, 3, 200, TRACE_START + 400);
	call(&maker, 3, RT_EV_read, 500, 5, 5002);
	/* its child, and a child of the first that was not seen */
	trace_process(&maker, 4, 300, 200, RT_BIRTH_FORK, TRACE_START + 450);
	trace_process(&maker, 5, 301, 200, RT_BIRTH_FORK, TRACE_START + 350);
	trace_thread(&maker, 4, 4, 300, TRACE_START + 450);
	trace_thread(&maker, 5, 5, 301, TRACE_START + 350);
	call(&maker, 4, RT_EV_read, 600, 5, 5003);
	call(&maker, 5, RT_EV_read, 600, 5, 5004);
	db = trace_decode(&maker, TRACE_ALL);
	CHECK_STR(object_of(db, 5001), "/first");
	CHECK_STR(object_of(db, 5002), "inherited fd 5");
	CHECK_EQ(sql_number(db, "SELECT COUNT(*) FROM process WHERE pid = 200"), 2);
	CHECK_EQ(sql_number(db, "SELECT status FROM process WHERE program = '/bin/first'"), 3);
	CHECK_EQ(sql_number(db,
			 "SELECT p.start_ns FROM process c JOIN span s ON s.id = c.span JOIN "
			 "process p ON p.span = s.parent WHERE c.pid = 300"),
		TRACE_START + 400);
	CHECK_EQ(sql_number(db,
			 "SELECT s.parent FROM process c JOIN span s ON s.id = c.span WHERE c.pid"
			 " = 301"),
		-1);
	trace_end(&maker, db);
}

TEST(what_failed_left_things_as_they_were)
{
	struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(1)};
	struct trace_maker maker = trace_begin("failed");
	sqlite3 *db;

	inet_pton(AF_INET, "127.0.0.1", &peer.sin_addr);
	open_file(&maker, 1, 100, 5, "/kept");
	call(&maker, 1, RT_EV_close, 200, 6, -EBADF);
	call(&maker, 1, RT_EV_dup, 300, pair(6, 5), -EBADF);
	noted(&maker, 1, RT_EV_open, 400, 410, UINT32_MAX, -ENOENT, RT_TAIL_PATH, "/missing", 8);
	call(&maker, 1, RT_EV_read, 500, 5, 6001);
	call(&maker, 1, RT_EV_socket, 600, pair(8, AF_INET << 8 | SOCK_STREAM), 8);
	noted(&maker, 1, RT_EV_connect, 700, 710, 8, -ECONNREFUSED, RT_TAIL_ADDRESS, &peer,
		sizeof(peer));
	call(&maker, 1, RT_EV_recv, 800, 8, -EAGAIN);
	db = trace_decode(&maker, 0);
	CHECK_EQ(sql_number(db,
			 "SELECT f.bytes FROM fold f JOIN object b ON b.id = f.object WHERE b.name"
			 " = '/kept' AND f.operation = 66"),
		6001);
	CHECK_EQ(sql_number(db,
			 "SELECT status FROM span s JOIN object b ON b.id = s.object WHERE b.name"
			 " = '/missing'"),
		ENOENT);
	CHECK_EQ(sql_number(db,
			 "SELECT status FROM span s JOIN object b ON b.id = s.object WHERE b.name"
			 " = '127.0.0.1:1' AND s.operation = 129"),
		ECONNREFUSED);
	/* not now is no failure, and no row */
	CHECK_EQ(sql_number(db, "SELECT errors FROM fold WHERE operation = 137"), 0);
	CHECK_EQ(sql_number(db, "SELECT COUNT(*) FROM span WHERE operation = 137"), 0);
	trace_end(&maker, db);
}

TEST(locks_hosts_and_tls_have_objects)
{
	struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(443)};
	struct trace_maker maker = trace_begin("others");
	sqlite3 *db;

	inet_pton(AF_INET, "10.9.9.9", &peer.sin_addr);
	noted(&maker, 1, RT_EV_getaddrinfo, 10, 20, 0, 0, RT_TAIL_HOST, "api.example.com", 15);
	call(&maker, 1, RT_EV_mutex_lock, 100, 0x7f0000001000, 0);
	call(&maker, 1, RT_EV_mutex_lock, 200, 0x7f0000002000, 0);
	call(&maker, 1, RT_EV_mutex_lock, 300, 0x7f0000001000, 0);
	call(&maker, 1, RT_EV_sem_wait, 350, 0x7f0000003000, 0);
	call(&maker, 1, RT_EV_socket, 400, pair(4, AF_INET << 8 | SOCK_STREAM), 4);
	noted(&maker, 1, RT_EV_connect, 500, 510, 4, 0, RT_TAIL_ADDRESS, &peer, sizeof(peer));
	call(&maker, 1, RT_EV_SSL_set_fd, 600, 0x5500, 4);
	call(&maker, 1, RT_EV_SSL_write, 700, 0x5500, 7001);
	call(&maker, 1, RT_EV_SSL_free, 800, 0x5500, 0);
	call(&maker, 1, RT_EV_SSL_write, 900, 0x5500, 7002);
	call(&maker, 1, RT_EV_eventfd, 1000, 5, 5);
	call(&maker, 1, RT_EV_read, 1100, 5, 7003);
	db = trace_decode(&maker, TRACE_ALL);
	CHECK_EQ(sql_number(db, "SELECT COUNT(*) FROM object WHERE kind = 7"), 3);
	CHECK_EQ(sql_number(db,
			 "SELECT f.calls FROM fold f JOIN object b ON b.id = f.object WHERE "
			 "b.address = 139637976731648"),
		2);
	CHECK_STR(sql_text(db,
			  "SELECT b.name FROM span s JOIN object b ON b.id = s.object WHERE "
			  "s.operation = 160 AND b.kind = 8"),
		"api.example.com");
	CHECK_STR(object_of(db, 7001), "10.9.9.9:443");
	CHECK_STR(object_of(db, 7002), "");
	CHECK_EQ(sql_number(db,
			 "SELECT b.kind FROM span s JOIN object b ON b.id = s.object WHERE "
			 "s.result = 7003"),
		RT_OBJECT_eventfd);
	trace_end(&maker, db);
}

UNIT_MAIN
