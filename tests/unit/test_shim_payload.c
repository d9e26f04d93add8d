/* SPDX-License-Identifier: Apache-2.0 */
/* Payload excerpts of real processes: what passes over sockets, and what is inside TLS. */
#include "tests/unit/shim_region.h"
#include "tests/unit/unit.h"

#define SAID 65536

static char said[2][2][SAID]; /* by layer and direction */
static unsigned session;      /* the first connection that spoke inside TLS */

static struct shim_region region;

static void run(char *const *argv)
{
	struct shim_cursor cursor = {.region = &region};
	const struct rt_record *record;

	CHECK_EQ(shim_region_make(&region, 64, 256), 0);
	region.map->payload_cap = 8192;
	CHECK_EQ(shim_run(&region, argv), 0);
	while ((record = shim_next(&cursor))) {
		const struct rt_tail *tail = shim_tail(record);

		if (record->kind != RT_EV_data || !tail)
			continue;
		CHECK(tail && (record->result >> 1) + tail->size < SAID);
		if (!session && tail->info == RT_DATA_PLAIN_OF_TLS)
			session = (unsigned)(record->arg >> 32);
		if (tail->info == RT_DATA_PLAIN_OF_TLS && session != record->arg >> 32)
			continue;
		memcpy(said[tail->info][tail->type == RT_TAIL_DATA_IN] + (record->result >> 1),
			tail->bytes, tail->size);
	}
	CHECK_EQ(shim_lost(&region), 0);
}

TEST(every_call_that_moves_bytes)
{
	char *argv[] = {(char *)program_path("payload_talk"), NULL};

	run(argv);
	CHECK_STR(said[RT_DATA_SOCKET][0], "abcdefghefghij");
	CHECK_STR(said[RT_DATA_SOCKET][1], "abcdefghefghij");
}

TEST(nothing_unless_asked_for)
{
	char *argv[] = {(char *)program_path("payload_talk"), NULL};

	CHECK_EQ(shim_region_make(&region, 64, 256), 0);
	CHECK_EQ(shim_run(&region, argv), 0);
	CHECK_EQ(shim_count(&region, RT_EV_data, NULL), 0);
	CHECK(shim_count(&region, RT_EV_send, NULL) == 1);
}

/* Python's ssl over memory BIOs (asyncio's way) and over sockets. */
static const char python[] =
	"import ssl,socket,threading,subprocess,sys,tempfile,atexit,shutil\n"
	"d=tempfile.mkdtemp();atexit.register(shutil.rmtree,d)\n"
	"subprocess.run(['openssl','req','-x509','-newkey','rsa:2048','-nodes','-keyout',d+'/k',"
	"'-out',d+'/c','-subj','/CN=there','-addext','subjectAltName=DNS:there'],check=True,"
	"stderr=subprocess.DEVNULL)\n"
	"s=ssl.create_default_context(ssl.Purpose.CLIENT_AUTH);s.load_cert_chain(d+'/c',d+'/k')\n"
	"c=ssl.create_default_context(cafile=d+'/c')\n"
	"a,b=socket.socketpair()\n"
	"def serve():\n"
	"  t=s.wrap_socket(a,server_side=True);assert t.recv(99)==b'the question';"
	"t.sendall(b'the answer');t.close()\n"
	"h=threading.Thread(target=serve);h.start()\n"
	"if sys.argv[1]=='socket':\n"
	"  t=c.wrap_socket(b,server_hostname='there');t.sendall(b'the question');"
	"assert t.recv(99)==b'the answer'\n"
	"else:\n"
	"  i,o=ssl.MemoryBIO(),ssl.MemoryBIO();t=c.wrap_bio(i,o,server_hostname='there')\n"
	"  def put():\n"
	"    w=o.read()\n"
	"    if w: b.sendall(w)\n"
	"  def drive(f,*x):\n"
	"    while True:\n"
	"      try: r=f(*x);put();return r\n"
	"      except ssl.SSLWantReadError: put();i.write(b.recv(65536))\n"
	"  drive(t.do_handshake);drive(t.write,b'the question');"
	"assert drive(t.read,99)==b'the answer'\n"
	"h.join()\n";

static void talk_tls(char *way, unsigned joined)
{
	char *argv[] = {"/usr/bin/python3", "-c", (char *)python, way, NULL};
	const struct rt_record *peer = NULL;

	if (access(argv[0], X_OK)) {
		printf("no %s: the TLS cases are not run\n", argv[0]);
		return;
	}
	run(argv);
	CHECK_STR(said[RT_DATA_PLAIN_OF_TLS][0], "the question");
	CHECK_STR(said[RT_DATA_PLAIN_OF_TLS][1], "the answer");
	CHECK_EQ(shim_count(&region, RT_EV_tls_socket, NULL), joined);
	CHECK_EQ(shim_count(&region, RT_EV_tls_peer, &peer), 2);
	CHECK(peer && (peer->result & RT_TLS_VERSION) == 0x304);
	CHECK(peer && !(peer->result & RT_TLS_RESUMED));
	CHECK(peer && shim_tail(peer) && !memcmp(shim_tail(peer)->bytes, "there", 5));
}

TEST(tls_over_sockets)
{
	talk_tls("socket", 0);
}

TEST(tls_over_memory)
{
	talk_tls("memory", 1);
}

/* What is no part of a stream, and what the kernel moves by itself. */
static const char odd[] =
	"import ctypes,os,socket\n"
	"l=socket.create_server(('127.0.0.1',0));a=socket.create_connection(l.getsockname());"
	"b,_=l.accept()\n"
	"u,v=socket.socketpair(type=socket.SOCK_DGRAM)\n"
	"u.send(b'datagram');v.recv(99)\n"
	"d=socket.socket(socket.AF_INET,socket.SOCK_DGRAM|socket.SOCK_CLOEXEC)\n"
	"d.bind(('127.0.0.1',0));d.sendto(b'datagram',d.getsockname());d.recvfrom(99)\n"
	"a.sendall(b'ab0123456789cd')\n"
	"assert b.recv(9,socket.MSG_PEEK)==b'ab0123456'\n"
	"assert b.recv(2)==b'ab'\n"
	"recv=ctypes.CDLL(None).recv\n"
	"assert recv(b.fileno(),None,10,socket.MSG_TRUNC)==10\n"
	"c=b.dup();b.close()\n"
	"assert c.recv(2)==b'cd'\n"
	"f=os.memfd_create('f');os.write(f,b'x'*1000)\n"
	"assert os.sendfile(c.fileno(),f,0,1000)==1000\n"
	"os.write(c.fileno(),b'end')\n";

TEST(odd_calls)
{
	char *argv[] = {"/usr/bin/python3", "-c", (char *)odd, NULL};

	run(argv);
	CHECK_STR(said[RT_DATA_SOCKET][0], "ab0123456789cd");
	CHECK_EQ(memcmp(said[RT_DATA_SOCKET][1], "ab", 3), 0);
	CHECK_EQ(memcmp(said[RT_DATA_SOCKET][1] + 12, "cd", 3), 0);
	CHECK_STR(said[RT_DATA_SOCKET][0] + 1000, "end");
}

UNIT_MAIN
