/* SPDX-License-Identifier: Apache-2.0 */
/* An array of findings. */
#include "analysis/checks/check.h"
#include "lib/words.h"

static void json_begin(struct check *check)
{
	check->json = (struct json){.out = &check->out.bytes, .pretty = true};
	json_open(&check->json, '[');
}

static void put_evidence(
	struct json *json, const struct graph *graph, const struct finding *finding)
{
	json_key(json, "evidence");
	json_open(json, '[');
	for (uint32_t i = 0; i < finding->count && i < FINDING_EVIDENCE; i++)
		json_int(json, graph->nodes[finding->nodes[i]].id);
	json_close(json, ']');
	json_member_int(json, "evidence_count", finding->count);
}

static void put_finding(
	struct json *json, const struct checked *checked, const struct finding *finding)
{
	char effort[2] = {finding->advice ? finding->advice->effort : 'M', 0};

	json_open(json, '{');
	json_member_string(json, "rule", finding->rule);
	json_member_string(json, "severity", severity_name(finding->severity));
	json_member_string(json, "title", finding->title);
	json_member_string(json, "what", finding->what);
	json_member_string(json, "note", finding->note);
	json_member_double(json, "impact", (double)(int64_t)(finding->impact * 10 + 0.5) / 10);
	if (finding->saving_ns > 0)
		json_member_int(json, "saving_ns", finding->saving_ns);
	else
		json_member_null(json, "saving_ns");
	json_member_double(json, "confidence", finding->confidence / 100.0);
	put_evidence(json, checked->analysis->graph, finding);
	json_member_int(json, "occurrences", finding->occurrences);
	json_member_string(json, "fix", check_fix(finding));
	json_member_string(json, "effort", effort);
	json_member_string(json, "timeline", priority_timeline((enum priority)finding->severity));
	json_member_string(json, "fingerprint", finding->fingerprint);
	json_member_string(json, "run", checked->run->uuid);
	json_close(json, '}');
}

static void json_run(struct check *check, const struct checked *checked)
{
	for (uint32_t i = 0; i < checked->count; i++)
		put_finding(&check->json, checked, checked->findings[i]);
	output_flush(&check->out);
}

static void json_end(struct check *check)
{
	json_close(&check->json, ']');
	buf_puts(&check->out.bytes, "\n");
}

const struct check_form check_json = {
	.name = "json", .begin = json_begin, .run = json_run, .end = json_end};
