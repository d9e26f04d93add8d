/* SPDX-License-Identifier: Apache-2.0 */
/* Samples: a walk over this program's own stack, without its frame pointers, and what a trace makes
 * of places in code. */
#include <link.h>

#include "loader/symbols/code.h"
#include "tests/unit/decoder_trace.h"

#define STACK 8192
#define APART __attribute__((noinline, noclone, optimize("omit-frame-pointer")))

struct copy {
	struct code_registers registers;
	uint8_t bytes[STACK];
};

/* Seen from outside: names that the walk has to find. */
void walked_leaf(struct copy *copy);
void walked_middle(struct copy *copy, int depth);
void walked_outer(struct copy *copy);

APART void walked_leaf(struct copy *copy)
{
	__asm__ volatile(
		"lea 0(%%rip), %0\n\tmov %%rsp, %1\n\tmov %%rbp, %2"
		: "=r"(copy->registers.ip), "=r"(copy->registers.sp), "=r"(copy->registers.bp));
	memcpy(copy->bytes, (const void *)(uintptr_t)copy->registers.sp, 2048);
	__asm__ volatile("" ::: "memory");
}

APART void walked_middle(struct copy *copy, int depth)
{
	volatile char room[300];

	room[0] = 1;
	if (depth)
		walked_middle(copy, depth - 1);
	else
		walked_leaf(copy);
	room[1] = room[0];
}

APART void walked_outer(struct copy *copy)
{
	walked_middle(copy, 2);
	__asm__ volatile("" ::: "memory");
}

static int take_bias(struct dl_phdr_info *info, size_t size, void *bias)
{
	(void)size;
	*(uint64_t *)bias = info->dlpi_addr; /* this program comes first */
	return 1;
}

TEST(a_stack_is_walked_by_what_compilers_say_of_frames)
{
	static const char *const expected[] = {
		"walked_leaf", "walked_middle", "walked_middle", "walked_middle", "walked_outer"};
	struct code *code = code_open("/proc/self/exe");
	struct code_stack stack;
	static struct copy copy;
	uint64_t bias = 0, start;

	CHECK(code);
	dl_iterate_phdr(take_bias, &bias);
	walked_outer(&copy);
	stack = (struct code_stack){copy.bytes, 2048, copy.registers.sp};
	for (int i = 0; i < 5; i++) {
		uint64_t address = copy.registers.ip - bias - (i ? 1 : 0);

		CHECK_STR(code_name(code, address, &start), expected[i]);
		CHECK(start <= address);
		CHECK(code_step(code, address, &stack, &copy.registers));
	}
	code_close(code);
}

TEST(a_walk_ends_where_the_stack_does)
{
	struct code_registers registers = {.ip = 1, .sp = 0x1000, .bp = 0x1008};
	uint64_t words[4] = {0, 0x2000, 0x4711, 0};
	const struct code_stack stack = {(const uint8_t *)words, sizeof(words), 0x1000};

	CHECK(code_step(NULL, 0, &stack, &registers));
	CHECK_EQ(registers.ip, 0x4711);
	CHECK_EQ(registers.bp, 0x2000);
	CHECK(!code_step(NULL, 0, &stack, &registers)); /* beyond what was copied */
	registers.bp = UINT64_MAX - 7;
	CHECK(!code_step(NULL, 0, &stack, &registers));
	registers.bp = 0;
	CHECK(!code_step(NULL, 0, &stack, &registers)); /* below the stack */
}

TEST(places_in_code_are_kept_once_in_the_place_that_called_them)
{
	struct trace_maker maker = trace_begin("samples");
	sqlite3 *db;

	for (uint64_t i = 0; i < 3; i++) {
		struct pack_frame outer = {0, RT_LANGUAGE_NATIVE, "main", "/bin/program", 0};
		struct pack_frame inner = {0, RT_LANGUAGE_PYTHON, "work", "/srv/app.py", 7};
		struct pack_sample sample = {
			.thread = 1, .ticks = TRACE_START + i * 1000, .weight_ns = 5};

		pack_samples_begin(maker.pack);
		inner.caller = pack_frame(maker.pack, &outer);
		sample.frame = i < 2 ? pack_frame(maker.pack, &inner) : inner.caller;
		pack_sample(maker.pack, &sample);
		if (!i) /* the next is another block's */
			pack_flush(maker.pack);
	}
	db = trace_decode(&maker, TRACE_ALL);
	CHECK_EQ(sql_number(db, "SELECT COUNT(*) FROM frame"), 2);
	CHECK_EQ(sql_number(db, "SELECT SUM(weight_ns) FROM sample"), 15);
	CHECK_EQ(sql_number(db,
			 "SELECT COUNT(*) FROM sample s JOIN frame f ON f.id = s.frame"
			 " JOIN frame c ON c.id = f.caller WHERE f.name = 'work' AND f.line = 7"
			 " AND c.name = 'main'"),
		2);
	trace_end(&maker, db);
}

UNIT_MAIN
