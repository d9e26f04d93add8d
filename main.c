/* SPDX-License-Identifier: Apache-2.0 */
/* Looks the command up in commands.def and calls it: nothing else. */
#include <stdio.h>
#include <string.h>

#include "lib/command.h"
#include "lib/log.h"
#include "lib/version.h"

static const struct command {
	const char *name;
	const char *sentence;
	int (*run)(int argc, char **argv);
} commands[] = {
#define COMMAND(name, sentence) {#name, sentence, cmd_##name},
#include "commands.def"
#undef COMMAND
};

#define COUNT (sizeof(commands) / sizeof(*commands))

static int print_help(void)
{
	puts("ragtime times RAG and LLM processes from the outside, with no code change.\n\n"
	     "Usage: ragtime COMMAND [OPTION...] [ARGUMENT...]\n");
	for (size_t i = 0; i < COUNT; i++)
		printf("  %-10s %s\n", commands[i].name, commands[i].sentence);
	puts("\nStart with:  ragtime run -- python3 app.py\n"
	     "             ragtime report\n\n"
	     "ragtime COMMAND --help tells more; so does man ragtime-COMMAND.");
	return 0;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "--help";

	if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help"))
		return print_help();
	if (!strcmp(name, "--version") || !strcmp(name, "-V"))
		return printf("ragtime %s\n", RAGTIME_VERSION) < 0;
	for (size_t i = 0; i < COUNT; i++) {
		if (!strcmp(name, commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	}
	log_error("there is no command '%s'; 'ragtime --help' lists them", name);
	return 2;
}
