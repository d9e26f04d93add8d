/* SPDX-License-Identifier: Apache-2.0 */
/* SARIF 2.1.0: one run of the tool for each run of the program, all rules declared. */
#include <string.h>

#include "analysis/checks/check.h"
#include "lib/version.h"

#define SCHEMA "https://json.schemastore.org/sarif-2.1.0.json"

/* What a viewer takes; the worst stand first. */
#define MOST 5000

static void sarif_begin(struct check *check)
{
	check->json = (struct json){.out = &check->out.bytes, .pretty = true};
	json_open(&check->json, '{');
	json_member_string(&check->json, "$schema", SCHEMA);
	json_member_string(&check->json, "version", "2.1.0");
	json_key(&check->json, "runs");
	json_open(&check->json, '[');
}

static void put_text(struct json *json, const char *key, const char *text)
{
	json_key(json, key);
	json_open(json, '{');
	json_member_string(json, "text", text);
	json_close(json, '}');
}

static const char *level_of(enum severity severity)
{
	return severity >= SEVERITY_HIGH      ? "error"
		: severity == SEVERITY_MEDIUM ? "warning"
					      : "note";
}

static void put_tool(struct json *json, const struct checked *checked)
{
	json_key(json, "tool");
	json_open(json, '{');
	json_key(json, "driver");
	json_open(json, '{');
	json_member_string(json, "name", "ragtime");
	json_member_string(json, "semanticVersion", RAGTIME_VERSION);
	json_key(json, "rules");
	json_open(json, '[');
	for (unsigned i = 0; rule_name_at(i); i++) {
		const struct advice *advice =
			advice_for(checked->analysis->settings->advices, rule_name_at(i));

		json_open(json, '{');
		json_member_string(json, "id", rule_name_at(i));
		put_text(json, "shortDescription", rule_title(rule_name_at(i)));
		if (advice && advice->count)
			put_text(json, "help", advice->fixes[0]);
		json_close(json, '}');
	}
	json_close(json, ']');
	json_close(json, '}');
	json_close(json, '}');
}

static unsigned rule_index(const char *name)
{
	unsigned i = 0;

	while (rule_name_at(i) && strcmp(rule_name_at(i), name) != 0)
		i++;
	return i;
}

/* The program has no lines here: it is named as a logical location. */
static void put_location(
	struct json *json, const struct checked *checked, const struct finding *finding)
{
	json_key(json, "locations");
	json_open(json, '[');
	json_open(json, '{');
	json_key(json, "logicalLocations");
	json_open(json, '[');
	json_open(json, '{');
	json_member_string(json, "name", finding->what);
	json_member_string(json, "fullyQualifiedName",
		checked->run->script ? checked->run->script : checked->run->command);
	json_close(json, '}');
	json_close(json, ']');
	json_close(json, '}');
	json_close(json, ']');
}

static void put_result(
	struct json *json, const struct checked *checked, const struct finding *finding)
{
	json_open(json, '{');
	json_member_string(json, "ruleId", finding->rule);
	json_member_int(json, "ruleIndex", rule_index(finding->rule));
	json_member_string(json, "level", level_of(finding->severity));
	put_text(json, "message", finding->title);
	put_location(json, checked, finding);
	json_key(json, "partialFingerprints");
	json_open(json, '{');
	json_member_string(json, "ragtime/v1", finding->fingerprint);
	json_close(json, '}');
	json_key(json, "properties");
	json_open(json, '{');
	json_member_string(json, "severity", severity_name(finding->severity));
	json_member_int(json, "saving_ns", finding->saving_ns);
	json_member_int(json, "confidence_percent", finding->confidence);
	json_member_string(json, "fix", check_fix(finding));
	json_close(json, '}');
	json_close(json, '}');
}

static void sarif_run(struct check *check, const struct checked *checked)
{
	struct json *json = &check->json;

	json_open(json, '{');
	put_tool(json, checked);
	json_key(json, "results");
	json_open(json, '[');
	for (uint32_t i = 0; i < checked->count && i < MOST; i++)
		put_result(json, checked, checked->findings[i]);
	json_close(json, ']');
	json_close(json, '}');
	output_flush(&check->out);
}

static void sarif_end(struct check *check)
{
	json_close(&check->json, ']');
	json_close(&check->json, '}');
	buf_puts(&check->out.bytes, "\n");
}

const struct check_form check_sarif = {
	.name = "sarif", .begin = sarif_begin, .run = sarif_run, .end = sarif_end};
