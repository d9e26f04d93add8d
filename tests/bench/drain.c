/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drain PREFIX OUTPUT: the reference drain. Empties the rings PREFIX.<tid> of the floor shim into
 * row-wise delta varints, zstd level 1, one stream. It validates nothing, orders nothing and knows
 * no threads: what a drain costs at the least. Prints "ready", ends on SIGTERM and then says on
 * standard error:
 *
 *   drain events=5000000 bytes=4700000 cpu_ns=150000000
 */
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zstd.h>

#include "floor.h"

#define RINGS 256
#define BATCH 8192
#define KINDS 16

struct source {
	char name[256];
	struct floor_ring *ring;
	const struct floor_record *records;
	uint64_t time, arg[KINDS];
};

static struct source sources[RINGS];
static int source_count;
static uint8_t plain[1 << 20], packed[1 << 21];
static size_t plain_size;
static uint64_t events, bytes;
static int output;
static ZSTD_CCtx *zstd;
static volatile sig_atomic_t stop;

static void on_term(int signal)
{
	(void)signal;
	stop = 1;
}

static uint8_t *put_varint(uint8_t *at, uint64_t value)
{
	for (; value >= 128; value >>= 7)
		*at++ = value | 128;
	*at++ = value;
	return at;
}

static uint64_t zigzag(int64_t value)
{
	return (uint64_t)value << 1 ^ value >> 63;
}

static void compress_plain(ZSTD_EndDirective end)
{
	ZSTD_inBuffer in = {plain, plain_size, 0};
	size_t left;

	do {
		ZSTD_outBuffer out = {packed, sizeof packed, 0};

		left = ZSTD_compressStream2(zstd, &out, &in, end);
		bytes += write(output, packed, out.pos);
	} while (end == ZSTD_e_end ? left != 0 : in.pos < in.size);
	plain_size = 0;
}

static void add_source(const char *name)
{
	struct source *source = &sources[source_count];
	struct stat status;
	int fd;

	for (int i = 0; i < source_count; i++) {
		if (!strcmp(sources[i].name, name))
			return;
	}
	fd = open(name, O_RDWR);
	if (source_count == RINGS || fd < 0 || fstat(fd, &status) ||
		status.st_size < (off_t)FLOOR_BYTES)
		goto out;
	source->ring =
		mmap(NULL, FLOOR_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (source->ring == MAP_FAILED)
		goto out;
	source->records = (const void *)((char *)source->ring + FLOOR_HEADER);
	snprintf(source->name, sizeof source->name, "%s", name);
	source_count++;
out:
	if (fd >= 0)
		close(fd);
}

static void find_sources(const char *prefix)
{
	char pattern[256];
	glob_t found;

	snprintf(pattern, sizeof pattern, "%s.*", prefix);
	if (glob(pattern, 0, NULL, &found))
		return;
	for (size_t i = 0; i < found.gl_pathc; i++)
		add_source(found.gl_pathv[i]);
	globfree(&found);
}

static void encode(struct source *source, const struct floor_record *record)
{
	uint64_t *arg = &source->arg[record->kind % KINDS];
	uint8_t *at = plain + plain_size;

	at = put_varint(at, zigzag(record->start - source->time));
	source->time = record->start + record->duration;
	at = put_varint(at, record->duration);
	*at++ = record->kind;
	at = put_varint(at, zigzag(record->arg - *arg));
	*arg = record->arg;
	at = put_varint(at, zigzag(record->result));
	plain_size = at - plain;
}

static uint64_t drain_source(struct source *source)
{
	uint64_t head = __atomic_load_n(&source->ring->head, __ATOMIC_ACQUIRE);
	uint64_t tail = source->ring->tail, begin = tail;

	while (tail < head) {
		uint64_t count = head - tail < BATCH ? head - tail : BATCH;

		for (uint64_t i = 0; i < count; i++) {
			if (plain_size + 64 > sizeof plain)
				compress_plain(ZSTD_e_continue);
			encode(source, &source->records[(tail + i) & (FLOOR_RECORDS - 1)]);
		}
		tail += count;
		__atomic_store_n(&source->ring->tail, tail, __ATOMIC_RELEASE);
	}
	return head - begin;
}

static uint64_t drain_all(void)
{
	uint64_t got = 0;

	for (int i = 0; i < source_count; i++)
		got += drain_source(&sources[i]);
	events += got;
	return got;
}

int main(int argc, char **argv)
{
	struct timespec cpu;

	if (argc != 3)
		return fprintf(stderr, "usage: drain PREFIX OUTPUT\n"), 2;
	output = open(argv[2], O_CREAT | O_TRUNC | O_WRONLY, 0600);
	zstd = ZSTD_createCCtx();
	if (output < 0 || !zstd)
		return perror(argv[2]), 1;
	ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, 1);
	signal(SIGTERM, on_term);
	puts("ready");
	fflush(stdout);
	while (!stop) {
		find_sources(argv[1]);
		if (drain_all() < 4096)
			usleep(1000);
	}
	find_sources(argv[1]);
	drain_all();
	compress_plain(ZSTD_e_end);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	fprintf(stderr, "drain events=%llu bytes=%llu cpu_ns=%lld\n", (unsigned long long)events,
		(unsigned long long)bytes, cpu.tv_sec * 1000000000ll + cpu.tv_nsec);
	return 0;
}
