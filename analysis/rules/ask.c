/* SPDX-License-Identifier: Apache-2.0 */
/* What rules ask of nodes and requests, and of their thresholds. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "analysis/rules/rule.h"
#include "analysis/rules/thresholds.h"
#include "wire/event.h"

/* Times of two threads, and of a request and the call behind it, may cross by so much. */
#define CROSSING_NS 100000

/* What a client needs to make a request of the next item, and to read its answer. */
#define CLIENT_NS 2000000

double limit(const struct rule_context *context, const char *key)
{
	return thresholds_get(context->thresholds, context->rule, key);
}

int64_t limit_ns(const struct rule_context *context, const char *key)
{
	return (int64_t)(limit(context, key) * 1e6);
}

unsigned rule_class(const struct rule_context *context, const struct node *node)
{
	return node_operation(context->graph, node)->class;
}

bool rule_is_database(const struct rule_context *context, const struct request *request)
{
	(void)context;
	return request->system != 0;
}

bool rule_is_control(const struct rule_context *context, const struct request *request)
{
	static const char *const words[] = {
		"BEGIN", "START", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "DISCARD", "MULTI"};
	const char *operation = rule_text(context, request->db_operation);

	for (size_t i = 0; *operation && i < sizeof(words) / sizeof(*words); i++) {
		if (!strcasecmp(operation, words[i]))
			return true;
	}
	return false;
}

bool rule_is_http(const struct rule_context *context, const struct request *request)
{
	return !strncmp(rule_text(context, request->protocol), "http", 4) || request->method;
}

bool rule_is_chat(const struct rule_context *context, const struct request *request)
{
	return request->genai && request_class(context->graph, request) == RT_CLASS_llm_generation;
}

bool rule_failed(const struct rule_context *context, const struct request *request)
{
	const struct node *node = rule_node(context, request->node);

	return node->flags & NODE_FAILED || request->error ||
		(request->http_status != FACT_UNKNOWN && request->http_status >= 400);
}

/* The next that asks the same model, or NULL. */
static const struct request *next_chat(
	const struct rule_context *context, const struct scope *scope, uint32_t i)
{
	for (uint32_t j = i + 1; j < scope->request_count && j - i < RULE_NEAR; j++) {
		const struct request *request = rule_request(context, scope, j);

		if (rule_is_chat(context, request) &&
			request->model == rule_request(context, scope, i)->model)
			return request;
	}
	return NULL;
}

static bool is_cut_off(const struct rule_context *context, const struct request *request)
{
	const char *finish = rule_text(context, request->finish);

	return !strncmp(finish, "length", 6) || !strncmp(finish, "max_tokens", 10);
}

bool rule_is_malformed(const struct rule_context *context, const struct scope *scope, uint32_t i)
{
	const struct request *request = rule_request(context, scope, i), *next;
	const char *form = rule_text(context, request->answer_form);

	if (!rule_is_chat(context, request) || rule_failed(context, request) ||
		!strcmp(form, "json"))
		return false;
	next = next_chat(context, scope, i);
	if (!next)
		return false;
	if (!strncmp(rule_text(context, request->output_type), "json", 4))
		return next->output_type == request->output_type &&
			(*form || is_cut_off(context, request));
	/* asked for in the prompt alone: the answer after it is the form that was meant */
	return !strcmp(rule_text(context, next->answer_form), "json") &&
		(!strcmp(form, "broken") ||
			(request->request_hash && request->request_hash == next->request_hash));
}

static const char *skip_digits(const char *text)
{
	while (*text >= '0' && *text <= '9')
		text++;
	return text;
}

bool rule_alike(const char *a, const char *b)
{
	for (a = skip_digits(a), b = skip_digits(b); *a && *a == *b;) {
		a = skip_digits(a + 1);
		b = skip_digits(b + 1);
	}
	return *a == *b;
}

bool rule_follows(const struct node *first, const struct node *second, int64_t gap_ns)
{
	return second->start_ns >= first->end_ns - CROSSING_NS &&
		second->start_ns - first->end_ns <= gap_ns;
}

const struct rule_object *rule_object(const struct rule_context *context, uint32_t id)
{
	uint32_t low = 0, high = context->object_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (context->objects[middle].id < (int64_t)id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < context->object_count && context->objects[low].id == (int64_t)id
		? &context->objects[low]
		: NULL;
}

uint32_t rule_object_text(const struct rule_context *context, const struct node *node)
{
	const struct rule_object *object = rule_object(context, node->object);

	return object ? object->name : 0;
}

const char *rule_object_name(const struct rule_context *context, const struct node *node)
{
	return rule_text(context, rule_object_text(context, node));
}

int64_t rule_call_process(const struct rule_context *context, const struct rule_call *call)
{
	return context->graph->threads[rule_call_node(context, call)->thread].process;
}

uint64_t rule_process_key(
	const struct rule_context *context, const struct rule_call *call, uint32_t name)
{
	return (uint64_t)rule_call_process(context, call) << 32 | name;
}

static uint32_t first_from(
	const struct rule_context *context, const uint32_t *nodes, uint32_t count, int64_t from_ns)
{
	uint32_t low = 0, high = count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (rule_node(context, nodes[middle])->start_ns < from_ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint32_t rule_first_call(
	const struct rule_context *context, const struct scope *scope, int64_t from_ns)
{
	return first_from(context, scope->calls, scope->call_count, from_ns);
}

uint32_t rule_first_request(
	const struct rule_context *context, const struct scope *scope, int64_t from_ns)
{
	return first_from(context, scope->requests, scope->request_count, from_ns);
}

uint64_t *rule_place(struct rule_context *context, struct map *map, uint64_t key)
{
	static uint64_t nowhere;
	uint64_t *place = map_at(map, key);

	if (!place)
		context->error = -ENOMEM;
	return place ? place : &nowhere;
}

int64_t rule_sum(const struct rule_context *context, const struct scope *scope, uint32_t first,
	uint32_t count)
{
	int64_t sum_ns = 0;

	for (uint32_t i = first; i < first + count; i++)
		sum_ns += node_duration(rule_node(context, scope->requests[i]));
	return sum_ns;
}

int64_t rule_longest(const struct rule_context *context, const struct scope *scope, uint32_t first,
	uint32_t count)
{
	int64_t longest_ns = 0;

	for (uint32_t i = first; i < first + count; i++) {
		int64_t ns = node_duration(rule_node(context, scope->requests[i]));

		if (ns > longest_ns)
			longest_ns = ns;
	}
	return longest_ns;
}

/* Between them, where so little that it goes with them. */
static int64_t gaps(const struct rule_context *context, const struct scope *scope, uint32_t first,
	uint32_t count)
{
	int64_t sum_ns = 0;

	for (uint32_t i = first + 1; i < first + count; i++) {
		const struct node *before = rule_node(context, scope->requests[i - 1]);
		int64_t gap_ns = rule_node(context, scope->requests[i])->start_ns - before->end_ns;

		if (gap_ns > 0 && (gap_ns <= CLIENT_NS || gap_ns <= node_duration(before)))
			sum_ns += gap_ns;
	}
	return sum_ns;
}

/* What a thread has on a unit's path between two moments. The sections stand last moments first. */
static int64_t on_path(const struct rule_context *context, uint32_t number, uint32_t thread,
	int64_t start_ns, int64_t end_ns)
{
	const struct unit *unit = &context->units->list[number];
	const struct section_of_path *sections = &context->units->path.sections[unit->first];
	uint32_t low = 0, high = unit->section_count;
	int64_t sum_ns = 0;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (sections[middle].start_ns >= end_ns)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < unit->section_count && sections[low].end_ns > start_ns; low++) {
		int64_t from = sections[low].start_ns, to = sections[low].end_ns;

		if (rule_node(context, sections[low].node)->thread == thread)
			sum_ns += (to < end_ns ? to : end_ns) - (from > start_ns ? from : start_ns);
	}
	return sum_ns;
}

int64_t rule_run_cost(const struct rule_context *context, const struct scope *scope, uint32_t first,
	uint32_t count)
{
	const struct node *node = rule_node(context, scope->requests[first]);
	int64_t cost_ns =
		rule_sum(context, scope, first, count) + gaps(context, scope, first, count);
	int64_t path_ns;

	if (scope->unit == NODE_NONE)
		return 0;
	path_ns = on_path(context, scope->unit, node->thread, node->start_ns,
		rule_node(context, scope->requests[first + count - 1])->end_ns);
	cost_ns = (cost_ns < path_ns ? cost_ns : path_ns) -
		rule_longest(context, scope, first, count);
	return cost_ns > 0 ? cost_ns : 0;
}

int64_t rule_work_ns(const struct rule_context *context)
{
	const struct units *units = context->units;

	return units->total_ns - units->operations[context->graph->operation_count - 1].path_ns;
}

/* On the paths without imports. */
static int64_t waited_ns(const struct rule_context *context, unsigned wait)
{
	const struct units *units = context->units;

	return units->leaves[wait] -
		units->operations[context->graph->operation_count - 1].leaves[wait];
}

double rule_share(const struct rule_context *context, unsigned wait)
{
	int64_t work_ns = rule_work_ns(context);

	return work_ns > 0 ? (double)waited_ns(context, wait) * 100 / (double)work_ns : 0;
}

void finding_add_run(struct rule_context *context, struct finding *finding,
	const struct scope *scope, uint32_t first, uint32_t count)
{
	uint32_t longest = first;

	for (uint32_t i = first; i < first + count; i++) {
		if (node_duration(rule_node(context, scope->requests[i])) >
			node_duration(rule_node(context, scope->requests[longest])))
			longest = i;
	}
	for (uint32_t i = first; i < first + count; i++)
		finding_add(context, finding, scope->requests[i], i == longest ? 0 : REPLAY_WHOLE);
	finding_occurred(finding, scope->unit);
}

struct finding *rule_on_wait(struct rule_context *context, unsigned wait, const char *what)
{
	const struct units *units = context->units;
	struct finding *finding;

	if (rule_share(context, wait) < limit(context, "share_percent") ||
		waited_ns(context, wait) < limit_ns(context, "total_ms") ||
		waited_ns(context, wait) <= 0)
		return NULL;
	finding = finding_on(context, what);
	for (uint32_t i = 0; i < units->count; i++) {
		const struct unit *unit = &units->list[i];
		uint32_t before = NODE_NONE;

		if (unit->leaves[wait])
			finding_occurred(finding, i);
		for (uint32_t j = unit->first; j < unit->first + unit->section_count; j++) {
			uint32_t node = units->path.sections[j].node;

			if (rule_node(context, node)->wait == wait && node != before)
				finding_add(context, finding, node, 0);
			before = node;
		}
	}
	finding_add_time(finding, waited_ns(context, wait), wait);
	return finding;
}
