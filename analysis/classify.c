/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/classify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/words.h"

/* ---- rules ---- */

static int add_files(struct query *query, const struct run *run, struct class_rules *rules)
{
	query_bind(query, 1, run->id);
	while (query_next(query)) {
		const char *hash = query_text(query, 1);

		if (!class_rules_add_file(rules, query_text(query, 0),
			    hash ? strtoull(hash, NULL, 16) : 0, query_int(query, 2)))
			return -ENOMEM;
	}
	return 0;
}

static int add_rules(struct query *query, const struct run *run, struct class_rules *rules)
{
	struct class_rule *rule = NULL;
	int64_t place = 0;

	query_bind(query, 1, run->id);
	while (query_next(query)) {
		const char *id = query_text(query, 3), *field = query_text(query, 5);
		const char *pattern = query_text(query, 6);
		int64_t file = query_int(query, 1);

		/* a database is what somebody sends */
		if (!id || !field || !pattern || class_field_of(field) == CLASS_FIELDS ||
			file < 0 || (size_t)file >= rules->file_count)
			continue;
		if (!rule || query_int(query, 0) != place) {
			rule = class_rules_add(rules, id, (uint32_t)query_int(query, 4),
				(uint32_t)query_int(query, 2));
			if (!rule)
				return -ENOMEM;
			rule->file = (uint32_t)file;
			place = query_int(query, 0);
		}
		if (!class_rule_add_pattern(rule, class_field_of(field), pattern))
			return -ENOMEM;
	}
	return 0;
}

int classify_rules(struct model *model, const struct run *run, struct class_rules *rules)
{
	struct query *files, *all;
	int err;

	*rules = (struct class_rules){0};
	if (model_number(model,
		    "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name IN"
		    " ('rule', 'rule_file')",
		    0, 0) != 2)
		return -ENOENT;
	files = model_query(model,
		"SELECT COALESCE(path, '?'), hash, shipped FROM rule_file WHERE run = ?"
		" ORDER BY file");
	all = model_query(model,
		"SELECT place, file, line, id, class, field, pattern FROM rule WHERE run = ?"
		" ORDER BY place, item");
	err = add_files(files, run, rules);
	if (!err)
		err = add_rules(all, run, rules);
	query_free(files);
	query_free(all);
	return err;
}

/* Where a rule stands, for people and programs. */
static void put_origin(struct table *table, unsigned column, const struct class_rules *rules,
	const struct class_rule *rule)
{
	const struct class_file *file = &rules->files[rule->file];
	char text[512];

	if (file->shipped)
		snprintf(text, sizeof(text), "built in:%u", rule->line);
	else
		snprintf(text, sizeof(text), "%s:%u", file->path, rule->line);
	table_set_text(table, column, text);
}

void classify_patterns(const struct class_rule *rule, struct buf *out)
{
	buf_clear(out);
	for (size_t i = 0; i < rule->pattern_count; i++) {
		const struct class_pattern *pattern = &rule->patterns[i];

		if (i && pattern->field == rule->patterns[i - 1].field)
			buf_printf(out, ", %s", pattern->glob);
		else
			buf_printf(out, "%s%s: %s", i ? "; " : "", class_field_name(pattern->field),
				pattern->glob);
	}
}

struct table *classify_rule_table(const struct class_rules *rules)
{
	static const struct table_column columns[] = {
		{"place", "", TABLE_NUMBER},
		{"class", "class", TABLE_TEXT},
		{"rule", "rule", TABLE_TEXT},
		{"from", "from", TABLE_TEXT},
		{"patterns", NULL, TABLE_TEXT},
		{0},
	};
	struct table *table = table_new(columns);
	struct buf text = {0};

	for (size_t i = 0; table && i < rules->count; i++) {
		const struct class_rule *rule = &rules->rules[i];

		classify_patterns(rule, &text);
		table_row(table);
		table_set(table, 0, (int64_t)i + 1);
		table_set_text(table, 1, word_name("class", rule->class));
		table_set_text(table, 2, rule->id);
		put_origin(table, 3, rules, rule);
		table_set_text(table, 4, buf_string(&text));
	}
	buf_free(&text);
	return table;
}

/* ---- operations ---- */

enum {
	COLUMN_CLASS,
	COLUMN_WHAT,
	COLUMN_NAME,
	COLUMN_MODULE,
	COLUMN_COUNT,
	COLUMN_SUM,
	COLUMN_RULE
};

static const struct table_column operation_columns[] = {
	[COLUMN_CLASS] = {"class", "class", TABLE_TEXT},
	[COLUMN_WHAT] = {"kind", "kind", TABLE_TEXT},
	[COLUMN_NAME] = {"name", "name", TABLE_TEXT},
	[COLUMN_MODULE] = {"module", "module", TABLE_TEXT},
	[COLUMN_COUNT] = {"count", "count", TABLE_COUNT},
	[COLUMN_SUM] = {"sum_ns", "time", TABLE_DURATION},
	[COLUMN_RULE] = {"rule", "rule", TABLE_TEXT},
	{0},
};

/* Columns of the queries below: name, module, class, count, time, rule. */
static void put_operation(
	struct table *table, const struct query *query, const char *what, uint32_t class)
{
	table_row(table);
	if (class)
		table_set_text(table, COLUMN_CLASS, word_name("class", class));
	else
		table_set_reason(table, COLUMN_CLASS, "unclassified");
	table_set_text(table, COLUMN_WHAT, what);
	table_set_text(table, COLUMN_NAME, query_text(query, 0));
	if (!query_is_null(query, 1))
		table_set_text(table, COLUMN_MODULE, query_text(query, 1));
	table_set(table, COLUMN_COUNT, query_int(query, 3));
	if (!query_is_null(query, 4))
		table_set(table, COLUMN_SUM, query_int(query, 4));
	else
		table_set_reason(table, COLUMN_SUM, "unknown");
}

static void put_requests(struct model *model, const struct run *run, struct table *table)
{
	struct query *query = model_query(model,
		"SELECT COALESCE(o.name, '?'), NULL, o.class, COUNT(*), SUM(s.end_ns - s.start_ns),"
		" a.value FROM span s JOIN operation o ON o.id = s.operation"
		" JOIN thread t ON t.id = s.thread JOIN process p ON p.id = t.process"
		" LEFT JOIN attribute a ON a.span = s.id AND a.key = 'ragtime.class_rule'"
		" WHERE p.run = ? AND s.kind = 3 GROUP BY o.id, a.value ORDER BY o.name, a.value");

	query_bind(query, 1, run->id);
	while (query_next(query)) {
		put_operation(table, query, "request", (uint32_t)query_int(query, 2));
		if (!query_is_null(query, 5))
			table_set_text(table, COLUMN_RULE, query_text(query, 5));
	}
	query_free(query);
}

static void take_function(
	struct class_facts *facts, const char *name, const char *module, bool is_function)
{
	facts->text[CLASS_FIELD_name] = name;
	facts->text[CLASS_FIELD_function] = is_function ? name : NULL;
	facts->text[CLASS_FIELD_module] = is_function ? module : NULL;
}

/* 13 is RT_FAMILY_function. */
static void put_calls(struct model *model, const struct run *run, const struct class_rules *rules,
	struct table *table)
{
	struct query *query = model_query(model,
		"SELECT f.name, f.module, o.class, SUM(f.calls), SUM(f.sum_ns), f.family"
		" FROM profile f JOIN operation o ON o.id = f.operation"
		" WHERE f.run = ? AND (o.class <> 0 OR f.family = 13)"
		" GROUP BY o.id ORDER BY f.name, f.module");

	query_bind(query, 1, run->id);
	while (query_next(query)) {
		struct class_facts facts = {0};
		const struct class_rule *rule;

		take_function(&facts, query_text(query, 0), query_text(query, 1),
			query_int(query, 5) == RT_FAMILY_function);
		rule = class_rules_pick(rules, &facts, RT_CLASS_none);
		put_operation(table, query, "call", (uint32_t)query_int(query, 2));
		if (rule && rule->class == (uint32_t)query_int(query, 2))
			table_set_text(table, COLUMN_RULE, rule->id);
	}
	query_free(query);
}

/* Calls on a file keep the class of their operation; that the file is a model is told here. */
static void put_files(struct model *model, const struct run *run, const struct class_rules *rules,
	struct table *table)
{
	struct query *query = model_query(model,
		"SELECT object_name, NULL, 0, SUM(calls), SUM(self_ns) FROM profile"
		" WHERE run = ? AND object_kind = 1 AND object_name IS NOT NULL"
		" GROUP BY object_name ORDER BY object_name");

	query_bind(query, 1, run->id);
	while (query_next(query)) {
		struct class_facts facts = {.text = {[CLASS_FIELD_file] = query_text(query, 0)}};
		const struct class_rule *rule = class_rules_pick(rules, &facts, RT_CLASS_none);

		if (!rule)
			continue;
		put_operation(table, query, "file", rule->class);
		table_set_text(table, COLUMN_RULE, rule->id);
	}
	query_free(query);
}

struct table *classify_operations(
	struct model *model, const struct run *run, const struct class_rules *rules)
{
	struct table *table = table_new(operation_columns);

	if (!table)
		return NULL;
	put_requests(model, run, table);
	put_calls(model, run, rules, table);
	put_files(model, run, rules, table);
	table_sort(table, COLUMN_SUM);
	return table;
}

/* ---- one span ---- */

static char *copy_of(const struct query *query, int column)
{
	const char *text = query_text(query, column);

	return text ? strdup(text) : NULL;
}

static void take_attributes(struct model *model, struct class_span *span)
{
	/* in the order of keys: the model that was asked for comes first */
	struct query *query =
		model_query(model, "SELECT key, value FROM attribute WHERE span = ? ORDER BY key");

	query_bind(query, 1, span->id);
	while (query_next(query)) {
		struct class_facts found = {0};
		const char *key = query_text(query, 0), *value = query_text(query, 1);

		if (!key || !value || !query_is_text(query, 1))
			continue;
		if (!strcmp(key, "ragtime.class_rule") && !span->said)
			span->said = strdup(value);
		if (!strcmp(key, "ragtime.class_given"))
			class_number_of(value, &span->given);
		class_facts_take(&found, key, value);
		for (unsigned field = 0; field < CLASS_FIELDS; field++) {
			if (found.text[field] && !span->attributes[field])
				span->attributes[field] = strdup(value);
		}
	}
	query_free(query);
	for (unsigned field = 0; field < CLASS_FIELDS; field++) {
		if (span->attributes[field])
			span->facts.text[field] = span->attributes[field];
	}
}

/* A parser's word is an attribute of its own only where a rule overrode it. */
static void settle_given(struct class_span *span)
{
	bool by_parser = span->said &&
		(!strncmp(span->said, "dialect ", 8) || !strncmp(span->said, "protocol ", 9));

	if (by_parser)
		span->given = span->class;
}

int class_span_find(struct model *model, const struct run *run, int64_t id, struct class_span *span)
{
	struct query *query = model_query(model,
		"SELECT s.kind, o.name, o.module, o.class, o.family, b.kind, b.name"
		" FROM span s LEFT JOIN thread t ON t.id = s.thread"
		" JOIN process p ON p.id = t.process OR (s.thread IS NULL AND p.span = s.id)"
		" LEFT JOIN operation o ON o.id = s.operation LEFT JOIN object b ON b.id = s.object"
		" WHERE s.id = ?1 AND p.run = ?2");
	int err = -ENOENT;

	*span = (struct class_span){.id = id};
	query_bind(query, 1, id);
	query_bind(query, 2, run->id);
	if (query_next(query)) {
		bool is_file = query_int(query, 5) == RT_OBJECT_file;

		span->kind = (uint32_t)query_int(query, 0);
		span->name = copy_of(query, 1);
		span->module = copy_of(query, 2);
		span->class = (uint32_t)query_int(query, 3);
		span->object = is_file ? copy_of(query, 6) : NULL;
		take_function(&span->facts, span->name, span->module,
			query_int(query, 4) == RT_FAMILY_function);
		span->facts.text[CLASS_FIELD_file] = span->object;
		take_attributes(model, span);
		settle_given(span);
		err = span->name ? 0 : -ENODATA;
	}
	query_free(query);
	return err;
}

void class_span_free(struct class_span *span)
{
	for (unsigned field = 0; field < CLASS_FIELDS; field++)
		free(span->attributes[field]);
	free(span->name);
	free(span->module);
	free(span->object);
	free(span->said);
}

struct table *classify_facts(const struct class_span *span)
{
	static const struct table_column columns[] = {
		{"field", "fact", TABLE_TEXT},
		{"value", "value", TABLE_TEXT},
		{0},
	};
	struct table *table = table_new(columns);

	for (unsigned field = 0; table && field < CLASS_FIELDS; field++) {
		const char *text = span->facts.text[field];

		if (!text || !*text)
			continue;
		table_row(table);
		table_set_text(table, 0, class_field_name(field));
		table_set_text(table, 1, text);
	}
	return table;
}

static const char *verdict_text(
	enum class_verdict verdict, enum class_field field, char *out, size_t size)
{
	if (verdict == CLASS_FITS)
		return "fits";
	if (verdict == CLASS_GIVEN)
		return "fits, a parser knew more";
	snprintf(out, size,
		verdict == CLASS_NO_FACT ? "%s is not known" : "%s is not like its patterns",
		class_field_name(field));
	return out;
}

struct table *classify_tried(const struct class_rules *rules, const struct class_span *span,
	const struct class_rule **fired)
{
	static const struct table_column columns[] = {
		{"place", "", TABLE_NUMBER},
		{"rule", "rule", TABLE_TEXT},
		{"from", "from", TABLE_TEXT},
		{"verdict", "verdict", TABLE_TEXT},
		{"patterns", NULL, TABLE_TEXT},
		{0},
	};
	struct table *table = table_new(columns);
	struct buf patterns = {0};

	*fired = NULL;
	for (size_t i = 0; table && i < rules->count && !*fired; i++) {
		const struct class_rule *rule = &rules->rules[i];
		enum class_field field;
		enum class_verdict verdict =
			class_rule_try(rules, rule, &span->facts, span->given, &field);
		char text[64];

		classify_patterns(rule, &patterns);
		table_row(table);
		table_set(table, 0, (int64_t)i + 1);
		table_set_text(table, 1, rule->id);
		put_origin(table, 2, rules, rule);
		table_set_text(table, 3, verdict_text(verdict, field, text, sizeof(text)));
		table_set_text(table, 4, buf_string(&patterns));
		*fired = verdict == CLASS_FITS ? rule : NULL;
	}
	buf_free(&patterns);
	return table;
}
