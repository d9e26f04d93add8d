/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Getting hook.cjs into Node: `--require` of it in NODE_OPTIONS, which Node reads after this. The
 * first thing hook.cjs does is to make the variable again what it was.
 *
 * Declined, silently, where it could do harm: another program that embeds V8, a Node told to read
 * no files but its own (its permission model) or to make a snapshot of what it has loaded.
 */
#include "preload/environment.h"
#include "preload/node/node.h"

#include <fcntl.h>
#include <unistd.h>

#define HOOK_NAME "ragtime-node.cjs"
#define OPTIONS_MAX 8192

extern char **environ __attribute__((weak));
extern void napi_module_register(void *) __attribute__((weak));

/* "--require \"PATH\"" behind what the user has there. */
static char options[OPTIONS_MAX];

/* Node and nothing else: others (Electron, Bun) have other ways of starting. */
static bool is_node(void)
{
	const struct rt_bytes *program = environment_program();
	const char *name;

	if (!&napi_module_register || !program)
		return false;
	name = (const char *)program->data + program->size;
	while (name > (const char *)program->data && name[-1] != '/')
		name--;
	return text_equal(name, "node") || text_equal(name, "nodejs");
}

static bool is_refused(const char *word)
{
	static const char *const refused[] = {"--permission", "--experimental-permission",
		"--experimental-policy", "--policy-integrity", "--build-snapshot",
		"--snapshot-blob", "--experimental-sea-config", "--build-sea"};

	for (unsigned i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		if (text_after(word, refused[i]))
			return true;
	return false;
}

/* Any of the words that stand in a text, each followed by `end`. */
static bool words_refuse(char *text, size_t size, char end)
{
	size_t start = 0;

	for (size_t at = 0; at <= size; at++) {
		char here = at < size ? text[at] : end;

		if (here != end)
			continue;
		text[at] = 0;
		if (is_refused(text + start))
			return true;
		text[at] = end;
		start = at + 1;
	}
	return false;
}

static bool command_refuses(void)
{
	char text[4096 + 1];
	long fd = raw4(openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY | O_CLOEXEC, 0), size;

	if (fd < 0)
		return true;
	size = raw3(read, fd, text, sizeof(text) - 1);
	raw1(close, fd);
	return size <= 0 || words_refuse(text, (size_t)size, 0);
}

static size_t put(size_t at, const char *text)
{
	while (*text && at < OPTIONS_MAX - 1)
		options[at++] = *text++;
	options[at] = 0;
	return at;
}

/* The hook lies beside the shim, under a path that needs no quoting inside quotes. */
static bool hook_path(char path[PATH_MAX])
{
	size_t folder = text_length(environment.shim);

	while (folder && environment.shim[folder - 1] != '/')
		folder--;
	if (!folder || folder + sizeof(HOOK_NAME) > PATH_MAX)
		return false;
	memcpy(path, environment.shim, folder);
	memcpy(path + folder, HOOK_NAME, sizeof(HOOK_NAME));
	for (const char *letter = path; *letter; letter++)
		if (*letter == '"' || *letter == '\\')
			return false;
	return !raw3(faccessat, AT_FDCWD, path, R_OK);
}

/* Where the variable stands in environ, or where it may be put: a place of ours that came free. */
static char **options_place(void)
{
	char **place = environ;

	while (*place && !text_after(*place, "NODE_OPTIONS="))
		place++;
	return place;
}

void node_open(void)
{
	char path[PATH_MAX];
	char **place;
	size_t size;

	if (!environ || rt_region->flags & RT_REGION_NO_NODE || !is_node() || !hook_path(path) ||
		command_refuses())
		return;
	place = options_place();
	size = put(0, *place ? *place : "NODE_OPTIONS=");
	if (*place && words_refuse(options, size, ' '))
		return;
	size = put(size, *place ? " --require \"" : "--require \"");
	size = put(size, path);
	size = put(size, "\"");
	if (size >= OPTIONS_MAX - 1)
		return;
	if (!*place)
		place[1] = NULL;
	*place = options;
}
