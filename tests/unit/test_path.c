/* SPDX-License-Identifier: Apache-2.0 */
/* Critical path and replay: on random trees, and on small ones whose answer is known. */
#include "analysis/path/impact.h"
#include "lib/map.h"
#include "unit.h"
#include "wire/event.h"

#define NODES 4000

static struct node nodes[NODES];
static uint64_t random_state;

static uint64_t random_below(uint64_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % limit;
}

static struct graph graph = {.nodes = nodes, .operation_count = 4};
static struct graph_operation operations[4] = {{0}, {.group = 1}, {.group = 2}, {.group = 3}};
static struct graph_thread threads[1] = {{.is_main = true}};

static uint32_t add(uint32_t parent, int64_t start, int64_t end, uint32_t operation)
{
	nodes[graph.count] = (struct node){
		.id = graph.count + 1,
		.parent = parent,
		.start_ns = start,
		.end_ns = end,
		.operation = operation,
		.request = NODE_NONE,
		.cause = NODE_NONE,
		.wait = operation ? RT_WAIT_network : RT_WAIT_none,
		.flags = parent == NODE_NONE ? NODE_THREAD : 0,
	};
	return graph.count++;
}

static void begin(void)
{
	struct fold_tree *folds = graph.folds;

	free(graph.by_start);
	free(graph.by_end);
	free(graph.order);
	graph = (struct graph){.nodes = nodes,
		.operations = operations,
		.operation_count = 4,
		.threads = threads,
		.thread_count = 1,
		.folds = folds};
}

/* Children anywhere around their parents: overlapping, overflowing, back to back, empty. */
static void grow_tree(void)
{
	uint32_t count = 1 + (uint32_t)random_below(random_below(40) ? 30 : NODES - 1);

	begin();
	add(NODE_NONE, 1000, 1000 + (int64_t)random_below(5000), 0);
	while (graph.count < count) {
		uint32_t parent = (uint32_t)random_below(graph.count);
		int64_t length = node_duration(&nodes[parent]) + 20;
		int64_t start =
			nodes[parent].start_ns - 10 + (int64_t)random_below((uint64_t)length);

		if (random_below(3) == 0 && graph.count > 1)
			start = nodes[graph.count - 1].end_ns;
		add(parent, start, start + (int64_t)random_below((uint64_t)length),
			(uint32_t)random_below(4));
	}
	CHECK_EQ(graph_link(&graph), 0);
}

static bool is_below(uint32_t node, uint32_t root)
{
	while (node != root && node != NODE_NONE)
		node = nodes[node].parent;
	return node == root;
}

TEST(sections_tile_the_root_of_random_trees)
{
	struct path path = {0};

	random_state = 88172645463325252ull;
	for (int i = 0; i < 10000; i++) {
		int64_t at;
		bool fits = true;

		grow_tree();
		path.count = 0;
		CHECK_EQ(critical_walk(&graph, 0, &path), 0);
		at = nodes[0].end_ns;
		for (uint32_t j = 0; j < path.count; j++) {
			const struct section_of_path *section = &path.sections[j];

			fits &= section->end_ns == at && section->start_ns < at &&
				is_below(section->node, 0) &&
				section->start_ns >= nodes[section->node].start_ns &&
				section->end_ns <= nodes[section->node].end_ns;
			at = section->start_ns;
		}
		CHECK(fits && at == nodes[0].start_ns);
		if (!fits || unit_failures)
			break;
	}
	free(path.sections);
}

static struct units *units_of_tree(void)
{
	static const struct run run = {.id = 1};

	graph.run = &run;
	CHECK_EQ(graph_link(&graph), 0);
	return units_new(&graph);
}

TEST(replay_of_nothing_changes_nothing_and_never_lengthens)
{
	random_state = 1234567;
	for (int i = 0; i < 2000; i++) {
		struct units units = {.graph = &graph, .count = 1};
		struct unit unit = {0};
		uint32_t owner[NODES];
		struct replay *replay;
		uint32_t node;
		int64_t before;

		grow_tree();
		memset(owner, 0, sizeof(owner));
		units.list = &unit;
		units.owner = owner;
		replay = replay_new(&units);
		CHECK(replay != NULL);
		CHECK_EQ(replay_saving(replay), 0);
		node = (uint32_t)random_below(graph.count);
		replay_shorten(replay, node, 0);
		replay_run(replay);
		CHECK_EQ(replay_saving(replay), 0);
		replay_clear(replay);
		replay_shorten(replay, node, 500);
		replay_run(replay);
		before = replay_saving(replay);
		CHECK(before >= 0);
		replay_shorten(replay, node, 1000);
		replay_run(replay);
		CHECK(replay_saving(replay) >= before);
		CHECK(replay_saving(replay) <= node_duration(&nodes[0]));
		replay_free(replay);
		if (unit_failures)
			break;
	}
}

/* Two embeddings at once, then a chat: the longer one counts, up to where the other takes over. */
TEST(parallel_calls_save_only_what_was_waited_for)
{
	struct units *units;
	struct replay *replay;
	uint32_t longer, chat;

	begin();
	add(NODE_NONE, 0, 1000, 0);
	longer = add(0, 100, 500, 1);
	add(0, 100, 400, 2);
	chat = add(0, 510, 900, 3);
	threads[0].root = 0;
	units = units_of_tree();
	CHECK(units != NULL);
	CHECK_EQ(units->count, 1);
	CHECK_EQ(units->operations[1].path_ns, 400);
	CHECK_EQ(units->operations[2].path_ns, 0);
	CHECK_EQ(units->operations[3].path_ns, 390);
	CHECK_EQ(units->leaves[RT_WAIT_network], 790);
	CHECK_EQ(units->leaves[RT_WAIT_unknown], 210);
	replay = replay_new(units);
	replay_shorten(replay, longer, 1000);
	replay_run(replay);
	CHECK_EQ(replay_saving(replay), 100);
	replay_clear(replay);
	replay_shorten(replay, chat, 500);
	replay_run(replay);
	CHECK_EQ(replay_saving(replay), 195);
	replay_free(replay);
	units_free(units);
}

/* Back to back on the same tick: none is lost. */
TEST(children_that_touch_are_all_on_the_path)
{
	struct path path = {0};

	begin();
	add(NODE_NONE, 0, 300, 0);
	add(0, 0, 100, 1);
	add(0, 100, 200, 2);
	add(0, 200, 300, 3);
	CHECK_EQ(graph_link(&graph), 0);
	CHECK_EQ(critical_walk(&graph, 0, &path), 0);
	CHECK_EQ(path.count, 3);
	free(path.sections);
}

/* Parents in a circle are never reached. */
TEST(circles_end)
{
	begin();
	add(NODE_NONE, 0, 300, 0);
	add(2, 0, 100, 1);
	add(1, 0, 100, 1);
	CHECK_EQ(graph_link(&graph), 0);
	CHECK_EQ(graph.order_count, 1);
}

TEST(scores_have_their_formula)
{
	CHECK_EQ((long)impact_score(1, 100, 5), 100);
	CHECK_EQ((long)impact_score(0.5, 5, 0.5), 50);
	CHECK_EQ(impact_priority(50), PRIORITY_HIGH);
	CHECK_EQ(impact_priority(24.9), PRIORITY_LOW);
}

UNIT_MAIN
