/* SPDX-License-Identifier: Apache-2.0 */
/* ragtime schema: prints the contracts as they were when the program was built. */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/command.h"
#include "lib/embedded.h"
#include "lib/log.h"

static const struct contract {
	const char *name;
	const char *paths[2];
} contracts[] = {
	{"json", {"wire/output.schema.json"}},
	{"sql", {"wire/schema.sql", "wire/schema_index.sql"}},
	{"proto", {"wire/trace.proto"}},
};

static const struct contract *find(const char *name)
{
	for (size_t i = 0; i < sizeof(contracts) / sizeof(*contracts); i++) {
		if (!strcmp(name, contracts[i].name))
			return &contracts[i];
	}
	return NULL;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	const struct contract **chosen = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		if (state->arg_num > 0)
			argp_error(state, "one contract at a time");
		*chosen = find(text);
		if (!*chosen)
			argp_error(state, "there is no contract '%s': json, sql or proto", text);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static int print(const struct contract *contract)
{
	for (size_t i = 0; i < 2 && contract->paths[i]; i++) {
		const struct embedded *file = embedded_find(contract->paths[i]);

		if (!file) {
			log_error("this build lacks %s", contract->paths[i]);
			return 1;
		}
		fwrite(file->text, 1, file->size, stdout);
	}
	if (fflush(stdout) || ferror(stdout)) {
		log_error("cannot write to standard output: %s", strerror(errno));
		return 1;
	}
	return 0;
}

int cmd_schema(int argc, char **argv)
{
	static const struct argp argp = {NULL, parse, "[json|sql|proto]",
		"Prints a contract that other programs may rely on.\v"
		"  json   JSON Schema of 'ragtime export --to json' lines and of 'ragtime info "
		"--json' (the default)\n"
		"  sql    tables, views and indexes of a database made by 'ragtime decode'\n"
		"  proto  protobuf message inside each block of a trace\n\n"
		"Examples:\n"
		"  ragtime schema sql\n"
		"  ragtime schema proto > trace.proto",
		NULL, NULL, NULL};
	const struct contract *chosen = &contracts[0];

	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, &chosen);
	return print(chosen);
}
