/* SPDX-License-Identifier: Apache-2.0 */
/* Reads function packs. */
#include "loader/symbols/catalog.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "lib/embedded.h"
#include "lib/log.h"
#include "lib/words.h"

#define FILE_MAX ((size_t)1 << 20)
#define REGISTERS 6
#define OFFSET_MAX 1023
#define SHIPPED "data/packs/"

struct reading {
	yaml_document_t document;
	struct catalog_pack *pack;
	char *error;
	size_t room;
};

typedef int pair_fn(struct reading *reading, const char *key, yaml_node_t *value, void *context);
typedef int item_fn(struct reading *reading, yaml_node_t *item);

static int complain(struct reading *reading, const yaml_node_t *node, const char *what)
{
	snprintf(reading->error, reading->room, "line %zu: %s",
		node ? node->start_mark.line + 1 : 1, what);
	return -EINVAL;
}

static const char *text_of(const yaml_node_t *node)
{
	return node && node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value
						      : NULL;
}

static int each_pair(struct reading *reading, yaml_node_t *node, pair_fn *take, void *context)
{
	if (!node || node->type != YAML_MAPPING_NODE)
		return complain(reading, node, "expected \"name: value\" pairs");
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
		pair < node->data.mapping.pairs.top; pair++) {
		yaml_node_t *key = yaml_document_get_node(&reading->document, pair->key);
		yaml_node_t *value = yaml_document_get_node(&reading->document, pair->value);
		int err;

		if (!text_of(key))
			return complain(reading, key, "expected a name");
		err = take(reading, text_of(key), value, context);
		if (err)
			return err;
	}
	return 0;
}

static int each_item(struct reading *reading, yaml_node_t *node, item_fn *take)
{
	if (!node || node->type != YAML_SEQUENCE_NODE)
		return complain(reading, node, "expected a list");
	for (yaml_node_item_t *item = node->data.sequence.items.start;
		item < node->data.sequence.items.top; item++) {
		int err = take(reading, yaml_document_get_node(&reading->document, *item));

		if (err)
			return err;
	}
	return 0;
}

static int take_text(struct reading *reading, yaml_node_t *value, char **place)
{
	const char *text = text_of(value);

	if (!text || !*text)
		return complain(reading, value, "expected a text");
	free(*place);
	*place = strdup(text);
	return *place ? 0 : -ENOMEM;
}

static int take_number(
	struct reading *reading, yaml_node_t *value, unsigned limit, unsigned *number)
{
	const char *text = text_of(value);
	char *end = NULL;
	unsigned long found = text ? strtoul(text, &end, 0) : 0;

	if (!text || end == text || *end || found > limit)
		return complain(reading, value, "expected a small number");
	*number = (unsigned)found;
	return 0;
}

static int take_is(struct reading *reading, yaml_node_t *value, enum catalog_is *is)
{
	static const struct {
		const char *name;
		enum catalog_is is;
	} words_of[] = {{"number", CATALOG_NUMBER}, {"sql", CATALOG_SQL}, {"path", CATALOG_PATH},
		{"name", CATALOG_NAME}};

	for (size_t i = 0; text_of(value) && i < sizeof(words_of) / sizeof(*words_of); i++) {
		if (!strcmp(text_of(value), words_of[i].name)) {
			*is = words_of[i].is;
			return 0;
		}
	}
	return complain(reading, value, "an argument is a number, sql, path or name");
}

static int take_argument_part(
	struct reading *reading, const char *key, yaml_node_t *value, void *context)
{
	struct catalog_argument *argument = context;
	unsigned size;
	int err;

	if (!strcmp(key, "as"))
		return take_text(reading, value, &argument->as);
	if (!strcmp(key, "at"))
		return take_number(reading, value, REGISTERS - 1, &argument->at);
	if (!strcmp(key, "is"))
		return take_is(reading, value, &argument->is);
	if (!strcmp(key, "load")) {
		argument->is = CATALOG_MEMORY;
		return take_number(reading, value, OFFSET_MAX, &argument->offset);
	}
	if (!strcmp(key, "size")) {
		err = take_number(reading, value, REGISTERS - 1, &size);
		argument->size_at = (int)size;
		return err;
	}
	if (strcmp(key, "bits") != 0)
		return complain(reading, value, "an argument has at, as, is, size, load and bits");
	err = take_number(reading, value, 64, &argument->bits);
	if (!err && argument->bits != 32 && argument->bits != 64)
		return complain(reading, value, "a number has 32 or 64 bits");
	return err;
}

static int take_argument(struct reading *reading, yaml_node_t *item)
{
	struct catalog_function *function =
		&reading->pack->functions[reading->pack->function_count - 1];
	struct catalog_argument *argument = &function->arguments[function->argument_count];
	int err;

	if (function->argument_count == CATALOG_ARGUMENTS)
		return complain(reading, item, "more arguments than four");
	function->argument_count++;
	*argument = (struct catalog_argument){.bits = 64, .size_at = -1, .at = REGISTERS};
	err = each_pair(reading, item, take_argument_part, argument);
	if (!err && (!argument->as || argument->at == REGISTERS))
		err = complain(reading, item, "an argument needs at and as");
	return err;
}

static int take_fixed(struct reading *reading, const char *key, yaml_node_t *value, void *context)
{
	struct catalog_function *function = context;

	if (function->fixed_count == CATALOG_FIXED)
		return complain(reading, value, "more attributes than four");
	if (!text_of(value))
		return complain(reading, value, "expected a text");
	return asprintf(&function->fixed[function->fixed_count++], "%s=%s", key, text_of(value)) < 0
		? -ENOMEM
		: 0;
}

static int take_class(struct reading *reading, yaml_node_t *value, uint32_t *class)
{
	for (const struct word *word = words; text_of(value) && word->list; word++) {
		if (!strcmp(word->list, "class") && !strcmp(word->name, text_of(value))) {
			*class = word->number;
			return 0;
		}
	}
	return complain(reading, value, "no operation class of that name");
}

static int take_function_part(
	struct reading *reading, const char *key, yaml_node_t *value, void *context)
{
	struct catalog_function *function = context;

	if (!strcmp(key, "symbol"))
		return take_text(reading, value, &function->symbol);
	if (!strcmp(key, "py"))
		return take_text(reading, value, &function->py);
	if (!strcmp(key, "class"))
		return take_class(reading, value, &function->class);
	if (!strcmp(key, "attributes"))
		return each_pair(reading, value, take_fixed, function);
	if (!strcmp(key, "arguments"))
		return each_item(reading, value, take_argument);
	return complain(
		reading, value, "a function has symbol or py, class, attributes and arguments");
}

static int take_function(struct reading *reading, yaml_node_t *item)
{
	struct catalog_pack *pack = reading->pack;
	struct catalog_function *grown =
		reallocarray(pack->functions, pack->function_count + 1, sizeof(*grown));
	struct catalog_function *function;
	int err;

	if (!grown)
		return -ENOMEM;
	pack->functions = grown;
	function = &grown[pack->function_count++];
	*function = (struct catalog_function){.class = RT_CLASS_none};
	err = each_pair(reading, item, take_function_part, function);
	if (!err && !function->symbol == !function->py)
		err = complain(reading, item, "a function has either symbol or py");
	return err;
}

static int take_library(struct reading *reading, yaml_node_t *item)
{
	struct catalog_pack *pack = reading->pack;
	char **grown = reallocarray(pack->libraries, pack->library_count + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	pack->libraries = grown;
	grown[pack->library_count++] = NULL;
	return take_text(reading, item, &grown[pack->library_count - 1]);
}

static int take_pack_part(
	struct reading *reading, const char *key, yaml_node_t *value, void *context)
{
	struct catalog_pack *pack = context;

	if (!strcmp(key, "pack"))
		return take_text(reading, value, &pack->name);
	if (!strcmp(key, "about"))
		return take_text(reading, value, &pack->about);
	if (!strcmp(key, "libraries"))
		return each_item(reading, value, take_library);
	if (!strcmp(key, "functions"))
		return each_item(reading, value, take_function);
	return complain(reading, value, "a pack has pack, about, libraries and functions");
}

static void pack_free(struct catalog_pack *pack)
{
	for (size_t i = 0; i < pack->library_count; i++)
		free(pack->libraries[i]);
	for (size_t i = 0; i < pack->function_count; i++) {
		struct catalog_function *function = &pack->functions[i];

		for (unsigned j = 0; j < function->fixed_count; j++)
			free(function->fixed[j]);
		for (unsigned j = 0; j < function->argument_count; j++)
			free(function->arguments[j].as);
		free(function->symbol);
		free(function->py);
	}
	free(pack->libraries);
	free(pack->functions);
	free(pack->name);
	free(pack->about);
	free(pack->origin);
}

static int read_pack(struct reading *reading, yaml_parser_t *parser)
{
	struct catalog_pack *pack = reading->pack;
	int err;

	if (!yaml_parser_load(parser, &reading->document)) {
		snprintf(reading->error, reading->room, "line %zu: %s",
			parser->problem_mark.line + 1,
			parser->problem ? parser->problem : "no YAML");
		return -EINVAL;
	}
	err = each_pair(
		reading, yaml_document_get_root_node(&reading->document), take_pack_part, pack);
	if (!err && !pack->name)
		err = complain(reading, NULL, "a pack has a name: \"pack: ...\"");
	for (size_t i = 0; !err && i < pack->function_count; i++) {
		pack->functions[i].pack = pack->name;
		if (pack->functions[i].symbol && !pack->library_count)
			err = complain(reading, NULL, "functions by symbol need libraries");
	}
	yaml_document_delete(&reading->document);
	return err;
}

int catalog_parse(struct catalog *catalog, const char *origin, const char *text, size_t size,
	char *error, size_t room)
{
	struct catalog_pack pack = {0},
			    *grown = reallocarray(catalog->packs, catalog->count + 1, sizeof(pack));
	struct reading reading = {.pack = &pack, .error = error, .room = room};
	yaml_parser_t parser;
	int err;

	snprintf(error, room, "out of memory");
	if (!grown)
		return -ENOMEM;
	catalog->packs = grown;
	pack.origin = origin ? strdup(origin) : NULL;
	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
	err = read_pack(&reading, &parser);
	yaml_parser_delete(&parser);
	if (err)
		pack_free(&pack);
	else
		catalog->packs[catalog->count++] = pack;
	return err;
}

static void load_own_file(struct catalog *catalog, const char *path, char *text)
{
	FILE *file = fopen(path, "re");
	char error[256];
	size_t size;

	if (!file) {
		log_warn("cannot read the function pack %s: %s", path, strerror(errno));
		return;
	}
	size = fread(text, 1, FILE_MAX, file);
	fclose(file);
	if (catalog_parse(catalog, path, text, size, error, sizeof(error)))
		log_warn("the function pack %s is left out: %s", path, error);
}

static void load_own(struct catalog *catalog)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	bool named = config && *config == '/';
	char pattern[4096], *text;
	glob_t found;

	if ((!named && (!home || *home != '/')) ||
		(size_t)snprintf(pattern, sizeof(pattern), "%s%s/ragtime/packs/*.yaml",
			named ? config : home, named ? "" : "/.config") >= sizeof(pattern))
		return;
	if (glob(pattern, GLOB_NOESCAPE, NULL, &found))
		return;
	text = malloc(FILE_MAX);
	for (size_t i = 0; text && i < found.gl_pathc; i++)
		load_own_file(catalog, found.gl_pathv[i], text);
	free(text);
	globfree(&found);
}

struct catalog *catalog_load(void)
{
	struct catalog *catalog = calloc(1, sizeof(*catalog));
	char error[256];

	if (!catalog)
		return NULL;
	load_own(catalog);
	for (const struct embedded *file = embedded_files; file->path; file++) {
		if (!strncmp(file->path, SHIPPED, strlen(SHIPPED)) &&
			catalog_parse(catalog, NULL, file->text, file->size, error, sizeof(error)))
			log_error("%s: %s", file->path, error);
	}
	return catalog;
}

void catalog_free(struct catalog *catalog)
{
	if (!catalog)
		return;
	for (size_t i = 0; i < catalog->count; i++)
		pack_free(&catalog->packs[i]);
	free(catalog->packs);
	free(catalog);
}
