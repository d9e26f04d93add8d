/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A detector looks at the requests and calls of each scope and says which of them follow a pattern
 * that costs time, and how much of each would go. What that saves, how severe it is and how it is
 * told is worked out for all alike (findings.c).
 *
 * To add one: rule_X.c with `int rule_X(struct rule_context *)`, its line in rules.def, its numbers
 * in data/thresholds.yaml, its advice in data/suggestions.yaml, and two traces in tests/rules:
 * X.fires and X.quiet.
 */
#ifndef ANALYSIS_RULES_RULE_H
#define ANALYSIS_RULES_RULE_H

#include "analysis/path/replay.h"
#include "analysis/path/requests.h"
#include "lib/map.h"

/* Requests and calls that belong together: a unit's, or those of a thread that is in none. */
struct scope {
	uint32_t unit;		  /* NODE_NONE: in none, so that nobody is known to wait for it */
	const uint32_t *requests; /* nodes of requests that it sent, in the order of starts */
	uint32_t request_count;
	const uint32_t *calls; /* nodes of lookups, connects, handshakes and sleeps, likewise */
	uint32_t call_count;
};

struct rule_object {
	int64_t id, opened_ns, closed_ns; /* 0: unknown */
	uint32_t name;			  /* in graph.texts */
	uint8_t kind;
};

/* A lookup, connect or handshake of any scope. */
struct rule_call {
	uint32_t scope, index; /* of rule_context.scopes, of its calls */
};

struct thresholds;
struct findings;

struct rule_context {
	const struct graph *graph;
	const struct units *units;
	const struct thresholds *thresholds;
	struct findings *findings;
	const struct scope *scopes;
	uint32_t scope_count;
	/* all of them, those of one process together, in the order of starts: what one request
	 * opens another could have used */
	const struct rule_call *calls;
	uint32_t call_count;
	const uint32_t *templates; /* of each request, in graph.texts */
	const struct rule_object *objects;
	uint32_t object_count;
	const char *rule; /* at work */
	int error;
};

/* A request is tried again within so many requests, or it is another one. */
#define RULE_NEAR 256

/* Failures are kept in context->error. */
typedef void rule_fn(struct rule_context *context);

#define RULE(name, severity, confidence, title) rule_fn rule_##name;
#include "analysis/rules/rules.def"
#undef RULE

/* Of data/thresholds.yaml: the number `key` of the rule at work; times are in ns. */
double limit(const struct rule_context *context, const char *key);
int64_t limit_ns(const struct rule_context *context, const char *key);

/* ---- what rules ask ---- */

static inline const struct node *rule_node(const struct rule_context *context, uint32_t index)
{
	return &context->graph->nodes[index];
}

/* The i-th request of a scope. */
static inline const struct request *rule_request(
	const struct rule_context *context, const struct scope *scope, uint32_t i)
{
	return node_request(context->graph, rule_node(context, scope->requests[i]));
}

static inline uint32_t rule_template(
	const struct rule_context *context, const struct scope *scope, uint32_t i)
{
	return context->templates[rule_node(context, scope->requests[i])->request];
}

static inline const char *rule_text(const struct rule_context *context, uint32_t text)
{
	return strtab_get(context->graph->texts, text);
}

unsigned rule_class(const struct rule_context *context, const struct node *node);
bool rule_is_database(const struct rule_context *context, const struct request *request);
bool rule_is_http(const struct rule_context *context, const struct request *request);
/* BEGIN, COMMIT and their like: around what a program does, not what it does. */
bool rule_is_control(const struct rule_context *context, const struct request *request);
/* Language models, not embeddings. */
bool rule_is_chat(const struct rule_context *context, const struct request *request);
bool rule_failed(const struct rule_context *context, const struct request *request);

/* Two templates are the same but for digits. */
bool rule_alike(const char *a, const char *b);

/* `second` begins when `first` is over, and no more than `gap_ns` later. */
bool rule_follows(const struct node *first, const struct node *second, int64_t gap_ns);

/* The i-th request asked a model for JSON, what came was none, and the model was asked again. */
bool rule_is_malformed(const struct rule_context *context, const struct scope *scope, uint32_t i);

/* The first of a scope's calls that begins at a moment or later; call_count: none. */
uint32_t rule_first_call(
	const struct rule_context *context, const struct scope *scope, int64_t from_ns);
/* The same of its requests. */
uint32_t rule_first_request(
	const struct rule_context *context, const struct scope *scope, int64_t from_ns);

static inline const struct node *rule_call_node(
	const struct rule_context *context, const struct rule_call *call)
{
	return rule_node(context, context->scopes[call->scope].calls[call->index]);
}

/* The process of a call; and a key for what it has with a name in graph.texts. */
int64_t rule_call_process(const struct rule_context *context, const struct rule_call *call);
uint64_t rule_process_key(
	const struct rule_context *context, const struct rule_call *call, uint32_t name);

/* Name of the object that a node works on, in graph.texts; 0 where it has none. */
uint32_t rule_object_text(const struct rule_context *context, const struct node *node);
/* The same as text, "" where it has none. */
const char *rule_object_name(const struct rule_context *context, const struct node *node);
const struct rule_object *rule_object(const struct rule_context *context, uint32_t id);

/* Time of the requests first .. first + count - 1 of a scope. */
int64_t rule_sum(const struct rule_context *context, const struct scope *scope, uint32_t first,
	uint32_t count);
/* Of the longest of them. */
int64_t rule_longest(const struct rule_context *context, const struct scope *scope, uint32_t first,
	uint32_t count);
/* What such requests, one after the other in one thread, take of their unit's path without the
 * longest of them; what a client does for each of them goes with it. */
int64_t rule_run_cost(const struct rule_context *context, const struct scope *scope, uint32_t first,
	uint32_t count);
/* What all units took without imports, which happen once: what shares are of. */
int64_t rule_work_ns(const struct rule_context *context);
/* What part of that a class of wait has on the paths, in percent. */
double rule_share(const struct rule_context *context, unsigned wait);

/* map_at for rules: a place for a number of theirs, which 0 begins. */
uint64_t *rule_place(struct rule_context *context, struct map *map, uint64_t key);

/* ---- what rules say ---- */

struct finding;

/*
 * A finding on a class of wait that has more than its share of the paths: limits "share_percent"
 * and "total_ms" of the rule at work. Its evidence are the waits on the paths. NULL: there is
 * none.
 */
struct finding *rule_on_wait(struct rule_context *context, unsigned wait, const char *what);

/* That of the rule at work on `what`, which names no user data: a template. NULL: out of memory. */
struct finding *finding_on(struct rule_context *context, const char *what);

/* On what the i-th request of a scope asks for. */
struct finding *finding_on_request(
	struct rule_context *context, const struct scope *scope, uint32_t i);

/* A span of it, of which so many thousandths would go; 0: evidence only. NULL is allowed. */
void finding_add(
	struct rule_context *context, struct finding *finding, uint32_t node, unsigned per_mille);

/* Such requests of a scope: all but the longest would go. */
void finding_add_run(struct rule_context *context, struct finding *finding,
	const struct scope *scope, uint32_t first, uint32_t count);

/* One occurrence more: a run of spans that the rule saw as one. */
void finding_occurred(struct finding *finding, uint32_t unit);

/* How often it did so far; NULL is allowed. */
uint32_t finding_occurrences(const struct finding *finding);

/* It is worse than usual. */
void finding_escalate(struct finding *finding);

/* It is less sure than the rule's are (in percent), and so of low severity. */
void finding_doubt(struct finding *finding, int confidence);

/* Its advice stands under this name (a literal), where that is not the rule's. */
void finding_advise(struct finding *finding, const char *name);

/* Time that would go and has no spans; no more counts than the path has in this class of wait. */
void finding_add_time(struct finding *finding, int64_t ns, unsigned wait);

/* Time that the rule itself has found on the path, or to hold up others, and that would go. */
void finding_charge(struct finding *finding, int64_t ns);

/* It saves no less than that: waits that hide it from the replay are on the path in its stead. */
void finding_floor(struct finding *finding, int64_t ns);

/* A sentence of its own after the title: literals and figures only. */
void finding_note(struct finding *finding, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
