/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "lib/buf.h"

#define MAX_SIZE ((size_t)1 << 20)

struct reading {
	const char *path;
	yaml_document_t document;
	setting_fn *each;
	void *context;
	char *error;
	size_t error_size;
};

static int complain(struct reading *reading, const yaml_mark_t *mark, const char *what)
{
	snprintf(reading->error, reading->error_size, "%s:%zu: %s", reading->path, mark->line + 1,
		what);
	return -1;
}

static const char *scalar_of(const yaml_node_t *node)
{
	return node && node->type == YAML_SCALAR_NODE &&
			strlen((const char *)node->data.scalar.value) == node->data.scalar.length
		? (const char *)node->data.scalar.value
		: NULL;
}

static int tell(
	struct reading *reading, const char *section, const char *key, const yaml_node_t *node)
{
	const char *value = scalar_of(node), *problem;

	if (!value)
		return complain(reading, &node->start_mark, "here a word or a number has to stand");
	problem = reading->each(reading->context, section, key, value, node->start_mark.line + 1);
	return problem ? complain(reading, &node->start_mark, problem) : 0;
}

static int read_value(
	struct reading *reading, const char *section, const char *key, const yaml_node_t *node)
{
	int err = 0;

	if (node->type != YAML_SEQUENCE_NODE)
		return tell(reading, section, key, node);
	for (const yaml_node_item_t *item = node->data.sequence.items.start;
		!err && item < node->data.sequence.items.top; item++)
		err = tell(
			reading, section, key, yaml_document_get_node(&reading->document, *item));
	return err;
}

static int read_section(struct reading *reading, const char *section, const yaml_node_t *node)
{
	int err = 0;

	if (node->type != YAML_MAPPING_NODE)
		return read_value(reading, section, "", node);
	for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
		!err && pair < node->data.mapping.pairs.top; pair++) {
		yaml_node_t *key = yaml_document_get_node(&reading->document, pair->key);
		const char *name = scalar_of(key);

		if (!name)
			return complain(reading, &key->start_mark, "a key that is no word");
		err = read_value(reading, section, name,
			yaml_document_get_node(&reading->document, pair->value));
	}
	return err;
}

static int read_document(struct reading *reading)
{
	yaml_node_t *root = yaml_document_get_root_node(&reading->document);
	int err = 0;

	if (!root)
		return 0;
	if (root->type != YAML_MAPPING_NODE)
		return complain(reading, &root->start_mark, "not a map of sections");
	for (const yaml_node_pair_t *pair = root->data.mapping.pairs.start;
		!err && pair < root->data.mapping.pairs.top; pair++) {
		yaml_node_t *key = yaml_document_get_node(&reading->document, pair->key);
		const char *name = scalar_of(key);

		if (!name)
			return complain(reading, &key->start_mark, "a section that is no word");
		err = read_section(
			reading, name, yaml_document_get_node(&reading->document, pair->value));
	}
	return err;
}

int settings_read(const char *path, const char *text, size_t size, setting_fn *each, void *context,
	char *error, size_t error_size)
{
	struct reading reading = {.path = path,
		.each = each,
		.context = context,
		.error = error,
		.error_size = error_size};
	yaml_parser_t parser;
	int err;

	if (!yaml_parser_initialize(&parser)) {
		snprintf(error, error_size, "%s: out of memory", path);
		return -1;
	}
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
	if (!yaml_parser_load(&parser, &reading.document)) {
		snprintf(error, error_size, "%s:%zu: %s", path, parser.problem_mark.line + 1,
			parser.problem ? parser.problem : "not YAML");
		yaml_parser_delete(&parser);
		return -1;
	}
	err = read_document(&reading);
	yaml_document_delete(&reading.document);
	yaml_parser_delete(&parser);
	return err;
}

static int read_file(
	const char *path, setting_fn *each, void *context, char *error, size_t error_size)
{
	FILE *file = fopen(path, "re");
	struct buf text = {0};
	size_t got = 1;
	int err = 0;

	if (!file) {
		snprintf(error, error_size, "cannot read %s: %s", path, strerror(errno));
		return -1;
	}
	while (got && text.size < MAX_SIZE) {
		void *place = buf_reserve(&text, 4096);

		got = place ? fread(place, 1, 4096, file) : 0;
		text.size += got;
	}
	if (text.failed || ferror(file) || text.size >= MAX_SIZE) {
		snprintf(error, error_size, "cannot read %s: %s", path,
			text.size >= MAX_SIZE ? "larger than 1 MiB" : "reading failed");
		err = -1;
	}
	fclose(file);
	if (!err)
		err = settings_read(
			path, buf_string(&text), text.size, each, context, error, error_size);
	buf_free(&text);
	return err;
}

int settings_read_user(const char *variable, const char *name, setting_fn *each, void *context,
	char *error, size_t error_size)
{
	const char *given = getenv(variable), *config = getenv("XDG_CONFIG_HOME");
	const char *home = getenv("HOME");
	char path[4096];
	FILE *probe;

	if (given && *given)
		return read_file(given, each, context, error, error_size);
	if (config && *config)
		snprintf(path, sizeof(path), "%s/ragtime/%s", config, name);
	else if (home && *home)
		snprintf(path, sizeof(path), "%s/.config/ragtime/%s", home, name);
	else
		return 0;
	probe = fopen(path, "re");
	if (!probe)
		return 0;
	fclose(probe);
	return read_file(path, each, context, error, error_size);
}
