/* SPDX-License-Identifier: Apache-2.0 */
/* Records through pack, writer, reader and cursor: what comes out is what went in. */
#include <netinet/in.h>
#include <sys/un.h>

#include "lib/strtab.h"
#include "tests/unit/trace_fixture.h"

#define THREADS 3
#define PER_THREAD 20000
#define FINEST_SHIFT 2	 /* 2 ns at 2 GHz */
#define COARSEST_SHIFT 7 /* 64 ns */

/* What one thread should come out as, in order. */
struct expected {
	struct rt_record records[PER_THREAD];
	char text[PER_THREAD][24]; /* "" for no note */
	uint32_t weight[PER_THREAD];
	size_t count, seen;
};

static struct expected *expected; /* by thread id - 1 */

static uint64_t random_number(uint64_t *seed)
{
	uint64_t value = fixture_random(seed);

	switch (value % 4) {
	case 0:
		return value >> 4 & 0x7f;
	case 1:
		return value >> 4 & 0xffff;
	case 2:
		return value >> 32;
	default:
		return fixture_random(seed);
	}
}

/* Any record that a sane shim could write. */
static struct rt_record random_record(uint64_t *seed, uint64_t *ticks)
{
	struct rt_record record = {
		.start = *ticks += fixture_random(seed) % 5000,
		.duration = (uint32_t)(random_number(seed) & 0xfffff),
		.kind = (uint16_t)(64 + fixture_random(seed) % 230),
		.depth = (uint8_t)(fixture_random(seed) % 4 ? 0 : fixture_random(seed)),
		.flags = (uint8_t)(fixture_random(seed) % 50 ? 0 : 1 + fixture_random(seed) % 8),
		.arg = random_number(seed),
		.result = (int64_t)random_number(seed),
	};

	if (fixture_random(seed) % 3 == 0)
		record.kind = (uint16_t)(RT_KIND_FUNCTION + fixture_random(seed) % 5);
	if (fixture_random(seed) % 100 == 0)
		record.start -= fixture_random(seed) % 1000000; /* it encloses others */
	return record;
}

static size_t random_slots(uint64_t *seed, uint64_t *ticks, struct expected *thread,
	struct rt_record *slots, size_t room, uint32_t weight)
{
	size_t used = 0;

	while (used + 2 <= room && thread->count < PER_THREAD) {
		struct rt_record *record = &slots[used++];
		struct rt_tail *tail = (struct rt_tail *)&slots[used];

		*record = random_record(seed, ticks);
		thread->weight[thread->count] = weight;
		if (fixture_random(seed) % 20 == 0) {
			char *text = thread->text[thread->count];

			snprintf(text, 24, "/data/file-%u", (unsigned)(fixture_random(seed) % 500));
			record->flags |= RT_FLAG_TAIL;
			*tail = (struct rt_tail){
				.size = (uint16_t)strlen(text), .type = RT_TAIL_PATH};
			memcpy(tail->bytes, text, tail->size);
			used++;
		}
		thread->records[thread->count++] = *record;
	}
	return used;
}

static void declare(struct pack *pack)
{
	struct pack_process process = {
		.id = 1, .pid = 77, .birth = RT_BIRTH_LAUNCH, .program = "/usr/bin/x"};

	pack_process(pack, &process);
	for (uint32_t i = 1; i <= THREADS; i++) {
		struct pack_thread thread = {.id = i, .process = 1, .tid = 76 + i, .name = "t"};

		pack_thread(pack, &thread);
	}
	for (uint32_t i = 0; i < 5; i++)
		pack_operation(pack, RT_KIND_FUNCTION + i, "f", "/usr/lib/libf.so", "f");
}

static void write_random(const char *path)
{
	struct trace_writer *writer = fixture_writer(path, 0);
	struct pack *pack = fixture_pack(writer, NULL, NULL);
	uint64_t seed = 42, ticks = 1000000000;
	static struct rt_record slots[700];
	bool more = true;

	declare(pack);
	while (more) {
		more = false;
		pack_clock(pack, ticks, ticks / 2, ticks / 2 + 1000);
		for (uint32_t i = 1; i <= THREADS; i++) {
			uint32_t weight = fixture_random(&seed) % 10 ? 1 : 16;
			size_t room = 2 + fixture_random(&seed) % 698;
			size_t used =
				random_slots(&seed, &ticks, &expected[i - 1], slots, room, weight);

			pack_records(pack, i, slots, used, weight);
			more |= used > 0;
		}
	}
	fixture_finish(pack, writer);
}

/* Rounded down; up where the unit has just changed. */
static bool is_rounded(uint64_t got, uint64_t ticks, unsigned shift)
{
	uint64_t down = ticks >> shift << shift;

	return got == down || got == down + (1ull << shift);
}

static void check_call(const struct trace_batch *batch, const struct call *call,
	const Ragtime__Raw__Calls *section)
{
	struct expected *thread = &expected[section->thread - 1];
	const struct rt_record *record = &thread->records[thread->seen];
	uint64_t end =
		record->start + ((uint64_t)record->duration << (record->flags & RT_FLAG_SHIFT));
	const char *text = call->note_count ? trace_text(batch, call->notes[0]->text) : "";

	if (call->kind != record->kind || call->depth != record->depth ||
		call->arg != record->arg || call->result != record->result ||
		!is_rounded(call->start, record->start, section->tick_shift) ||
		!is_rounded(call->start + call->duration, end, section->tick_shift) ||
		section->tick_shift < FINEST_SHIFT || section->tick_shift > COARSEST_SHIFT ||
		calls_weight(section) != thread->weight[thread->seen] ||
		strcmp(text, thread->text[thread->seen])) {
		printf("thread %u call %zu differs\n", section->thread, thread->seen);
		unit_failures++;
	}
	thread->seen++;
}

/* Each block must name whatever its calls are of. */
static void check_tables(const struct trace_batch *batch)
{
	const Ragtime__Raw__Batch *tables = batch->tables;
	unsigned named = 0;

	for (size_t i = 0; i < tables->n_calls; i++) {
		for (size_t k = 0; k < tables->n_threads; k++)
			named += tables->threads[k]->id == tables->calls[i]->thread;
	}
	CHECK(named >= tables->n_calls);
	CHECK(!tables->n_calls || tables->n_processes == 1);
	CHECK(!tables->n_calls || tables->n_operations == 5);
	CHECK(tables->n_clocks >= (batch->sequence ? 2 : 1));
}

TEST(round_trip)
{
	const char *path = fixture_path("round");
	struct trace_reader *reader;
	struct trace_totals totals;
	struct trace_batch batch;
	struct calls_cursor cursor;
	struct call call;
	int more;

	expected = calloc(THREADS, sizeof(*expected));
	write_random(path);
	reader = fixture_open(path);
	while ((more = trace_reader_next(reader, &batch)) > 0) {
		check_tables(&batch);
		for (size_t i = 0; i < batch.tables->n_calls; i++) {
			calls_start(&cursor, batch.tables->calls[i]);
			while (calls_next(&cursor, &call))
				check_call(&batch, &call, batch.tables->calls[i]);
		}
	}
	CHECK_EQ(more, 0);
	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(expected[i].seen, PER_THREAD);
	trace_reader_totals(reader, &totals);
	CHECK_EQ(totals.calls, THREADS * PER_THREAD);
	CHECK(totals.finished);
	CHECK_EQ(totals.missing, 0);
	CHECK_EQ(totals.skipped_bytes + totals.torn_bytes + totals.unknown_fields, 0);
	trace_reader_free(reader);
	free(expected);
	unlink(path);
}

/* The unit of the second block's times, of calls that take about this many ticks. */
static unsigned shift_for(uint32_t duration)
{
	const char *path = fixture_path("unit");
	struct trace_writer *writer = fixture_writer(path, 0);
	struct pack *pack = fixture_pack(writer, NULL, NULL);
	struct trace_reader *reader;
	struct trace_batch batch;
	unsigned shift;

	for (uint32_t block = 0; block < 2; block++) {
		for (uint32_t i = 0; i < 200; i++) {
			struct rt_record record = {.start = 1000 + (block * 200 + i) * 10000000ull,
				.duration = duration - i % 7,
				.kind = RT_EV_read};

			pack_records(pack, 1, &record, 1, 1);
		}
		pack_flush(pack);
	}
	fixture_finish(pack, writer);
	reader = fixture_open(path);
	CHECK_EQ(trace_reader_next(reader, &batch), 1);
	CHECK_EQ(batch.tables->calls[0]->tick_shift, FINEST_SHIFT); /* nothing known yet */
	CHECK_EQ(trace_reader_next(reader, &batch), 1);
	shift = batch.tables->calls[0]->tick_shift;
	trace_reader_free(reader);
	unlink(path);
	return shift;
}

TEST(times_are_as_fine_as_calls_are_short)
{
	CHECK_EQ(shift_for(50), FINEST_SHIFT);
	CHECK_EQ(shift_for(120), FINEST_SHIFT);
	CHECK_EQ(shift_for(500), 4);
	CHECK_EQ(shift_for(5000), COARSEST_SHIFT);
	CHECK_EQ(shift_for(5000000), COARSEST_SHIFT);
}

#define TREE_CALLS 40000
#define LOOK_BACK 30

struct tree {
	uint64_t seed, ticks;
	size_t count;
	struct rt_record records[TREE_CALLS];
};

/* Calls inside calls, of phases in which all is quick and phases in which all is slow. */
static void grow(struct tree *tree, unsigned depth)
{
	uint64_t pace = tree->count / 3000 % 2 ? 9000 : 30;
	uint64_t start = tree->ticks;

	tree->ticks += fixture_random(&tree->seed) % pace;
	for (unsigned i = 0; depth < 6 && i < fixture_random(&tree->seed) % 4; i++) {
		grow(tree, depth + 1);
		tree->ticks += fixture_random(&tree->seed) % pace;
	}
	if (tree->count < TREE_CALLS)
		tree->records[tree->count++] = (struct rt_record){
			.start = start,
			.duration = (uint32_t)(tree->ticks - start),
			.kind = RT_EV_read,
			.depth = (uint8_t)depth,
		};
	tree->ticks += fixture_random(&tree->seed) % 3;
}

/* What was apart is apart, what was inside is inside. */
static bool keeps_order(const struct rt_record *first, const struct rt_record *second,
	const struct call *one, const struct call *two)
{
	uint64_t one_end = one->start + one->duration, two_end = two->start + two->duration;

	if (two_end < one_end)
		return false;
	if (second->start >= first->start + first->duration)
		return two->start >= one_end;
	return two->start <= one->start;
}

TEST(rounding_keeps_calls_inside_and_apart)
{
	const char *path = fixture_path("tree");
	struct trace_writer *writer = fixture_writer(path, 0);
	struct pack *pack = fixture_pack(writer, NULL, NULL);
	struct tree *tree = calloc(1, sizeof(*tree));
	struct call *calls = calloc(TREE_CALLS + 1, sizeof(*calls));
	struct trace_reader *reader;
	struct trace_batch batch;
	size_t count = 0, sections = 0;

	tree->seed = 99;
	tree->ticks = 5001;
	while (tree->count < TREE_CALLS)
		grow(tree, 0);
	for (size_t i = 0; i < TREE_CALLS; i += 100)
		pack_records(pack, 1, &tree->records[i], 100, 1);
	fixture_finish(pack, writer);
	reader = fixture_open(path);
	while (trace_reader_next(reader, &batch) > 0) {
		for (size_t i = 0; i < batch.tables->n_calls; i++, sections++) {
			struct calls_cursor cursor;

			calls_start(&cursor, batch.tables->calls[i]);
			while (count < TREE_CALLS && calls_next(&cursor, &calls[count]))
				count++;
		}
	}
	CHECK_EQ(count, TREE_CALLS);
	CHECK(sections > TREE_CALLS / 8192 + 5); /* the unit did change */
	for (size_t i = 1; i < count; i++) {
		for (size_t k = i < LOOK_BACK ? 0 : i - LOOK_BACK; k < i; k++)
			CHECK(keeps_order(
				&tree->records[k], &tree->records[i], &calls[k], &calls[i]));
	}
	trace_reader_free(reader);
	free(tree);
	free(calls);
	unlink(path);
}

struct marks {
	unsigned count;
	uint32_t kinds[16];
	char tail[64];
};

static void on_mark(void *context, uint32_t thread, const struct rt_record *record,
	const uint8_t *tail, size_t tail_size, unsigned tail_type)
{
	struct marks *marks = context;

	CHECK_EQ(thread, 1);
	marks->kinds[marks->count++ % 16] = record->kind;
	if (tail_type == RT_TAIL_DATA_OUT)
		snprintf(marks->tail, sizeof(marks->tail), "%.*s", (int)tail_size, tail);
}

/* Reads the one block with calls; NULL where there is none. */
static struct trace_reader *read_calls(const char *path, struct trace_batch *batch)
{
	struct trace_reader *reader = fixture_open(path);

	while (reader && trace_reader_next(reader, batch) > 0) {
		if (batch->tables->n_calls || batch->tables->n_losses)
			return reader;
	}
	trace_reader_free(reader);
	return NULL;
}

/* Packs these slots as thread 1 and reads the block back. */
static struct trace_reader *pass(const struct rt_record *slots, size_t count, uint32_t weight,
	struct marks *marks, struct trace_batch *batch)
{
	const char *path = fixture_path("pass");
	struct trace_writer *writer = fixture_writer(path, 0);
	struct pack *pack = fixture_pack(writer, on_mark, marks);
	struct trace_reader *reader;

	pack_clock(pack, 1000, 500, 600);
	pack_records(pack, 1, slots, count, weight);
	fixture_finish(pack, writer);
	reader = read_calls(path, batch);
	unlink(path);
	return reader;
}

static void put_tail(struct rt_record *slot, unsigned type, const void *bytes, size_t size)
{
	struct rt_tail *tail = (struct rt_tail *)slot;

	*tail = (struct rt_tail){.size = (uint16_t)size, .type = (uint8_t)type};
	memcpy(tail->bytes, bytes, size);
}

TEST(marks_go_to_the_caller)
{
	struct rt_record slots[12] = {
		{.start = 10, .kind = RT_EV_data, .flags = RT_FLAG_TAIL, .arg = 3},
		[2] = {.start = 20, .kind = RT_EV_tls_peer, .flags = RT_FLAG_TAIL, .result = 0x304},
		[4] = {.start = 30, .kind = RT_EV_allocation, .arg = 100, .result = 1000},
		[5] = {.start = 40, .kind = RT_EV_rate, .arg = 8},
		[6] = {.start = 50, .kind = RT_EV_read, .arg = 3},
		[7] = {.start = 60, .kind = RT_EV_pad},
		[8] = {.start = 70, .kind = RT_EV_read, .arg = 9},
	};
	struct marks marks = {0};
	struct trace_batch batch;
	struct trace_reader *reader;
	struct calls_cursor cursor;
	struct call call;

	put_tail(&slots[1], RT_TAIL_DATA_OUT, "secret payload", 14);
	put_tail(&slots[3], RT_TAIL_NAME, "api.example.com", 15);
	reader = pass(slots, 12, 0, &marks, &batch);
	CHECK(reader != NULL);
	CHECK_EQ(marks.count, 4);
	CHECK_STR(marks.tail, "secret payload");
	CHECK_EQ(batch.tables->n_calls, 2);
	CHECK_EQ(batch.calls, 1);
	calls_start(&cursor, batch.tables->calls[0]);
	/* where an excerpt was taken, never what was in it */
	CHECK(calls_next(&cursor, &call) && call.kind == RT_EV_data && !call.note_count);
	CHECK(calls_next(&cursor, &call) && call.kind == RT_EV_tls_peer && call.note_count == 1);
	CHECK_STR(trace_text(&batch, call.notes[0]->text), "api.example.com");
	CHECK(calls_next(&cursor, &call) && call.kind == RT_EV_allocation && call.result == 1000);
	CHECK(!calls_next(&cursor, &call));
	calls_start(&cursor, batch.tables->calls[1]);
	CHECK(calls_next(&cursor, &call) && call.kind == RT_EV_read && call.arg == 3);
	CHECK_EQ(calls_weight(batch.tables->calls[1]), 8);
	for (uint32_t i = 0; i < batch.tables->n_strings; i++)
		CHECK(!strstr(trace_text(&batch, i), "secret"));
	trace_reader_free(reader);
}

static void check_damage(const struct rt_record *slots, size_t count, unsigned sound, unsigned lost)
{
	struct marks marks = {0};
	struct trace_batch batch;
	struct trace_reader *reader = pass(slots, count, 1, &marks, &batch);

	CHECK(reader != NULL);
	if (!reader)
		return;
	CHECK_EQ(batch.calls, sound);
	CHECK_EQ(batch.tables->n_losses, 1);
	CHECK_EQ(batch.tables->losses[0]->reason, RT_LOSS_damaged);
	CHECK_EQ(batch.tables->losses[0]->count, lost);
	CHECK_EQ(batch.tables->losses[0]->thread, 1);
	trace_reader_free(reader);
}

TEST(spoilt_slots_are_counted_not_believed)
{
	struct rt_record good = {.start = 10, .kind = RT_EV_read, .arg = 3};
	struct rt_record empty[3] = {good, {.start = 10}, good};
	struct rt_record no_such_mark[3] = {good, {.start = 10, .kind = 31}, good};
	struct rt_record future[2] = {good, {.start = 1ull << 62, .kind = RT_EV_read}};
	struct rt_record wraps[2] = {
		good, {.start = 500, .duration = UINT32_MAX, .flags = 31, .kind = RT_EV_read}};
	struct rt_record tail_outside[3] = {
		good, {.start = 10, .kind = RT_EV_open, .flags = RT_FLAG_TAIL}};
	struct rt_record tail_missing[2] = {
		good, {.start = 10, .kind = RT_EV_open, .flags = RT_FLAG_TAIL}};

	((struct rt_tail *)&tail_outside[2])->size = 60000;
	check_damage(empty, 3, 1, 2);
	check_damage(no_such_mark, 3, 1, 2);
	check_damage(future, 2, 1, 1);
	check_damage(wraps, 2, 1, 1);
	check_damage(tail_outside, 3, 1, 2);
	check_damage(tail_missing, 2, 1, 1);
}

TEST(times_before_the_run_are_no_times)
{
	const char *path = fixture_path("past");
	struct trace_writer *writer = fixture_writer(path, 0);
	struct pack *pack = fixture_pack(writer, NULL, NULL);
	struct rt_record past = {.start = 5, .duration = 5, .kind = RT_EV_read};
	struct pack_totals totals;

	pack_clock(pack, 1000 * FIXTURE_TICKS_PER_SECOND, 1, 1);
	pack_records(pack, 1, &past, 1, 1);
	past.start = 999 * FIXTURE_TICKS_PER_SECOND;
	pack_records(pack, 1, &past, 1, 1);
	CHECK_EQ(pack_flush(pack), 0);
	pack_totals(pack, &totals);
	CHECK_EQ(totals.calls, 1);
	fixture_finish(pack, writer);
	unlink(path);
}

TEST(addresses_keep_what_may_be_told)
{
	struct sockaddr_in inet = {.sin_family = AF_INET, .sin_port = htons(443)};
	struct sockaddr_un local = {
		.sun_family = AF_UNIX, .sun_path = "/run/user/key=hunter2hunter2/sock"};
	struct rt_record slots[8] = {
		{.start = 10, .kind = RT_EV_connect, .flags = RT_FLAG_TAIL, .arg = 3},
		[2] = {.start = 20, .kind = RT_EV_connect, .flags = RT_FLAG_TAIL, .arg = 4},
	};
	struct marks marks = {0};
	struct trace_batch batch;
	struct trace_reader *reader;
	const Ragtime__Raw__Calls *section;
	size_t head = offsetof(struct sockaddr_un, sun_path);
	size_t size = head + strlen(local.sun_path) + 1;

	put_tail(&slots[1], RT_TAIL_ADDRESS, &inet, sizeof(inet));
	put_tail(&slots[3], RT_TAIL_ADDRESS, &local, size);
	reader = pass(slots, 3 + RT_TAIL_SLOTS(size), 1, &marks, &batch);
	CHECK(reader != NULL);
	section = batch.tables->calls[0];
	CHECK_EQ(section->n_notes, 2);
	CHECK_EQ(trace_text_size(&batch, section->notes[0]->text), sizeof(inet));
	CHECK(!memcmp(trace_text(&batch, section->notes[0]->text), &inet, sizeof(inet)));
	CHECK_STR(trace_text(&batch, section->notes[1]->text) + head, "/run/user/key=***/sock");
	trace_reader_free(reader);
}

TEST(rows_of_all_tables)
{
	const char *path = fixture_path("rows");
	struct trace_writer *writer = fixture_writer(path, 0);
	struct pack *pack = fixture_pack(writer, NULL, NULL);
	struct pack_process process = {.id = 7, .pid = 70, .program = "/bin/a", .script = "/a.py"};
	struct pack_usage usage = {.process = 7, .cpu_ns = 5, .rss_bytes = 6};
	struct trace_reader *reader;
	struct trace_batch batch;
	const Ragtime__Raw__Batch *tables;

	pack_process(pack, &process);
	pack_loss(pack, 0, RT_LOSS_ring_full, 9, 1, 2);
	pack_counter(pack, 4, 32, 10, 11);
	pack_open_call(pack, 4, RT_EV_read, 12, 13, 2);
	pack_metric(pack, "cost", -14);
	pack_usage(pack, &usage);
	CHECK_EQ(pack_flush(pack), 0);
	CHECK_EQ(pack_flush(pack), 0); /* nothing new: no second block */
	process.end_ticks = 99;
	pack_process(pack, &process);
	fixture_finish(pack, writer);

	reader = fixture_open(path);
	CHECK_EQ(trace_reader_next(reader, &batch), 1);
	tables = batch.tables;
	CHECK(tables->start && tables->start->ticks_per_second == FIXTURE_TICKS_PER_SECOND);
	CHECK_STR(trace_text(&batch, tables->processes[0]->program), "/bin/a");
	CHECK_STR(trace_text(&batch, tables->processes[0]->script), "/a.py");
	CHECK_EQ(tables->n_threads, 1); /* the one that was spoken of */
	CHECK_EQ(tables->losses[0]->count, 9);
	CHECK_EQ(tables->counters[0]->bytes, 11);
	CHECK_EQ(tables->open[0]->arg, 13);
	CHECK_EQ(tables->metrics[0]->value, -14);
	CHECK_EQ(tables->usages[0]->rss_bytes, 6);
	CHECK_EQ(trace_reader_next(reader, &batch), 1);
	CHECK(batch.flags & RT_BLOCK_LAST);
	CHECK_EQ(batch.tables->n_processes, 1);
	CHECK_EQ(batch.tables->processes[0]->end_ticks, 99);
	CHECK(batch.tables->end && !batch.tables->start);
	CHECK_STR(batch.tables->end->reason, "exit");
	CHECK_EQ(trace_reader_next(reader, &batch), 0);
	trace_reader_free(reader);
	unlink(path);
}

UNIT_MAIN
