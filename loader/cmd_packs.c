/* SPDX-License-Identifier: Apache-2.0 */
/* ragtime packs: what is known by heart of the functions of libraries. */
#include <argp.h>
#include <stdio.h>

#include "lib/command.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/term.h"
#include "lib/words.h"
#include "loader/symbols/catalog.h"

static const struct argp_option option_table[] = {
	{"json", 'j', NULL, 0, "Print JSON", 0},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	bool *as_json = state->input;

	(void)arg;
	if (key != 'j')
		return key == ARGP_KEY_ARG ? EINVAL : ARGP_ERR_UNKNOWN;
	*as_json = true;
	return 0;
}

static void put_function(const struct catalog_function *function)
{
	printf("  %s%s", function->py ? "py:" : "", function->py ? function->py : function->symbol);
	if (function->class)
		printf("  [%s]", word_title("class", function->class));
	for (unsigned i = 0; i < function->fixed_count; i++)
		printf("  %s", function->fixed[i]);
	for (unsigned i = 0; i < function->argument_count; i++)
		printf("  %s", function->arguments[i].as);
	printf("\n");
}

static void put_text(const struct catalog *catalog)
{
	for (size_t i = 0; i < catalog->count; i++) {
		const struct catalog_pack *pack = &catalog->packs[i];

		printf("%s%s%s%s", i ? "\n" : "", term_start(TERM_BOLD), pack->name, term_end());
		if (pack->about)
			printf("  %s", pack->about);
		printf("\n  from %s", pack->origin ? pack->origin : "ragtime itself");
		for (size_t j = 0; j < pack->library_count; j++)
			printf("%s%s", j ? " " : ", in ", pack->libraries[j]);
		printf("\n");
		for (size_t j = 0; j < pack->function_count; j++)
			put_function(&pack->functions[j]);
	}
}

static void put_texts(struct json *json, const char *key, char *const *texts, size_t count)
{
	json_key(json, key);
	json_open(json, '[');
	for (size_t i = 0; i < count; i++)
		json_string(json, texts[i]);
	json_close(json, ']');
}

static void json_function(struct json *json, const struct catalog_function *function)
{
	json_open(json, '{');
	json_member_string(json, "symbol", function->symbol);
	json_member_string(json, "py", function->py);
	json_member_string(
		json, "class", function->class ? word_name("class", function->class) : NULL);
	put_texts(json, "fixed", function->fixed, function->fixed_count);
	json_key(json, "arguments");
	json_open(json, '[');
	for (unsigned i = 0; i < function->argument_count; i++) {
		json_open(json, '{');
		json_member_int(json, "at", function->arguments[i].at);
		json_member_string(json, "as", function->arguments[i].as);
		json_close(json, '}');
	}
	json_close(json, ']');
	json_close(json, '}');
}

static void put_json(const struct catalog *catalog, struct buf *out)
{
	struct json json = {.out = out, .pretty = true};

	json_open(&json, '[');
	for (size_t i = 0; i < catalog->count; i++) {
		const struct catalog_pack *pack = &catalog->packs[i];

		json_open(&json, '{');
		json_member_string(&json, "pack", pack->name);
		json_member_string(&json, "about", pack->about);
		json_member_string(&json, "origin", pack->origin);
		put_texts(&json, "libraries", pack->libraries, pack->library_count);
		json_key(&json, "functions");
		json_open(&json, '[');
		for (size_t j = 0; j < pack->function_count; j++)
			json_function(&json, &pack->functions[j]);
		json_close(&json, ']');
		json_close(&json, '}');
	}
	json_close(&json, ']');
	buf_puts(out, "\n");
}

int cmd_packs(int argc, char **argv)
{
	static const struct argp argp = {option_table, parse, NULL,
		"Lists the function packs: what is known by heart of the functions of libraries, so "
		"that 'ragtime run' records and understands their calls without --func.\v"
		"Yours are read from $XDG_CONFIG_HOME/ragtime/packs/*.yaml (~/.config/ragtime/packs). "
		"Entries with py: name Python callables, where a library exports nothing; they are "
		"kept, and not recorded yet.\n\n"
		"Examples:\n"
		"  ragtime packs\n"
		"  ragtime packs --json | jq -r '.[].pack'",
		NULL, NULL, NULL};
	struct catalog *catalog;
	struct buf out = {0};
	bool as_json = false;
	int status = 0;

	argp_err_exit_status = 2;
	argv[0] = "ragtime packs";
	argp_parse(&argp, argc, argv, 0, NULL, &as_json);
	catalog = catalog_load();
	if (!catalog) {
		log_error("cannot list the function packs: out of memory");
		return 1;
	}
	if (as_json) {
		put_json(catalog, &out);
		fwrite(out.data, 1, out.size, stdout);
	} else {
		put_text(catalog);
	}
	if (out.failed || fflush(stdout) || ferror(stdout)) {
		log_error("cannot print the function packs");
		status = 1;
	}
	buf_free(&out);
	catalog_free(catalog);
	return status;
}
