/* SPDX-License-Identifier: Apache-2.0 */
#include "preload/environment.h"
#include "preload/python/python.h"

#include <fcntl.h>
#include <linux/auxvec.h>

#define SHIM_NAME "libragtime.so"

struct environment environment;

extern char **environ __attribute__((weak));

static void text_copy(char *to, size_t room, const char *from, size_t length)
{
	if (length >= room)
		length = 0; /* a cut path is no path: as if it had not been given */
	memcpy(to, from, length);
	to[length] = 0;
}

static bool is_shim(const char *entry, size_t length)
{
	size_t name = sizeof(SHIM_NAME) - 1;

	if (length < name || (length > name && entry[length - name - 1] != '/'))
		return false;
	return text_after(entry + length - name, SHIM_NAME) != NULL;
}

/*
 * Cuts our entry off the list, where it stands last: what is before it stays as it was, an empty
 * list too. False where the variable was there for us alone.
 */
static bool preload_clean(char *list)
{
	size_t length = text_length(list), start = length;

	while (start && list[start - 1] != ':')
		start--;
	if (!is_shim(list + start, length - start))
		return true;
	text_copy(environment.shim, sizeof(environment.shim), list + start, length - start);
	if (start)
		list[start - 1] = 0;
	return start != 0;
}

static __u64 hex_read(const char *digits)
{
	__u64 number = 0;

	for (; *digits; digits++) {
		unsigned digit = (unsigned)(*digits <= '9' ? *digits - '0' : *digits - 'a' + 10);

		number = number << 4 | (digit & 15);
	}
	return number;
}

/* Takes what is ours out of one variable; false where the variable goes. */
static bool variable_keep(char *variable)
{
	const char *value;

	value = text_after(variable, RT_ENV_REGION "=");
	if (value) {
		text_copy(
			environment.region, sizeof(environment.region), value, text_length(value));
		return false;
	}
	value = text_after(variable, RT_ENV_EXEC "=");
	if (value) {
		environment.from_exec = true;
		environment.maker = hex_read(value);
		return false;
	}
	if (text_after(variable, RT_ENV_EVEN "="))
		return false;
	value = text_after(variable, "LD_PRELOAD=");
	return !value || preload_clean((char *)value);
}

/* "<path>:<cookie in hex>" */
static void region_parse(void)
{
	const char *value = environment.region;
	size_t colon = text_length(value);

	while (colon && value[colon] != ':')
		colon--;
	if (!colon)
		return;
	text_copy(environment.region_path, sizeof(environment.region_path), value, colon);
	environment.cookie = hex_read(value + colon + 1);
}

/*
 * Some runtimes (Go's) look for the auxiliary vector right behind the end of the environment. The
 * slots that came free there are made entries of it that mean nothing: two slots each.
 */
static void gap_fill(char **from, char **to)
{
	if ((to - from) % 2)
		return;
	for (; from < to; from += 2) {
		from[0] = (char *)AT_IGNORE;
		from[1] = NULL;
	}
}

void environment_take(void)
{
	char **from, **to;

	if (!&environ || !environ)
		return;
	for (from = to = environ; *from; from++)
		if (variable_keep(*from))
			*to++ = *from;
	*to = NULL;
	gap_fill(to + 1, from + 1);
	region_parse();
}

size_t environment_size(char *const *from)
{
	size_t size = 0, count = 0;

	for (; from && from[count]; count++) {
		if (text_after(from[count], RT_ENV_REGION "="))
			return 0;
		if (text_after(from[count], "LD_PRELOAD="))
			size += text_length(from[count]);
	}
	size += sizeof("LD_PRELOAD=:" RT_ENV_REGION "=" RT_ENV_EXEC "=0123456789abcdef") +
		text_length(environment.shim) + text_length(environment.region) + 3;
	size += (count + 5) * sizeof(char *);
	return size <= ENVIRONMENT_MAX ? size : 0;
}

static char *text_append(char *to, const char *text)
{
	while (*text)
		*to++ = *text++;
	*to = 0;
	return to;
}

static void hex_append(char *to, __u64 number)
{
	unsigned digits = 1;

	while (digits < 16 && number >> digits * 4)
		digits++;
	to[digits] = 0;
	for (; digits-- > 0; number >>= 4)
		to[digits] = "0123456789abcdef"[number & 15];
}

char **environment_make(char *const *from, void *memory)
{
	const char *preload = NULL;
	char **to = memory, **variables = to, *text;
	size_t count = 0;

	while (from && from[count])
		count++;
	text = (char *)(to + count + 5);
	for (size_t at = 0; at < count; at++) {
		const char *value = text_after(from[at], "LD_PRELOAD=");

		if (value && !preload)
			preload = value;
		else if (!value)
			*to++ = from[at];
	}
	*to++ = text;
	text = text_append(text, "LD_PRELOAD=");
	if (preload)
		text = text_append(text_append(text, preload), ":");
	text = text_append(text, environment.shim) + 1;
	*to++ = text;
	text = text_append(text_append(text, RT_ENV_REGION "="), environment.region) + 1;
	*to++ = text;
	hex_append(text_append(text, RT_ENV_EXEC "="), python_innermost());
	if (!preload)
		*to++ = (char *)RT_ENV_EVEN "=";
	*to = NULL;
	return variables;
}

const struct rt_bytes *environment_program(void)
{
	static char path[PATH_MAX];
	static struct rt_bytes tail = {.type = RT_TAIL_PATH, .data = path};
	long size;

	/* A forked child finds its parent's answer, which is its own. */
	if (!tail.size) {
		size = raw4(readlinkat, AT_FDCWD, "/proc/self/exe", path, sizeof(path));
		tail.size = size > 0 ? (__u32)size : 0;
	}
	return tail.size ? &tail : NULL;
}
