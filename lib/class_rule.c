/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/class_rule.h"

#include <stdlib.h>
#include <string.h>

#include "lib/words.h"

static const char *const field_names[CLASS_FIELDS] = {
	[CLASS_FIELD_name] = "name",
	[CLASS_FIELD_function] = "function",
	[CLASS_FIELD_module] = "module",
	[CLASS_FIELD_host] = "host",
	[CLASS_FIELD_path] = "path",
	[CLASS_FIELD_model] = "model",
	[CLASS_FIELD_statement] = "statement",
	[CLASS_FIELD_system] = "system",
	[CLASS_FIELD_protocol] = "protocol",
	[CLASS_FIELD_file] = "file",
};

const char *class_field_name(enum class_field field)
{
	return field_names[field];
}

enum class_field class_field_of(const char *name)
{
	unsigned field = 0;

	while (field < CLASS_FIELDS && strcmp(field_names[field], name) != 0)
		field++;
	return field;
}

bool class_number_of(const char *name, uint32_t *class)
{
	for (const struct word *word = words; word->list; word++) {
		if (strcmp(word->list, "class") != 0 || strcmp(word->name, name) != 0)
			continue;
		*class = word->number;
		return true;
	}
	return false;
}

void class_facts_take(struct class_facts *facts, const char *key, const char *value)
{
	static const struct {
		const char *key;
		enum class_field field;
	} fields[] = {
		{"server.address", CLASS_FIELD_host},
		{"url.template", CLASS_FIELD_path},
		{"gen_ai.request.model", CLASS_FIELD_model},
		{"db.query.text", CLASS_FIELD_statement},
		{"db.system.name", CLASS_FIELD_system},
		{"network.protocol.name", CLASS_FIELD_protocol},
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		if (!strcmp(key, fields[i].key))
			facts->text[fields[i].field] = value;
	}
	/* the model that was asked for says more, whichever comes first */
	if (!facts->text[CLASS_FIELD_model] && !strcmp(key, "gen_ai.response.model"))
		facts->text[CLASS_FIELD_model] = value;
}

/* ---- making ---- */

void class_rules_free(struct class_rules *rules)
{
	for (size_t i = 0; i < rules->count; i++) {
		struct class_rule *rule = &rules->rules[i];

		for (size_t j = 0; j < rule->pattern_count; j++)
			free(rule->patterns[j].glob);
		free(rule->patterns);
		free(rule->id);
	}
	for (size_t i = 0; i < rules->file_count; i++)
		free(rules->files[i].path);
	free(rules->rules);
	free(rules->files);
	*rules = (struct class_rules){0};
}

struct class_file *class_rules_add_file(
	struct class_rules *rules, const char *path, uint64_t hash, bool shipped)
{
	struct class_file *files = realloc(rules->files, (rules->file_count + 1) * sizeof(*files));
	char *copy = strdup(path);

	if (files)
		rules->files = files;
	if (!files || !copy) {
		free(copy);
		return NULL;
	}
	files[rules->file_count] =
		(struct class_file){.path = copy, .hash = hash, .shipped = shipped};
	return &files[rules->file_count++];
}

struct class_rule *class_rules_add(
	struct class_rules *rules, const char *id, uint32_t class, uint32_t line)
{
	struct class_rule *all = realloc(rules->rules, (rules->count + 1) * sizeof(*all));
	char *copy = strdup(id);

	if (all)
		rules->rules = all;
	if (!all || !copy || !rules->file_count) {
		free(copy);
		return NULL;
	}
	all[rules->count] = (struct class_rule){
		.id = copy,
		.class = class,
		.file = (uint32_t)rules->file_count - 1,
		.line = line,
	};
	return &all[rules->count++];
}

bool class_rule_add_pattern(struct class_rule *rule, enum class_field field, const char *glob)
{
	struct class_pattern *patterns =
		realloc(rule->patterns, (rule->pattern_count + 1) * sizeof(*patterns));
	char *copy = strdup(glob);

	if (patterns)
		rule->patterns = patterns;
	if (!patterns || !copy) {
		free(copy);
		return false;
	}
	patterns[rule->pattern_count++] = (struct class_pattern){.field = field, .glob = copy};
	return true;
}

/* ---- trying ---- */

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

/* Only the newest '*' is ever tried again, so the time is bounded by the product of the sizes. */
bool class_glob(const char *glob, const char *text)
{
	const char *star = NULL, *retry = NULL;

	while (*text) {
		if (*glob == '*') {
			star = ++glob;
			retry = text;
		} else if (*glob && (*glob == '?' || lower(*glob) == lower(*text))) {
			glob++;
			text++;
		} else if (star) {
			glob = star;
			text = ++retry;
		} else {
			return false;
		}
	}
	while (*glob == '*')
		glob++;
	return !*glob;
}

static bool is_like(const struct class_pattern *pattern, const char *text)
{
	bool is_path = pattern->field == CLASS_FIELD_module || pattern->field == CLASS_FIELD_file;
	const char *slash = is_path && !strchr(pattern->glob, '/') ? strrchr(text, '/') : NULL;

	return class_glob(pattern->glob, slash ? slash + 1 : text);
}

/* Patterns of one field stand for one another, whatever stands between them. */
static enum class_verdict try_field(
	const struct class_rule *rule, enum class_field field, const struct class_facts *facts)
{
	const char *text = facts->text[field];

	if (!text || !*text)
		return CLASS_NO_FACT;
	for (size_t i = 0; i < rule->pattern_count; i++) {
		if (rule->patterns[i].field == field && is_like(&rule->patterns[i], text))
			return CLASS_FITS;
	}
	return CLASS_UNLIKE;
}

enum class_verdict class_rule_try(const struct class_rules *rules, const struct class_rule *rule,
	const struct class_facts *facts, uint32_t given, enum class_field *field)
{
	*field = CLASS_FIELDS;
	for (size_t i = 0; i < rule->pattern_count; i++) {
		enum class_verdict verdict;

		if (i && rule->patterns[i].field == rule->patterns[i - 1].field)
			continue;
		verdict = try_field(rule, rule->patterns[i].field, facts);
		if (verdict != CLASS_FITS) {
			*field = rule->patterns[i].field;
			return verdict;
		}
	}
	if (rules->files[rule->file].shipped && given != RT_CLASS_none &&
		given != RT_CLASS_api_call)
		return CLASS_GIVEN;
	return CLASS_FITS;
}

const struct class_rule *class_rules_pick(
	const struct class_rules *rules, const struct class_facts *facts, uint32_t given)
{
	enum class_field field;

	for (size_t i = 0; i < rules->count; i++) {
		if (class_rule_try(rules, &rules->rules[i], facts, given, &field) == CLASS_FITS)
			return &rules->rules[i];
	}
	return NULL;
}
