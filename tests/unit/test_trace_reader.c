/* SPDX-License-Identifier: Apache-2.0 */
/* Damaged, cut, repeated, hostile and unfinished streams: fewer calls, never wrong ones. */
#include <zstd.h>

#include "decoder/gaps.h"
#include "lib/checksum.h"
#include "tests/unit/trace_fixture.h"

#define BLOCKS 12
#define BLOCK_CALLS 40

/* Calls of block b have b as their arg and count up from 0 in their results. */
static void write_small(const char *path, uint64_t max_size)
{
	struct trace_writer *writer = fixture_writer(path, max_size);
	struct pack *pack = fixture_pack(writer, NULL, NULL);
	struct rt_record records[BLOCK_CALLS];
	uint64_t ticks = 1000, seed = 7;

	for (unsigned block = 0; block < BLOCKS; block++) {
		pack_clock(pack, ticks, ticks / 2, ticks);
		for (int i = 0; i < BLOCK_CALLS; i++) {
			uint64_t noise = fixture_random(&seed);

			records[i] = (struct rt_record){.start = ticks += 100 + noise % 997,
				.duration = (uint32_t)(50 + noise % 1009),
				.kind = RT_EV_read,
				.arg = block,
				.result = i};
		}
		pack_records(pack, 1, records, BLOCK_CALLS, 1);
		CHECK_EQ(pack_flush(pack), 0);
	}
	fixture_finish(pack, writer);
}

struct outcome {
	unsigned calls;
	unsigned wrong;
	unsigned blocks;
	bool seen[BLOCKS];
	struct trace_totals totals;
	int err;
};

static void check_section(const Ragtime__Raw__Calls *section, struct outcome *outcome)
{
	struct calls_cursor cursor;
	struct call call;
	int64_t next = 0;

	calls_start(&cursor, section);
	while (calls_next(&cursor, &call)) {
		outcome->calls++;
		if (call.kind != RT_EV_read || call.arg >= BLOCKS || call.result != next++)
			outcome->wrong++;
		else
			outcome->seen[call.arg] = true;
	}
}

static struct outcome read_out(const char *path)
{
	struct trace_error error;
	struct trace_reader *reader = trace_reader_open(&path, 1, &error);
	struct outcome outcome = {0};
	struct trace_batch batch;

	if (!reader) {
		outcome.err = -errno;
		return outcome;
	}
	while ((outcome.err = trace_reader_next(reader, &batch)) > 0) {
		outcome.blocks++;
		for (size_t i = 0; i < batch.tables->n_calls; i++)
			check_section(batch.tables->calls[i], &outcome);
	}
	trace_reader_totals(reader, &outcome.totals);
	trace_reader_free(reader);
	return outcome;
}

/* Where block `number` begins; the file's size for the one after the last. */
static size_t block_at(const uint8_t *bytes, size_t size, unsigned number)
{
	size_t at = sizeof(struct rt_file_header);

	while (number-- && at < size) {
		struct rt_block_header header;

		memcpy(&header, bytes + at, sizeof(header));
		at += sizeof(header) + header.packed_size;
	}
	return at;
}

TEST(every_truncation)
{
	const char *path = fixture_path("cut");
	unsigned last_calls = 0;
	uint8_t *bytes;
	size_t size;

	write_small(path, 0);
	bytes = fixture_read(path, &size);
	for (size_t cut = 0; cut < size; cut++) {
		struct outcome outcome;

		fixture_write(path, bytes, cut);
		outcome = read_out(path);
		CHECK_EQ(outcome.wrong, 0);
		CHECK(!outcome.totals.finished);
		CHECK_EQ(outcome.err, cut < sizeof(struct rt_file_header) ? -EINVAL : 0);
		CHECK(outcome.calls >= last_calls && outcome.calls % BLOCK_CALLS == 0);
		if (outcome.err == 0)
			CHECK_EQ(cut - outcome.totals.torn_bytes,
				block_at(bytes, size, outcome.blocks));
		last_calls = outcome.calls;
	}
	CHECK_EQ(last_calls, BLOCKS * BLOCK_CALLS);
	free(bytes);
	unlink(path);
}

/* One change of the file: flipped bits, a lost stretch, a repeated stretch, noise. */
static size_t mutate(uint64_t *seed, const uint8_t *bytes, size_t size, uint8_t *out)
{
	size_t at = fixture_random(seed) % size, length = fixture_random(seed) % 300;

	memcpy(out, bytes, size);
	length = length < size - at ? length : size - at;
	switch (fixture_random(seed) % 5) {
	case 0:
		memmove(out + at, out + at + length, size - at - length);
		return size - length;
	case 1:
		memcpy(out + at + length, bytes + at, size - at);
		return size + length;
	case 2:
		for (size_t i = 0; i < length; i++)
			out[at + i] = (uint8_t)fixture_random(seed);
		return size;
	default:
		for (unsigned flips = 1 + fixture_random(seed) % 4; flips; flips--)
			out[fixture_random(seed) % size] ^=
				(uint8_t)(1 << fixture_random(seed) % 8);
		return size;
	}
}

TEST(mutations)
{
	const char *path = fixture_path("mutated");
	const char *suite = getenv("SIZE");
	unsigned rounds = suite && !strcmp(suite, "full") ? 10000 : 1000;
	unsigned refused = 0, fewer = 0;
	uint64_t seed = 2024;
	uint8_t *bytes, *changed;
	size_t size;

	alarm(600);
	write_small(path, 0);
	bytes = fixture_read(path, &size);
	changed = malloc(size * 2 + 300);
	for (unsigned i = 0; i < rounds; i++) {
		struct outcome outcome;

		fixture_write(path, changed, mutate(&seed, bytes, size, changed));
		outcome = read_out(path);
		refused += outcome.err < 0;
		fewer += outcome.err == 0 && outcome.calls < BLOCKS * BLOCK_CALLS;
		/* What is gone is told: a hole in the numbers, or an end that never came. */
		if (outcome.wrong || outcome.calls > BLOCKS * BLOCK_CALLS ||
			(outcome.err == 0 && outcome.calls < BLOCKS * BLOCK_CALLS &&
				!outcome.totals.missing && outcome.totals.finished)) {
			printf("mutation %u: %u wrong, %u calls\n", i, outcome.wrong,
				outcome.calls);
			unit_failures++;
		}
	}
	printf("%u mutations: %u refused, %u with fewer calls\n", rounds, refused, fewer);
	CHECK(refused > 0 && fewer > rounds / 2);
	free(bytes);
	free(changed);
	unlink(path);
}

TEST(a_damaged_block_loses_itself_only)
{
	const char *path = fixture_path("one");
	const uint32_t too_much = 30 << 20;
	struct outcome outcome;
	uint8_t *bytes;
	size_t size;

	write_small(path, 0);
	bytes = fixture_read(path, &size);
	bytes[block_at(bytes, size, 5) + 60] ^= 1;
	fixture_write(path, bytes, size);
	outcome = read_out(path);
	CHECK_EQ(outcome.calls, (BLOCKS - 1) * BLOCK_CALLS);
	CHECK(!outcome.seen[5] && outcome.seen[4] && outcome.seen[6]);
	CHECK_EQ(outcome.totals.missing, 1);
	CHECK_EQ(outcome.totals.damaged[TRACE_CHECKSUM], 1);
	CHECK(outcome.totals.finished);

	/* A size that was damaged must not swallow the blocks behind it. */
	memcpy(bytes + block_at(bytes, size, 2) + offsetof(struct rt_block_header, packed_size),
		&too_much, sizeof(too_much));
	fixture_write(path, bytes, size);
	outcome = read_out(path);
	CHECK_EQ(outcome.calls, (BLOCKS - 2) * BLOCK_CALLS);
	CHECK_EQ(outcome.totals.missing, 2);
	free(bytes);
	unlink(path);
}

TEST(order_and_repetition)
{
	const char *path = fixture_path("order");
	struct outcome outcome;
	uint8_t *bytes, *changed;
	size_t size, two, three, four, used;

	write_small(path, 0);
	bytes = fixture_read(path, &size);
	two = block_at(bytes, size, 2);
	three = block_at(bytes, size, 3);
	four = block_at(bytes, size, 4);
	changed = malloc(size * 2);
	memcpy(changed, bytes, two);
	used = two;
	memcpy(changed + used, bytes + three, four - three);
	used += four - three;
	memcpy(changed + used, bytes + two, three - two);
	used += three - two;
	memcpy(changed + used, bytes + two, size - two);
	used += size - two;
	fixture_write(path, changed, used);
	outcome = read_out(path);
	CHECK_EQ(outcome.calls, BLOCKS * BLOCK_CALLS);
	CHECK_EQ(outcome.totals.late, 1);
	CHECK_EQ(outcome.totals.duplicates, 2);
	CHECK_EQ(outcome.totals.missing, 0);
	free(bytes);
	free(changed);
	unlink(path);
}

TEST(a_file_that_grows)
{
	const char *path = fixture_path("grows");
	struct trace_writer *writer = fixture_writer(path, 0);
	struct pack *pack = fixture_pack(writer, NULL, NULL);
	struct rt_record record = {.start = 1000, .kind = RT_EV_read};
	struct trace_reader *reader = fixture_open(path);
	struct trace_batch batch;

	CHECK_EQ(trace_reader_next(reader, &batch), 0);
	for (int i = 0; i < 5; i++) {
		pack_records(pack, 1, &record, 1, 1);
		CHECK_EQ(pack_flush(pack), 0);
		CHECK_EQ(trace_reader_next(reader, &batch), 1);
		CHECK_EQ(batch.calls, 1);
		CHECK_EQ(trace_reader_next(reader, &batch), 0);
	}
	fixture_finish(pack, writer);
	CHECK_EQ(trace_reader_next(reader, &batch), 1);
	CHECK(batch.flags & RT_BLOCK_LAST);
	trace_reader_free(reader);
	unlink(path);
}

/* A file of one block that carries these bytes, correctly framed and summed. */
static struct outcome read_forged(const void *raw, size_t size, size_t claimed)
{
	const char *path = fixture_path("forged");
	struct rt_file_header file = {.version = RT_FILE_VERSION, .header_size = sizeof(file)};
	struct rt_block_header block = {.magic = RT_BLOCK_MAGIC, .version = 1};
	size_t room = ZSTD_compressBound(size);
	uint8_t *bytes = malloc(sizeof(file) + sizeof(block) + room);
	uint8_t *frame = bytes + sizeof(file) + sizeof(block);
	struct outcome outcome;

	memcpy(file.magic, RT_FILE_MAGIC, sizeof(file.magic));
	block.packed_size = (uint32_t)ZSTD_compress(frame, room, raw, size, 1);
	block.raw_size = (uint32_t)claimed;
	block.checksum = checksum_of(
		&block, offsetof(struct rt_block_header, checksum), frame, block.packed_size);
	memcpy(bytes, &file, sizeof(file));
	memcpy(bytes + sizeof(file), &block, sizeof(block));
	fixture_write(path, bytes, sizeof(file) + sizeof(block) + block.packed_size);
	outcome = read_out(path);
	free(bytes);
	unlink(path);
	return outcome;
}

/* One section with these columns; NULL: a sound one. */
static struct outcome read_section(uint32_t count, const char *kind, const char *start,
	const char *depth, uint32_t note_call, uint32_t tick_shift)
{
	Ragtime__Raw__Batch batch = RAGTIME__RAW__BATCH__INIT;
	Ragtime__Raw__Calls calls = RAGTIME__RAW__CALLS__INIT, *all[] = {&calls};
	Ragtime__Raw__Note note = RAGTIME__RAW__NOTE__INIT, *notes[] = {&note};
	uint8_t raw[512];

#define COLUMN(text) ((ProtobufCBinaryData){strlen(text), (uint8_t *)(text)})
	calls.thread = 1;
	calls.count = count;
	calls.kind = COLUMN(kind);
	calls.start = COLUMN(start);
	calls.duration = COLUMN("\1\1");
	calls.arg = COLUMN("\1\1");
	calls.result = COLUMN("\1\1");
	calls.depth = COLUMN(depth);
	calls.tick_shift = tick_shift;
	note.call = note_call;
	calls.n_notes = 1;
	calls.notes = notes;
	batch.n_calls = 1;
	batch.calls = all;
	return read_forged(raw, ragtime__raw__batch__pack(&batch, raw),
		ragtime__raw__batch__get_packed_size(&batch));
}

static void check_content(struct outcome outcome)
{
	CHECK_EQ(outcome.err, 0);
	CHECK_EQ(outcome.calls, 0);
	CHECK_EQ(outcome.totals.damaged[TRACE_CONTENT], 1);
}

TEST(columns_that_contradict_themselves)
{
	struct outcome sound = read_section(2, "\x42\x42", "\1\1", "", 1, 0);

	CHECK_EQ(sound.calls, 2);
	CHECK_EQ(read_section(2, "\xff\xff\3\1", "\1\1", "\xff\1\1", 0, 31).calls, 2);
	check_content(read_section(3, "\x42\x42", "\1\1", "", 0, 0));
	check_content(read_section(1, "\x42\x42", "\1\1", "", 0, 0));
	check_content(read_section(2, "\x42\x42", "\1\x81", "", 0, 0));
	check_content(read_section(2, "\x42\x42", "\1\1\x80", "", 0, 0));
	check_content(read_section(
		2, "\x42\x42", "\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", "", 0, 0));
	check_content(read_section(2, "\xff\xff\4\1", "\1\1", "", 0, 0));     /* kind 81919 */
	check_content(read_section(2, "\x42\x42", "\1\1", "\x80\2\1", 0, 0)); /* depth 256 */
	check_content(read_section(2, "\x42\x42", "\1\1", "\1", 0, 0));
	check_content(read_section(2, "\x42\x42", "\1\1", "", 2, 0));
	check_content(read_section(2, "\x42\x42", "\1\1", "", 0, 32));
}

TEST(bombs_and_noise)
{
	size_t size = 48 << 20;
	uint8_t *zeros = calloc(1, size);
	uint8_t *notes = malloc(8 << 20);
	struct outcome outcome = read_forged(zeros, size, size);

	CHECK_EQ(outcome.totals.damaged[TRACE_OVERSIZE], 1);
	outcome = read_forged(zeros, 1000, 999);
	CHECK_EQ(outcome.totals.damaged[TRACE_COMPRESSED], 1);
	outcome = read_forged(zeros, 1000, 1001);
	CHECK_EQ(outcome.totals.damaged[TRACE_COMPRESSED], 1);
	outcome = read_forged(zeros, 1000, 1000);
	CHECK_EQ(outcome.totals.damaged[TRACE_MESSAGE], 1);
	/* Millions of empty messages: two bytes each here, many more once unpacked. */
	for (size_t i = 0; i < 8 << 20; i += 2)
		memcpy(notes + i, "\x2a", 2);
	outcome = read_forged(notes, 8 << 20, 8 << 20);
	CHECK_EQ(outcome.totals.damaged[TRACE_MESSAGE], 1);
	free(zeros);
	free(notes);
}

/* Nothing but block headers, each of which claims megabytes: the search gives up in time. */
static int read_headers(uint32_t packed_size)
{
	const char *path = fixture_path("headers");
	struct rt_file_header file = {.version = RT_FILE_VERSION, .header_size = sizeof(file)};
	struct rt_block_header block = {.magic = RT_BLOCK_MAGIC, .packed_size = packed_size};
	size_t size = 6 << 20;
	uint8_t *bytes = malloc(size);
	struct outcome outcome;

	memcpy(file.magic, RT_FILE_MAGIC, sizeof(file.magic));
	memcpy(bytes, &file, sizeof(file));
	for (size_t at = sizeof(file); at + sizeof(block) <= size; at += sizeof(block))
		memcpy(bytes + at, &block, sizeof(block));
	fixture_write(path, bytes, size);
	outcome = read_out(path);
	free(bytes);
	unlink(path);
	CHECK_EQ(outcome.calls, 0);
	return outcome.err;
}

TEST(a_file_made_to_be_slow)
{
	CHECK_EQ(read_headers(3 << 20), -EBADMSG);
	CHECK_EQ(read_headers(5 << 20), -EBADMSG);
	CHECK_EQ(read_headers(30 << 20), 0); /* only torn: nothing to hash */
	CHECK_EQ(read_headers(100), 0);
}

TEST(unknown_fields_are_counted)
{
	/* Field 100, a number; field 101, two bytes. */
	static const char raw[] = "\xa0\x06\x07\xaa\x06\x02hi";
	struct outcome outcome = read_forged(raw, sizeof(raw) - 1, sizeof(raw) - 1);

	CHECK_EQ(outcome.blocks, 1);
	CHECK_EQ(outcome.totals.unknown_fields, 2);
}

static void check_refused(const void *bytes, size_t size, const char *why)
{
	const char *path = fixture_path("refused");
	struct trace_error error = {""};

	fixture_write(path, bytes, size);
	CHECK(!trace_reader_open(&path, 1, &error));
	if (!strstr(error.text, why) || !strstr(error.text, path)) {
		printf("'%s' does not say '%s'\n", error.text, why);
		unit_failures++;
	}
	unlink(path);
}

TEST(what_is_no_trace)
{
	struct rt_file_header newer = {.magic = "RTRACE\r", .version = 9, .header_size = 64};
	const char *missing = "/nonexistent/x.rtrace", *folder = "/tmp";
	struct trace_error error;

	newer.magic[7] = '\n';
	check_refused("", 0, "empty");
	check_refused("hello world", 11, "no ragtime trace");
	check_refused("RTRACE\r\n....", 12, "within the file header");
	check_refused("RTRACE\n\n", 8, "no ragtime trace");
	check_refused("SQLite format 3\0....", 20, "database");
	check_refused(&newer, sizeof(newer), "newer");
	CHECK(!trace_reader_open(&missing, 1, &error));
	CHECK_EQ(errno, ENOENT);
	CHECK(!trace_reader_open(&folder, 1, &error));
	CHECK_EQ(errno, EISDIR);
}

TEST(numbers_of_blocks)
{
	struct gaps gaps = {0};

	CHECK_EQ(gaps_take(&gaps, 0), GAPS_NEXT);
	CHECK_EQ(gaps_take(&gaps, 0), GAPS_REPEATED);
	CHECK_EQ(gaps_take(&gaps, 9), GAPS_JUMP);
	CHECK_EQ(gaps.missing, 8);
	CHECK_EQ(gaps_take(&gaps, 4), GAPS_LATE);
	CHECK_EQ(gaps_take(&gaps, 4), GAPS_REPEATED);
	CHECK_EQ(gaps_take(&gaps, 1), GAPS_LATE);
	CHECK_EQ(gaps_take(&gaps, 8), GAPS_LATE);
	CHECK_EQ(gaps_take(&gaps, 2), GAPS_LATE);
	CHECK_EQ(gaps_take(&gaps, 3), GAPS_LATE);
	CHECK_EQ(gaps.missing, 3);
	CHECK_EQ(gaps_take(&gaps, 10), GAPS_NEXT);
	for (uint32_t i = 20; i < 20 + 4 * GAPS_MAX; i += 2)
		CHECK_EQ(gaps_take(&gaps, i), GAPS_JUMP);
	CHECK_EQ(gaps_take(&gaps, 5), GAPS_REPEATED); /* its gap was let go */
	CHECK_EQ(gaps_take(&gaps, 19 + 4 * GAPS_MAX - 2), GAPS_LATE);
	CHECK_EQ(gaps_take(&gaps, UINT32_MAX), GAPS_JUMP);
	CHECK_EQ(gaps_take(&gaps, UINT32_MAX), GAPS_REPEATED);
}

UNIT_MAIN
