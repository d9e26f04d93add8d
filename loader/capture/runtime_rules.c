/* SPDX-License-Identifier: Apache-2.0 */
#include "loader/capture/runtime_rules.h"

#include <errno.h>
#include <string.h>

#include "lib/embedded.h"

#define RULES_FILE "data/python.rules"

static const char *const words[RUNTIME_RULES] = {
	[RUNTIME_RULE_SKIP] = "skip",
	[RUNTIME_RULE_REQUEST] = "request",
	[RUNTIME_RULE_CALL] = "call",
};

static const char *const followed[] = {"import ", "hand ", "take "};

void runtime_rules_free(struct runtime_rules *rules)
{
	for (int i = 0; i < RUNTIME_RULES; i++)
		buf_free(&rules->lines[i]);
}

const char *runtime_rules_fault(const char *pattern)
{
	if (!*pattern)
		return "it is empty";
	if (strpbrk(pattern, " \t\n"))
		return "names of functions have no spaces";
	if (strchr(pattern, ':'))
		return "a function is named with dots, as in mypkg.search.find";
	return NULL;
}

int runtime_rules_add(struct runtime_rules *rules, enum runtime_rule does, const char *pattern)
{
	struct buf *lines = &rules->lines[does];

	buf_printf(lines, "%s %s\n", words[does], pattern);
	return lines->failed ? -ENOMEM : 0;
}

/* Those that begin with the word; with NULL all of them. */
static void add_shipped(struct buf *out, const char *word)
{
	const struct embedded *file = embedded_find(RULES_FILE);
	const char *line = file ? file->text : "";

	while (*line) {
		size_t length = strcspn(line, "\n");

		if (length && *line != '#' && (!word || !strncmp(line, word, strlen(word))))
			buf_append(out, line, length + (line[length] == '\n'));
		line += length + (line[length] == '\n');
	}
}

int runtime_rules_write(const struct runtime_rules *rules, char *text, size_t size)
{
	struct buf out = {0};
	int err = 0;

	/* by these we follow tasks and threads: whatever is traced, they are known */
	for (size_t i = 0; i < sizeof(followed) / sizeof(*followed); i++)
		add_shipped(&out, followed[i]);
	for (int i = 0; i < RUNTIME_RULES; i++) {
		/* a server's entry stays the root of a request where "*" is to be traced */
		if (i == RUNTIME_RULE_CALL && rules->lines[i].size)
			add_shipped(&out, "request ");
		buf_append(&out, rules->lines[i].data, rules->lines[i].size);
	}
	add_shipped(&out, NULL);
	if (out.failed)
		err = -ENOMEM;
	else if (out.size >= size)
		err = -E2BIG;
	else
		memcpy(text, buf_string(&out), out.size + 1);
	buf_free(&out);
	return err;
}
