/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make_trace KIND CALLS FILE [MAX-SIZE]: a synthetic trace, written through the product's own pack
 * and trace_writer. The same arguments give the same calls. Kinds:
 *
 *   loop       one thread, read and write of one file, by turns
 *   nested     one thread, functions nested to depth 12
 *   python     what a Python program does: opens, reads, sockets, locks, waits, now and then slow
 *   threads    64 threads with a function each, by turns
 *   processes  200 processes that fork, run and exit, one after the other
 *   losses     as python, with something lost of every kind, calls counted and one still running
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/stream/pack.h"
#include "wire/event.h"

#define TICKS_PER_SECOND 2000000000ull
#define START_TICKS 500000000000ull
#define START_NS 250000000000ull
#define EPOCH_NS 1700000000000000000ull
#define RING 1024

struct maker {
	struct pack *pack;
	uint64_t ticks;
	uint64_t random;
	uint64_t since_clock;
	uint32_t thread;
	uint64_t left;
	size_t slots;
	struct rt_record ring[RING];
};

/* xorshift: the same numbers everywhere. */
static uint64_t next_random(struct maker *maker)
{
	maker->random ^= maker->random << 13;
	maker->random ^= maker->random >> 7;
	maker->random ^= maker->random << 17;
	return maker->random;
}

static void put_clock(struct maker *maker)
{
	uint64_t ns = START_NS + (maker->ticks - START_TICKS) / (TICKS_PER_SECOND / 1000000000);

	pack_clock(maker->pack, maker->ticks, ns, ns + EPOCH_NS);
	maker->since_clock = maker->ticks;
}

static void drain(struct maker *maker)
{
	if (maker->ticks - maker->since_clock > TICKS_PER_SECOND / 1000)
		put_clock(maker);
	pack_records(maker->pack, maker->thread, maker->ring, maker->slots, 1);
	maker->slots = 0;
}

static struct rt_record *put_slots(struct maker *maker, size_t count)
{
	if (maker->slots + count > RING)
		drain(maker);
	maker->slots += count;
	return &maker->ring[maker->slots - count];
}

/* A call that begins at `start` and ends now. */
static void put_call(struct maker *maker, unsigned kind, unsigned depth, uint64_t start,
	uint64_t arg, int64_t result, unsigned tail_type, const void *tail, size_t tail_size)
{
	struct rt_record *record = put_slots(maker, 1 + (tail ? RT_TAIL_SLOTS(tail_size) : 0));
	struct rt_tail *place = (struct rt_tail *)(record + 1);
	uint64_t duration = maker->ticks - start;
	unsigned shift = 0;

	while (duration >> shift > UINT32_MAX)
		shift++;
	*record = (struct rt_record){
		.start = start,
		.duration = (uint32_t)(duration >> shift),
		.kind = (uint16_t)kind,
		.depth = (uint8_t)depth,
		.flags = (uint8_t)(shift | (tail ? RT_FLAG_TAIL : 0)),
		.arg = arg,
		.result = result,
	};
	if (tail) {
		*place = (struct rt_tail){.size = (uint16_t)tail_size, .type = (uint8_t)tail_type};
		memcpy(place->bytes, tail, tail_size);
	}
	if (maker->left)
		maker->left--;
}

/* Work between calls, then a call of about `length` ticks. */
static void plain_call(struct maker *maker, unsigned kind, unsigned depth, uint64_t gap,
	uint64_t length, uint64_t arg, int64_t result)
{
	uint64_t start = maker->ticks + gap + next_random(maker) % (gap / 8 + 1);

	maker->ticks = start + length + next_random(maker) % (length / 8 + 1);
	put_call(maker, kind, depth, start, arg, result, 0, NULL, 0);
}

static void add_process(struct maker *maker, uint32_t id, uint32_t pid, uint32_t parent,
	unsigned birth, const char *program)
{
	struct pack_process process = {
		.id = id,
		.pid = pid,
		.parent_pid = parent,
		.birth = birth,
		.program = program,
		.start_ticks = maker->ticks,
	};

	pack_process(maker->pack, &process);
}

static void add_thread(
	struct maker *maker, uint32_t id, uint32_t process, uint32_t tid, const char *name)
{
	struct pack_thread thread = {
		.id = id,
		.process = process,
		.tid = tid,
		.name = name,
		.start_ticks = maker->ticks,
	};

	pack_thread(maker->pack, &thread);
}

static void open_file(struct maker *maker, const char *path, int fd)
{
	uint64_t start = maker->ticks += 400;

	maker->ticks += 9000;
	put_call(maker, RT_EV_open, 0, start, 0, fd, RT_TAIL_PATH, path, strlen(path));
}

static void make_loop(struct maker *maker)
{
	open_file(maker, "/srv/data/input.bin", 3);
	while (maker->left > 1) {
		plain_call(maker, RT_EV_read, 0, 90, 600, 3, 4096);
		plain_call(maker, RT_EV_write, 0, 90, 700, 4, 4096);
	}
	plain_call(maker, RT_EV_close, 0, 90, 500, 3, 0);
}

/* A function that calls two others below it, to the given depth. */
static void nest(struct maker *maker, unsigned depth, unsigned limit)
{
	uint64_t start = maker->ticks += 40;

	if (!maker->left)
		return;
	if (depth < limit) {
		nest(maker, depth + 1, limit);
		nest(maker, depth + 1, limit);
	}
	maker->ticks += 100 + next_random(maker) % 20;
	put_call(maker, RT_KIND_FUNCTION + depth, depth, start, depth, 0, 0, NULL, 0);
}

static void make_nested(struct maker *maker)
{
	char name[32];

	for (unsigned i = 0; i <= 12; i++) {
		snprintf(name, sizeof(name), "app::level_%u", i);
		pack_operation(maker->pack, RT_KIND_FUNCTION + i, name, "/usr/lib/libapp.so", name);
	}
	while (maker->left)
		nest(maker, 0, 12);
}

static void connect_socket(struct maker *maker, int fd)
{
	struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(443)};
	uint64_t start = maker->ticks += 2000;
	const char *host = "api.example.com";

	peer.sin_addr.s_addr = htonl(0x0a000001 + (uint32_t)fd);
	maker->ticks += 3000000;
	put_call(maker, RT_EV_getaddrinfo, 0, start, 0, 0, RT_TAIL_HOST, host, strlen(host));
	plain_call(maker, RT_EV_socket, 0, 500, 4000, (uint64_t)(2 << 8 | 1), fd);
	start = maker->ticks += 400;
	maker->ticks += 8000000;
	put_call(maker, RT_EV_connect, 0, start, (uint64_t)fd, 0, RT_TAIL_ADDRESS, &peer,
		sizeof(peer));
}

static void python_step(struct maker *maker)
{
	unsigned dice = (unsigned)(next_random(maker) % 100);
	int fd = 3 + (int)(next_random(maker) % 8);
	char path[96];

	if (dice < 3) {
		snprintf(path, sizeof(path), "/usr/lib/python3.11/package_%llu/module.py",
			(unsigned long long)(next_random(maker) % 400));
		open_file(maker, path, fd);
	} else if (dice < 40) {
		plain_call(maker, RT_EV_read, 0, 2500, 900, (uint64_t)fd,
			(int64_t)(next_random(maker) % 8192));
	} else if (dice < 60) {
		plain_call(maker, RT_EV_write, 0, 3000, 1100, (uint64_t)fd,
			(int64_t)(next_random(maker) % 512));
	} else if (dice < 75) {
		plain_call(maker, RT_EV_recv, 0, 4000, 60000, 16, -EAGAIN);
	} else if (dice < 90) {
		plain_call(maker, RT_EV_send, 0, 5000, 20000, 16, 517);
	} else if (dice < 95) {
		plain_call(maker, RT_EV_epoll_wait, 0, 700, 400000, 5, 1);
	} else if (dice < 98) {
		plain_call(maker, RT_EV_mutex_lock, 0, 900, 30000, 0x7f0000001000, 0);
	} else {
		plain_call(maker, RT_EV_nanosleep, 0, 900, 2000000, 0, 0);
	}
}

static void make_python(struct maker *maker)
{
	connect_socket(maker, 16);
	while (maker->left)
		python_step(maker);
}

static void make_threads(struct maker *maker)
{
	char name[32];

	pack_operation(maker->pack, RT_KIND_FUNCTION, "worker_step", "/srv/app/worker", "step");
	for (uint32_t i = 0; i < 64; i++) {
		snprintf(name, sizeof(name), "worker-%u", i);
		add_thread(maker, 2 + i, 1, 1001 + i, name);
	}
	while (maker->left) {
		drain(maker);
		maker->thread = 2 + (maker->thread - 1) % 64;
		for (int i = 0; i < 50 && maker->left; i++)
			plain_call(
				maker, i % 5 ? RT_KIND_FUNCTION : RT_EV_write, 0, 200, 800, 7, 100);
	}
}

static void end_process(struct maker *maker, uint32_t id, uint32_t pid)
{
	struct pack_process process = {
		.id = id,
		.pid = pid,
		.parent_pid = 1000,
		.birth = RT_BIRTH_FORK,
		.program = "/usr/bin/worker",
		.start_ticks = maker->since_clock,
		.end_ticks = maker->ticks,
		.status = id % 7 == 0 ? 1 : 0,
		.status_known = true,
	};

	pack_process(maker->pack, &process);
	pack_forget_thread(maker->pack, id);
}

static void make_processes(struct maker *maker)
{
	uint64_t each = maker->left / 200 + 1;

	for (uint32_t id = 2; maker->left; id++) {
		plain_call(maker, RT_EV_fork, 0, 5000, 400000, 1000 + id, 1000 + id);
		drain(maker);
		add_process(maker, id, 1000 + id, 1000, RT_BIRTH_FORK, "/usr/bin/worker");
		add_thread(maker, id, id, 1000 + id, "worker");
		maker->thread = id;
		for (uint64_t i = 1; i < each && maker->left; i++)
			plain_call(maker, RT_EV_pread, 0, 300, 2500, 3, 16384);
		drain(maker);
		end_process(maker, id, 1000 + id);
		maker->thread = 1;
	}
}

static void make_losses(struct maker *maker)
{
	make_python(maker);
	for (uint32_t reason = RT_LOSS_ring_full; reason <= RT_LOSS_write_failed; reason++)
		pack_loss(maker->pack, reason % 2, reason, reason * 1000, START_NS, START_NS + 1);
	pack_counter(maker->pack, 1, 32, 5000, 640000);
	pack_counter(maker->pack, 1, 33, 4000, 0);
	pack_open_call(maker->pack, 1, RT_EV_recv, maker->ticks, 16, 0);
}

static const struct {
	const char *name;
	void (*make)(struct maker *);
} makers[] = {
	{"loop", make_loop},
	{"nested", make_nested},
	{"python", make_python},
	{"threads", make_threads},
	{"processes", make_processes},
	{"losses", make_losses},
};

static int make(struct maker *maker, const char *kind)
{
	for (size_t i = 0; i < sizeof(makers) / sizeof(*makers); i++) {
		if (strcmp(kind, makers[i].name))
			continue;
		add_process(maker, 1, 1000, 1, RT_BIRTH_LAUNCH, "/usr/bin/python3.11");
		add_thread(maker, 1, 1, 1000, "main");
		makers[i].make(maker);
		drain(maker);
		put_clock(maker);
		return 0;
	}
	fprintf(stderr, "make_trace: no kind '%s': loop nested python threads processes losses\n",
		kind);
	return 2;
}

int main(int argc, char **argv)
{
	static struct maker maker = {
		.ticks = START_TICKS, .random = 88172645463325252ull, .thread = 1};
	struct trace_writer_options options = {0};
	struct pack_start start = {
		.mode = "shim",
		.command = "synthetic",
		.ticks_per_second = TICKS_PER_SECOND,
	};
	struct pack_end end = {.reason = "exit"};
	struct trace_writer *writer;
	int err;

	if (argc < 4) {
		fprintf(stderr, "usage: make_trace KIND CALLS FILE [MAX-SIZE]\n");
		return 2;
	}
	snprintf((char *)start.run, sizeof(start.run), "%s %s", argv[1], argv[2]);
	memcpy(options.run, start.run, sizeof(options.run));
	maker.left = strtoull(argv[2], NULL, 0);
	options.output = argv[3];
	options.max_size = argc > 4 ? strtoull(argv[4], NULL, 0) : 0;
	writer = trace_writer_new(&options);
	if (!writer) {
		fprintf(stderr, "make_trace: '%s': %s; %s\n", argv[3], strerror(errno),
			trace_writer_advice(errno));
		return 1;
	}
	maker.pack = pack_new(writer, &start, NULL, NULL);
	put_clock(&maker);
	err = make(&maker, argv[1]);
	end.monotonic_ns = START_NS + (maker.ticks - START_TICKS) / 2;
	pack_metric(maker.pack, "tracer_cpu_ns", 1000000);
	if (!err && pack_finish(maker.pack, &end))
		err = 1;
	pack_free(maker.pack);
	trace_writer_free(writer);
	return err;
}
