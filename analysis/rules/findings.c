/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the detectors, then works out for all findings alike what they save and how bad they are. */
#include "analysis/rules/findings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/rules/scopes.h"
#include "lib/buf.h"
#include "lib/checksum.h"
#include "lib/units.h"

static const struct rule {
	const char *name;
	enum severity severity;
	int confidence;
	const char *title;
	rule_fn *run;
} rules[] = {
#define low SEVERITY_LOW
#define medium SEVERITY_MEDIUM
#define high SEVERITY_HIGH
#define RULE(name, severity, confidence, title) {#name, severity, confidence, title, rule_##name},
#include "analysis/rules/rules.def"
#undef RULE
#undef low
#undef medium
#undef high
};

#define RULES (sizeof(rules) / sizeof(*rules))

static const char *const severities[] = {"low", "medium", "high", "critical"};

const char *severity_name(enum severity severity)
{
	return severities[severity];
}

int severity_of(const char *name)
{
	for (int i = 0; i < 4; i++) {
		if (!strcmp(severities[i], name))
			return i;
	}
	return -1;
}

static const struct rule *find_rule(const char *name)
{
	for (size_t i = 0; i < RULES; i++) {
		if (!strcmp(rules[i].name, name))
			return &rules[i];
	}
	return NULL;
}

bool rule_known(const char *name)
{
	return find_rule(name) != NULL;
}

const char *rule_title(const char *name)
{
	const struct rule *rule = find_rule(name);

	return rule ? rule->title : name;
}

const char *rule_name_at(unsigned index)
{
	return index < RULES ? rules[index].name : NULL;
}

/* ---- what rules say ---- */

static struct finding *add(struct rule_context *context, const char *what)
{
	struct findings *findings = context->findings;
	struct finding *finding = calloc(1, sizeof(*finding));

	if (!finding)
		return NULL;
	if (findings->count == findings->capacity) {
		uint32_t capacity = findings->capacity ? findings->capacity * 2 : 32;
		struct finding **list = realloc(findings->list, capacity * sizeof(*list));

		if (!list) {
			free(finding);
			return NULL;
		}
		findings->list = list;
		findings->capacity = capacity;
	}
	finding->rule = context->rule;
	finding->last_unit = NODE_NONE;
	finding->what = strdup(what);
	if (!finding->what) {
		free(finding);
		return NULL;
	}
	return findings->list[findings->count++] = finding;
}

struct finding *finding_on(struct rule_context *context, const char *what)
{
	struct findings *findings = context->findings;
	struct finding *finding;

	for (uint32_t i = findings->count; i--;) {
		if (findings->list[i]->rule != context->rule)
			break;
		if (!strcmp(findings->list[i]->what, what))
			return findings->list[i];
	}
	finding = add(context, what);
	if (!finding)
		context->error = -ENOMEM;
	return finding;
}

struct finding *finding_on_request(
	struct rule_context *context, const struct scope *scope, uint32_t i)
{
	return finding_on(context, rule_text(context, rule_template(context, scope, i)));
}

void finding_add(
	struct rule_context *context, struct finding *finding, uint32_t node, unsigned per_mille)
{
	if (!finding)
		return;
	if (finding->count == finding->capacity) {
		uint32_t capacity = finding->capacity ? finding->capacity * 2 : 32;
		uint32_t *nodes = realloc(finding->nodes, capacity * sizeof(*nodes));
		uint16_t *cuts = nodes ? realloc(finding->cuts, capacity * sizeof(*cuts)) : NULL;

		finding->nodes = nodes ? nodes : finding->nodes;
		finding->cuts = cuts ? cuts : finding->cuts;
		if (!nodes || !cuts) {
			context->error = -ENOMEM;
			return;
		}
		finding->capacity = capacity;
	}
	finding->nodes[finding->count] = node;
	finding->cuts[finding->count++] = (uint16_t)per_mille;
}

void finding_occurred(struct finding *finding, uint32_t unit)
{
	if (!finding)
		return;
	finding->occurrences++;
	if (!finding->units || finding->last_unit != unit)
		finding->units++;
	finding->last_unit = unit;
}

uint32_t finding_occurrences(const struct finding *finding)
{
	return finding ? finding->occurrences : 0;
}

void finding_escalate(struct finding *finding)
{
	if (finding)
		finding->escalated = true;
}

void finding_doubt(struct finding *finding, int confidence)
{
	if (!finding)
		return;
	finding->confidence = confidence;
	finding->doubted = true;
}

void finding_advise(struct finding *finding, const char *name)
{
	if (finding)
		finding->advice_name = name;
}

void finding_add_time(struct finding *finding, int64_t ns, unsigned wait)
{
	if (finding)
		finding->extra_ns[wait % WAIT_CLASSES] += ns;
}

void finding_charge(struct finding *finding, int64_t ns)
{
	if (finding)
		finding->charged_ns += ns;
}

void finding_floor(struct finding *finding, int64_t ns)
{
	if (finding)
		finding->floor_ns += ns;
}

void finding_note(struct finding *finding, const char *format, ...)
{
	va_list arguments;
	char text[256];

	if (!finding)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	free(finding->note);
	finding->note = strdup(text);
}

/* ---- what they come to ---- */

static int work_out_saving(
	const struct units *units, struct replay *replay, struct finding *finding)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < finding->count; i++) {
		if (finding->cuts[i])
			err = replay_shorten(replay, finding->nodes[i], finding->cuts[i]);
	}
	replay_run(replay);
	finding->saving_ns = replay_saving(replay);
	replay_clear(replay);
	for (unsigned i = 0; i < WAIT_CLASSES; i++)
		finding->saving_ns += finding->extra_ns[i] < units->leaves[i] ? finding->extra_ns[i]
									      : units->leaves[i];
	finding->saving_ns += finding->charged_ns;
	if (finding->saving_ns < finding->floor_ns)
		finding->saving_ns = finding->floor_ns;
	if (finding->saving_ns > units->total_ns)
		finding->saving_ns = units->total_ns;
	return err;
}

/* The rule's own, raised by the share that it would save, and lowered where that is next to none.
 */
static enum severity judge(const struct rule *rule, const struct finding *finding)
{
	enum severity severity = rule->severity;

	if (finding->doubted)
		return SEVERITY_LOW;
	if (finding->escalated && severity < SEVERITY_CRITICAL)
		severity++;
	if (finding->share >= 0.3 && severity < SEVERITY_HIGH)
		severity = SEVERITY_HIGH;
	else if (finding->share >= 0.1 && severity < SEVERITY_MEDIUM)
		severity = SEVERITY_MEDIUM;
	else if (finding->saving_ns > 0 && finding->share < 0.01 && severity > SEVERITY_LOW)
		severity--;
	return severity;
}

static void put_title(const struct rule *rule, struct finding *finding)
{
	struct buf title = {0};
	char count[UNITS_SIZE];

	buf_printf(&title, "%s: %s", rule->title, finding->what);
	if (finding->count > 1)
		buf_printf(&title, " (%s spans%s", units_count(count, finding->count),
			finding->units > 1 ? "" : ")");
	if (finding->count > 1 && finding->units > 1)
		buf_printf(&title, " in %u requests)", finding->units);
	finding->title = strdup(buf_string(&title));
	buf_free(&title);
}

static int work_out(const struct units *units, struct replay *replay, const struct advices *advices,
	struct finding *finding)
{
	const struct rule *rule = find_rule(finding->rule);
	double rate = units->count ? (double)finding->count / units->count : 0;
	int err = work_out_saving(units, replay, finding);

	if (!finding->confidence)
		finding->confidence = rule->confidence;
	finding->share =
		units->total_ns > 0 ? (double)finding->saving_ns / (double)units->total_ns : 0;
	finding->impact = impact_score(finding->share, rate, 0);
	finding->severity = judge(rule, finding);
	finding->advice =
		advice_for(advices, finding->advice_name ? finding->advice_name : finding->rule);
	snprintf(finding->fingerprint, sizeof(finding->fingerprint), "%016" PRIx64,
		checksum_of(finding->rule, strlen(finding->rule) + 1, finding->what,
			strlen(finding->what)));
	put_title(rule, finding);
	return !err && finding->title ? 0 : -ENOMEM;
}

static bool contains(const struct finding *finding, uint32_t node)
{
	for (uint32_t i = 0; i < finding->count; i++) {
		if (finding->nodes[i] == node)
			return true;
	}
	return false;
}

/* So many spans of a finding are compared. */
#define ENOUGH 256

/* What such a finding comes from has been told where all its spans are another's evidence. */
static bool is_symptom(const struct finding *finding)
{
	static const char *const names[] = {"slow_stage", "tls_each_call", "dns_each_call",
		"rate_limited", "loop_blocked", "sleep_on_path", "fan_out"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!strcmp(finding->rule, names[i]))
			return true;
	}
	return false;
}

static bool is_told(struct finding *const *others, uint32_t count, const struct finding *symptom)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct finding *other = others[i];
		uint32_t common = 0;

		while (common < symptom->count && common < ENOUGH &&
			contains(other, symptom->nodes[common]))
			common++;
		if (common == symptom->count || common == ENOUGH)
			return true;
	}
	return false;
}

static void finding_free(struct finding *finding)
{
	free(finding->what);
	free(finding->title);
	free(finding->note);
	free(finding->nodes);
	free(finding->cuts);
	free(finding);
}

/* Only what stands before it, in the order of rules.def, tells a symptom. */
static void drop_told(struct findings *findings)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < findings->count; i++) {
		struct finding *finding = findings->list[i];

		if (is_symptom(finding) && is_told(findings->list, kept, finding))
			finding_free(finding);
		else
			findings->list[kept++] = finding;
	}
	findings->count = kept;
}

/* By the share that they are sure to save; where none is known, severity stands in for it. */
static double weight(const struct finding *finding)
{
	static const double stand_in[] = {0.005, 0.03, 0.1, 0.3};

	return finding->confidence *
		(finding->saving_ns > 0 ? finding->share : stand_in[finding->severity]);
}

static int compare(const void *left, const void *right)
{
	const struct finding *a = *(struct finding *const *)left;
	const struct finding *b = *(struct finding *const *)right;
	double x = weight(a), y = weight(b);

	if (a->doubted != b->doubted)
		return a->doubted ? 1 : -1;

	if (x < y || x > y)
		return x > y ? -1 : 1;
	if (a->severity != b->severity)
		return a->severity > b->severity ? -1 : 1;
	return strcmp(a->fingerprint, b->fingerprint);
}

int findings_find(const struct units *units, struct replay *replay,
	const struct thresholds *thresholds, const struct advices *advices,
	struct findings *findings)
{
	struct scopes scopes = {0};
	struct rule_context context = {.graph = units->graph,
		.units = units,
		.thresholds = thresholds,
		.findings = findings};

	context.error = scopes_make(units, &scopes);
	context.scopes = scopes.list;
	context.scope_count = scopes.count;
	context.calls = scopes.calls;
	context.call_count = scopes.call_count;
	context.templates = scopes.templates;
	context.objects = scopes.objects;
	context.object_count = scopes.object_count;
	for (size_t i = 0; !context.error && i < RULES; i++) {
		context.rule = rules[i].name;
		if (thresholds_enabled(thresholds, rules[i].name))
			rules[i].run(&context);
	}
	scopes_free(&scopes);
	drop_told(findings);
	for (uint32_t i = 0; !context.error && i < findings->count; i++)
		context.error = work_out(units, replay, advices, findings->list[i]);
	if (!context.error && findings->count)
		qsort(findings->list, findings->count, sizeof(*findings->list), compare);
	return context.error;
}

void findings_free(struct findings *findings)
{
	for (uint32_t i = 0; i < findings->count; i++)
		finding_free(findings->list[i]);
	free(findings->list);
	memset(findings, 0, sizeof(*findings));
}
