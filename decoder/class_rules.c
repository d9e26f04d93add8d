/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder/class_rules.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "lib/buf.h"
#include "lib/checksum.h"
#include "lib/embedded.h"
#include "lib/words.h"

#define SHIPPED "data/classes.yaml"
#define MAX_SIZE ((size_t)1 << 20)

struct reading {
	struct class_rules *rules;
	const char *path;
	yaml_document_t document;
	struct class_rules_error *error;
};

static int complain(struct class_rules_error *error, const char *path, size_t line,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

static int complain(
	struct class_rules_error *error, const char *path, size_t line, const char *format, ...)
{
	size_t size = sizeof(error->text);
	va_list arguments;
	int used = line ? snprintf(error->text, size, "%s:%zu: ", path, line)
			: snprintf(error->text, size, "%s: ", path);

	va_start(arguments, format);
	if (used >= 0 && (size_t)used < size)
		vsnprintf(error->text + used, size - (size_t)used, format, arguments);
	va_end(arguments);
	return -1;
}

static size_t line_of(const yaml_node_t *node)
{
	return node->start_mark.line + 1;
}

static int no_memory(struct reading *reading)
{
	return complain(reading->error, reading->path, 0, "out of memory");
}

/* "name, function, ..." */
static const char *list_fields(char *out, size_t size)
{
	size_t used = 0;

	for (unsigned field = 0; field < CLASS_FIELDS && used < size; field++)
		used += (size_t)snprintf(out + used, size - used, "%s%s", field ? ", " : "",
			class_field_name(field));
	return out;
}

static const char *list_classes(char *out, size_t size)
{
	size_t used = 0;

	for (const struct word *word = words; word->list && used < size; word++) {
		if (!strcmp(word->list, "class") && word->number != RT_CLASS_none)
			used += (size_t)snprintf(
				out + used, size - used, "%s%s", used ? ", " : "", word->name);
	}
	return out;
}

/* The text of a scalar without a NUL in it, or NULL. */
static const char *scalar_of(const yaml_node_t *node)
{
	const char *text = node && node->type == YAML_SCALAR_NODE
		? (const char *)node->data.scalar.value
		: NULL;

	return text && *text && strlen(text) == node->data.scalar.length ? text : NULL;
}

/* ---- one rule ---- */

struct members {
	const char *id, *class;
	size_t class_line;
};

/* What names the rule; what it matches is read once the rule is there. */
static int read_member(struct reading *reading, const yaml_node_t *key, const yaml_node_t *value,
	struct members *members)
{
	const char *name = scalar_of(key), *text = scalar_of(value);
	char fields[160];

	if (!name)
		return complain(reading->error, reading->path, line_of(key),
			"a key that is no word; a rule looks like {id: NAME, path: PATTERN, class: "
			"CLASS}");
	if (!strcmp(name, "id") || !strcmp(name, "class")) {
		const char **place = *name == 'i' ? &members->id : &members->class;

		if (!text || *place)
			return complain(reading->error, reading->path, line_of(key),
				*place ? "key '%s' stands twice; remove one of them"
				       : "key '%s' has no word as its value; give it one",
				name);
		*place = text;
		if (*name == 'c')
			members->class_line = line_of(key);
		return 0;
	}
	if (class_field_of(name) == CLASS_FIELDS)
		return complain(reading->error, reading->path, line_of(key),
			"unknown key '%s'; try id, class, or what to look at: %s", name,
			list_fields(fields, sizeof(fields)));
	return 0;
}

static int read_pattern(struct reading *reading, struct class_rule *rule, const yaml_node_t *key,
	const yaml_node_t *value)
{
	const char *text = scalar_of(value);

	if (!text)
		return complain(reading->error, reading->path, line_of(value ? value : key),
			"key '%s' of rule '%s' needs a pattern, or a list of them; quote those that "
			"begin with '*'",
			scalar_of(key), rule->id);
	return class_rule_add_pattern(rule, class_field_of(scalar_of(key)), text)
		? 0
		: no_memory(reading);
}

static int read_patterns(struct reading *reading, struct class_rule *rule, const yaml_node_t *key,
	const yaml_node_t *value)
{
	int err = 0;

	if (class_field_of(scalar_of(key)) == CLASS_FIELDS)
		return 0;
	if (value->type != YAML_SEQUENCE_NODE ||
		value->data.sequence.items.start == value->data.sequence.items.top)
		return read_pattern(reading, rule, key, value);
	for (yaml_node_item_t *item = value->data.sequence.items.start;
		item < value->data.sequence.items.top && !err; item++)
		err = read_pattern(
			reading, rule, key, yaml_document_get_node(&reading->document, *item));
	return err;
}

static int check_members(
	struct reading *reading, const struct members *members, size_t line, uint32_t *class)
{
	char classes[256];

	if (!members->id)
		return complain(reading->error, reading->path, line,
			"a rule without the key 'id'; add one: it is what 'ragtime classify' calls "
			"it");
	for (size_t i = 0; i < reading->rules->count; i++) {
		const struct class_rule *other = &reading->rules->rules[i];

		if (other->file + 1 == reading->rules->file_count &&
			!strcmp(other->id, members->id))
			return complain(reading->error, reading->path, line,
				"key 'id': there is a rule '%s' in line %u; choose another name",
				members->id, other->line);
	}
	if (!members->class)
		return complain(reading->error, reading->path, line,
			"rule '%s' has no key 'class'; add one of %s", members->id,
			list_classes(classes, sizeof(classes)));
	if (!class_number_of(members->class, class) || *class == RT_CLASS_none)
		return complain(reading->error, reading->path, members->class_line,
			"key 'class' of rule '%s': there is no class '%s'; try one of %s",
			members->id, members->class, list_classes(classes, sizeof(classes)));
	return 0;
}

#define EACH_MEMBER(pair, node)                                         \
	for (yaml_node_pair_t *pair = (node)->data.mapping.pairs.start; \
		pair < (node)->data.mapping.pairs.top; pair++)

static int read_rule(struct reading *reading, const yaml_node_t *node)
{
	yaml_document_t *document = &reading->document;
	struct members members = {0};
	struct class_rule *rule;
	uint32_t class = 0;

	if (node->type != YAML_MAPPING_NODE)
		return complain(reading->error, reading->path, line_of(node),
			"not a rule; one looks like {id: NAME, path: PATTERN, class: CLASS}");
	EACH_MEMBER(pair, node)
	{
		if (read_member(reading, yaml_document_get_node(document, pair->key),
			    yaml_document_get_node(document, pair->value), &members))
			return -1;
	}
	if (check_members(reading, &members, line_of(node), &class))
		return -1;
	rule = class_rules_add(reading->rules, members.id, class, (uint32_t)line_of(node));
	if (!rule)
		return no_memory(reading);
	EACH_MEMBER(pair, node)
	{
		if (read_patterns(reading, rule, yaml_document_get_node(document, pair->key),
			    yaml_document_get_node(document, pair->value)))
			return -1;
	}
	if (!rule->pattern_count)
		return complain(reading->error, reading->path, rule->line,
			"rule '%s' would fit everything; say what to look at, as path: PATTERN",
			rule->id);
	return 0;
}

/* ---- files ---- */

static int read_rules(struct reading *reading)
{
	const yaml_node_t *root = yaml_document_get_root_node(&reading->document);
	int err = 0;

	if (!root || (root->type == YAML_SCALAR_NODE && !root->data.scalar.length))
		return 0; /* comments alone */
	if (root->type != YAML_SEQUENCE_NODE)
		return complain(reading->error, reading->path, line_of(root),
			"not a list of rules; begin each with '- id: NAME'");
	for (yaml_node_item_t *item = root->data.sequence.items.start;
		item < root->data.sequence.items.top && !err; item++)
		err = read_rule(reading, yaml_document_get_node(&reading->document, *item));
	return err;
}

int class_rules_parse(struct class_rules *rules, const char *path, const char *text, size_t size,
	bool shipped, struct class_rules_error *error)
{
	struct reading reading = {.rules = rules, .path = path, .error = error};
	yaml_parser_t parser;
	int err;

	if (!class_rules_add_file(rules, path, checksum_of(text, size, NULL, 0), shipped))
		return no_memory(&reading);
	if (!yaml_parser_initialize(&parser))
		return no_memory(&reading);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
	if (!yaml_parser_load(&parser, &reading.document)) {
		err = complain(error, path, parser.problem_mark.line + 1,
			"not YAML: %s; quote patterns that begin with '*'",
			parser.problem ? parser.problem : "unreadable");
	} else {
		err = read_rules(&reading);
		yaml_document_delete(&reading.document);
	}
	yaml_parser_delete(&parser);
	return err;
}

/* 1: there is one, and `must` says that it was asked for by name. */
static int user_path(char *path, size_t size, bool *must)
{
	const char *named = getenv("RAGTIME_CLASSES");
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	int used = 0;

	*must = named != NULL;
	if (named)
		used = snprintf(path, size, "%s", named);
	else if (config && *config)
		used = snprintf(path, size, "%s/ragtime/classes.yaml", config);
	else if (home && *home)
		used = snprintf(path, size, "%s/.config/ragtime/classes.yaml", home);
	return used > 0 && (size_t)used < size;
}

static int load_file(
	struct class_rules *rules, const char *path, FILE *file, struct class_rules_error *error)
{
	struct buf text = {0};
	size_t got;
	int err;

	do {
		uint8_t *room = buf_reserve(&text, 65536);

		got = room ? fread(room, 1, 65536, file) : 0;
		text.size += got;
	} while (got && text.size <= MAX_SIZE);
	if (text.failed)
		err = complain(error, path, 0, "out of memory");
	else if (ferror(file))
		err = complain(error, path, 0,
			"cannot read the rules of operation classes: %s; RAGTIME_CLASSES= (empty) does "
			"without",
			strerror(errno));
	else if (text.size > MAX_SIZE)
		err = complain(error, path, 0, "larger than 1 MiB; is it a file of rules?");
	else
		err = class_rules_parse(rules, path, buf_string(&text), text.size, false, error);
	buf_free(&text);
	return err;
}

static int load_user(struct class_rules *rules, struct class_rules_error *error)
{
	char path[PATH_MAX];
	bool must;
	FILE *file;
	int err;

	if (!user_path(path, sizeof(path), &must))
		return 0;
	file = fopen(path, "re");
	if (!file && !must && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
		return 0;
	if (!file)
		return complain(error, path, 0,
			"cannot open the rules of operation classes: %s; RAGTIME_CLASSES= (empty) does "
			"without",
			strerror(errno));
	err = load_file(rules, path, file, error);
	fclose(file);
	return err;
}

int class_rules_load(struct class_rules *rules, struct class_rules_error *error)
{
	const struct embedded *shipped = embedded_find(SHIPPED);
	int err;

	*rules = (struct class_rules){0};
	err = load_user(rules, error);
	if (!err)
		err = class_rules_parse(rules, SHIPPED, shipped->text, shipped->size, true, error);
	if (err)
		class_rules_free(rules);
	return err;
}
