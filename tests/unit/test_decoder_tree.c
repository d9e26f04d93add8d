/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random call trees, some of whose calls are never recorded, cut into blocks at random: the decoded
 * parents are the true ones or none, and the call tree's sums are what the calls add up to.
 */
#include "tests/unit/decoder_trace.h"

#define CALLS_MAX 20000
#define F RT_KIND_FUNCTION

/* What really happened, by call number (recorded as the call's result). */
static struct truth {
	int parent; /* -1: the thread */
	int recorded;
} truths[CALLS_MAX];

struct world {
	struct trace_maker maker;
	uint64_t random;
	uint64_t now;
	int count;
	unsigned lose;	/* one call in this many is not recorded; 0: none */
	unsigned block; /* a block ends after one call in this many */
	unsigned unit;	/* times are rounded down to multiples of it */
	uint32_t thread;
};

static unsigned pick(struct world *world, unsigned below)
{
	world->random ^= world->random << 13;
	world->random ^= world->random >> 7;
	world->random ^= world->random << 17;
	return (unsigned)(world->random >> 33) % below;
}

static void make_call(struct world *world, int parent, unsigned depth)
{
	int number = world->count++;
	uint64_t start = world->now += 2 + pick(world, 100);
	unsigned kind = F + pick(world, 3) + 3 * (depth % 2);

	truths[number].parent = parent;
	truths[number].recorded = !world->lose || pick(world, world->lose) != 0;
	for (unsigned i = pick(world, 6); i > 0 && depth < 12 && world->count < CALLS_MAX - 20; i--)
		make_call(world, number, depth + 1);
	world->now += 2 + pick(world, 1000);
	if (truths[number].recorded)
		trace_call(&world->maker, world->thread, kind, depth, start - start % world->unit,
			world->now - world->now % world->unit, 0, number);
	if (pick(world, world->block) == 0)
		trace_block(&world->maker);
}

static void fill(struct world *world)
{
	trace_thread(&world->maker, 2, 1, 101, TRACE_START);
	while (world->count < 2000) {
		world->thread = 1 + pick(world, 2);
		make_call(world, -1, 0);
	}
}

static struct world make_world(const char *name, uint64_t seed, unsigned lose, unsigned block)
{
	struct world world = {.maker = trace_begin(name),
		.random = seed,
		.lose = lose,
		.block = block,
		.unit = 1,
		.thread = 1};

	fill(&world);
	return world;
}

/* Checks each recorded call; returns how many stand under the thread though their parent is here.
 */
static int check_parents(sqlite3 *db, int count)
{
	sqlite3_stmt *rows;
	int seen = 0, orphans = 0, lost = 0;

	sqlite3_prepare_v2(db,
		"SELECT s.result, p.result, p.kind, s.evidence FROM span s"
		" LEFT JOIN span p ON p.id = s.parent WHERE s.kind = 1 ORDER BY s.result",
		-1, &rows, NULL);
	while (sqlite3_step(rows) == SQLITE_ROW) {
		int number = sqlite3_column_int(rows, 0);
		int of_thread = sqlite3_column_int(rows, 2) == RT_SPAN_thread;
		int known = sqlite3_column_int(rows, 3) == RT_EVIDENCE_exact;
		int parent = truths[number].parent;
		int here = parent < 0 || truths[parent].recorded;

		seen++;
		lost += !known;
		if (!known)
			CHECK(of_thread);
		else if (parent < 0)
			CHECK(of_thread);
		else
			CHECK_EQ(sqlite3_column_int(rows, 1), parent);
		if (!here)
			CHECK(!known);
		orphans += here && !known;
	}
	sqlite3_finalize(rows);
	for (int i = 0; i < count; i++)
		seen -= truths[i].recorded;
	CHECK_EQ(seen, 0);
	CHECK_EQ(
		sql_number(db, "SELECT COALESCE(SUM(count), 0) FROM loss WHERE reason = 11"), lost);
	return orphans;
}

/* The fold table, told by the spans when every call is one. */
static void check_folds(sqlite3 *db)
{
	CHECK_EQ(
		sql_number(db,
			"SELECT COUNT(*) FROM fold f JOIN (SELECT fold, COUNT(*) n, SUM(end_ns - "
			"start_ns) t, MIN(end_ns - start_ns) lo, MAX(end_ns - start_ns) hi, "
			"MIN(start_ns) a, MAX(end_ns) b FROM span WHERE fold NOT NULL GROUP BY fold) s"
			" ON s.fold = f.id WHERE f.calls = n AND f.sum_ns = t AND f.min_ns = lo AND "
			"f.max_ns = hi AND f.first_ns = a AND f.last_ns = b AND f.folded = 0"),
		sql_number(db, "SELECT COUNT(*) FROM fold"));
	CHECK_EQ(sql_number(db,
			 "SELECT COUNT(*) FROM span s JOIN span p ON p.id = s.parent"
			 " JOIN fold f ON f.id = s.fold"
			 " WHERE s.kind = 1 AND f.parent IS NOT p.fold"),
		0);
	CHECK_EQ(sql_number(db,
			 "SELECT COUNT(*) FROM fold f LEFT JOIN (SELECT parent above, SUM(sum_ns) "
			 "below FROM fold GROUP BY parent) c ON c.above = f.id"
			 " WHERE self_ns <> sum_ns - COALESCE(below, 0)"),
		0);
	CHECK_EQ(sql_number(db,
			 "SELECT COUNT(*) - COUNT(DISTINCT COALESCE(parent, -thread) || ' ' || "
			 "operation) FROM fold"),
		0);
}

/* One line: each path of the call tree with its figures. */
static char *folds_text(sqlite3 *db)
{
	return strdup(sql_text(db,
		"WITH RECURSIVE w(id, path, x) AS (SELECT id, thread || '/' || operation, calls || ' ' || "
		"sum_ns || ' ' || self_ns || ' ' || min_ns || ' ' || max_ns || ' ' || errors || ' ' || "
		"weight || hex(histogram) FROM fold WHERE parent IS NULL UNION ALL SELECT f.id, path || "
		"'/' || f.operation, f.calls || ' ' || f.sum_ns || ' ' || f.self_ns || ' ' || f.min_ns || "
		"' ' || f.max_ns || ' ' || f.errors || ' ' || f.weight || hex(f.histogram) FROM fold f "
		"JOIN w ON w.id = f.parent) SELECT COUNT(*) || ' ' || group_concat(substr(path || ' ' || x, 1, 90), ';') "
		"FROM (SELECT * FROM w ORDER BY path)"));
}

TEST(parents_are_exact)
{
	for (uint64_t seed = 1; seed <= 6; seed++) {
		struct world world = make_world("exact", seed * 77777, 0, seed % 2 ? 5 : 500);
		sqlite3 *db = trace_decode(&world.maker, TRACE_ALL);

		CHECK_EQ(check_parents(db, world.count), 0);
		check_folds(db);
		trace_end(&world.maker, db);
	}
}

/* A trace keeps times in units of a part of what calls take, as coarse as this where they are slow.
 */
TEST(parents_are_exact_where_times_are_the_same)
{
	for (uint64_t seed = 1; seed <= 6; seed++) {
		struct world world = {.maker = trace_begin("same"),
			.random = seed * 31337,
			.block = seed % 2 ? 5 : 500,
			.unit = 4096,
			.thread = 1};
		sqlite3 *db;

		fill(&world);
		db = trace_decode(&world.maker, TRACE_ALL);
		CHECK_EQ(check_parents(db, world.count), 0);
		CHECK(sql_number(db,
			      "SELECT COUNT(*) FROM span s JOIN span p ON p.id = s.parent WHERE "
			      "s.kind = 1 AND s.start_ns = p.start_ns AND s.end_ns = p.end_ns") >
			world.count / 20);
		trace_end(&world.maker, db);
	}
}

TEST(missing_parents_give_orphans_never_strangers)
{
	for (uint64_t seed = 1; seed <= 6; seed++) {
		struct world world = make_world("lossy", seed * 99991, 20, seed % 2 ? 7 : 400);
		sqlite3 *db = trace_decode(&world.maker, TRACE_ALL);
		int orphans = check_parents(db, world.count);

		check_folds(db);
		/* those that waited with children of a lost parent, across the end of a block */
		CHECK(orphans < world.count / 20);
		trace_end(&world.maker, db);
	}
}

TEST(folding_changes_no_sum)
{
	struct world world = make_world("folding", 4242, 30, 50);
	sqlite3 *all = trace_decode(&world.maker, TRACE_ALL);
	char *expected = folds_text(all);

	sqlite3_close(all);
	CHECK(strlen(expected) > 1000);
	for (uint32_t limit = 0; limit < 8; limit += 7) {
		sqlite3 *db = trace_decode(&world.maker, limit);
		char *got = folds_text(db);

		CHECK(!strcmp(got, expected));
		CHECK_EQ(sql_number(db, "SELECT SUM(calls) - SUM(folded) FROM fold"),
			sql_number(db, "SELECT COUNT(*) FROM span WHERE fold NOT NULL"));
		CHECK(sql_number(db, "SELECT SUM(folded) FROM fold") > world.count / 4);
		/* a row's parent is a row */
		CHECK_EQ(sql_number(db,
				 "SELECT COUNT(*) FROM span s WHERE parent NOT NULL AND NOT "
				 "EXISTS (SELECT 1 FROM span p WHERE p.id = s.parent)"),
			0);
		CHECK_EQ(sql_number(db,
				 "SELECT COUNT(*) FROM fold f WHERE span_parent NOT NULL AND NOT"
				 " EXISTS (SELECT 1 FROM span p WHERE p.id = f.span_parent)"),
			0);
		free(got);
		sqlite3_close(db);
	}
	free(expected);
	trace_end(&world.maker, NULL);
}

TEST(a_torn_trace_leaves_waiting_children_orphans)
{
	struct trace_maker maker = trace_begin("torn");
	sqlite3 *db;

	trace_call(&maker, 1, F, 1, 100, 200, 0, 1);
	trace_block(&maker);
	trace_call(&maker, 1, F, 1, 300, 400, 0, 2);
	db = trace_decode(&maker, TRACE_ALL);
	CHECK_EQ(sql_number(db,
			 "SELECT COUNT(*) FROM span s JOIN span p ON p.id = s.parent WHERE "
			 "s.kind = 1 AND p.kind = 10 AND s.evidence = 0"),
		2);
	CHECK_EQ(sql_number(db, "SELECT SUM(count) FROM loss WHERE reason = 11"), 2);
	trace_end(&maker, db);
}

TEST(open_calls_are_the_parents_of_what_they_began)
{
	struct trace_maker maker = trace_begin("open");
	sqlite3 *db;

	trace_call(&maker, 1, F + 2, 2, 300, 400, 0, 1);
	trace_block(&maker);
	trace_call(&maker, 1, F + 2, 2, 500, 600, 0, 2);
	pack_open_call(maker.pack, 1, F + 1, TRACE_START + 200, 0, 1);
	pack_open_call(maker.pack, 1, F, TRACE_START + 100, 0, 0);
	db = trace_decode(&maker, TRACE_ALL);
	CHECK_EQ(sql_number(db,
			 "SELECT COUNT(*) FROM span a JOIN span b ON b.id = a.parent JOIN span c"
			 " ON c.id = b.parent JOIN span d ON d.id = c.parent WHERE a.end_ns NOT "
			 "NULL AND b.end_ns IS NULL AND c.end_ns IS NULL AND d.kind = 10 AND "
			 "a.evidence = 3 AND b.evidence = 3 AND c.evidence = 3"),
		2);
	CHECK_EQ(sql_number(db, "SELECT SUM(count) FROM loss WHERE reason = 12"), 2);
	CHECK_EQ(sql_number(db, "SELECT COALESCE(SUM(count), 0) FROM loss WHERE reason = 11"), 0);
	CHECK_EQ(sql_number(db, "SELECT SUM(calls) FROM fold"), 2);
	trace_end(&maker, db);
}

TEST(an_open_call_too_young_is_no_parent)
{
	struct trace_maker maker = trace_begin("young");
	sqlite3 *db;

	trace_call(&maker, 1, F, 1, 100, 200, 0, 1);
	pack_open_call(maker.pack, 1, F + 1, TRACE_START + 300, 0, 0);
	db = trace_decode(&maker, TRACE_ALL);
	CHECK_EQ(sql_number(db,
			 "SELECT COUNT(*) FROM span s JOIN span p ON p.id = s.parent WHERE "
			 "s.result = 1 AND p.kind = 10 AND s.evidence = 0"),
		1);
	trace_end(&maker, db);
}

TEST(two_stacks_in_one_thread_do_not_mix)
{
	struct trace_maker maker = trace_begin("stacks");
	sqlite3 *db;

	/* a coroutine's call spans the end of another's at the same depth */
	trace_call(&maker, 1, F + 1, 1, 110, 200, 0, 1);
	trace_call(&maker, 1, F + 2, 1, 150, 250, 0, 2);
	trace_call(&maker, 1, F, 0, 100, 300, 0, 3);
	/* one that began before the call around it */
	trace_call(&maker, 1, F + 1, 1, 350, 450, 0, 4);
	trace_call(&maker, 1, F, 0, 400, 500, 0, 5);
	db = trace_decode(&maker, TRACE_ALL);
	CHECK_EQ(sql_number(db, "SELECT evidence FROM span WHERE result = 1"), 0);
	CHECK_EQ(sql_number(db, "SELECT evidence FROM span WHERE result = 4"), 0);
	CHECK_EQ(sql_number(db,
			 "SELECT p.result FROM span s JOIN span p ON p.id = s.parent WHERE "
			 "s.result = 2"),
		3);
	CHECK_EQ(sql_number(db, "SELECT SUM(count) FROM loss WHERE reason = 11"), 2);
	trace_end(&maker, db);
}

TEST(the_deepest_calls_are_told_apart_by_time)
{
	struct trace_maker maker = trace_begin("deep");
	sqlite3 *db;

	trace_call(&maker, 1, F, 255, 1000, 1100, 0, 300);
	trace_call(&maker, 1, F, 255, 900, 1200, 0, 299);
	for (int depth = 254; depth >= 0; depth--)
		trace_call(&maker, 1, F, (unsigned)depth, (uint64_t)depth + 1,
			2000 - (uint64_t)depth, 0, depth);
	db = trace_decode(&maker, TRACE_ALL);
	CHECK_EQ(sql_number(db,
			 "SELECT p.result FROM span s JOIN span p ON p.id = s.parent WHERE "
			 "s.result = 299"),
		254);
	CHECK_EQ(sql_number(db, "SELECT evidence FROM span WHERE result = 300"), 1);
	CHECK_EQ(sql_number(db, "SELECT COUNT(*) FROM span WHERE evidence = 0"), 0);
	CHECK_EQ(sql_number(db,
			 "SELECT f.sum_ns - f.self_ns FROM fold f JOIN span s ON s.fold = f.id "
			 "WHERE s.result = 254"),
		300);
	trace_end(&maker, db);
}

UNIT_MAIN
