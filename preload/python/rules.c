/* SPDX-License-Identifier: Apache-2.0 */
#include "preload/python/rules.h"

#define RULES_MAX 1024

struct rule {
	const char *pattern; /* up to the end of its line */
	__u16 length;
	__u8 does; /* enum py_rule */
};

static struct rule rules[RULES_MAX];
static unsigned rule_count;

static const struct {
	const char *word;
	enum py_rule does;
} words[] = {
	{"skip ", PY_RULE_SKIP},
	{"call ", PY_RULE_CALL},
	{"request ", PY_RULE_REQUEST},
	{"import ", PY_RULE_IMPORT},
	{"hand ", PY_RULE_HAND},
	{"take ", PY_RULE_TAKE},
};

static void rule_add(const char *line, const char *end)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		const char *pattern = text_after(line, words[i].word);

		if (!pattern || pattern >= end || rule_count == RULES_MAX)
			continue;
		rules[rule_count++] =
			(struct rule){pattern, (__u16)(end - pattern), (__u8)words[i].does};
	}
}

void py_rules_read(void)
{
	const char *line = rt_region->runtime_rules, *limit = line + RT_RUNTIME_RULES - 1;

	rule_count = 0;
	while (line < limit && *line) {
		const char *end = line;

		while (end < limit && *end && *end != '\n')
			end++;
		rule_add(line, end);
		line = *end == '\n' ? end + 1 : end;
	}
}

/* `*` stands for anything, also for dots. */
static bool fits(const char *pattern, const char *end, const char *text)
{
	const char *star = NULL, *retry = NULL;

	while (*text) {
		if (pattern < end && *pattern == '*') {
			star = ++pattern;
			retry = text;
		} else if (pattern < end && *pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star;
			text = ++retry;
		} else {
			return false;
		}
	}
	while (pattern < end && *pattern == '*')
		pattern++;
	return pattern == end;
}

static bool contains(const char *text, const char *part)
{
	for (; *text; text++)
		if (text_after(text, part))
			return true;
	return false;
}

static const char *last_part(const char *name)
{
	const char *part = name;

	for (; *name; name++)
		if (*name == '.')
			part = name + 1;
	return part;
}

/*
 * The program's own code: in files that are neither installed nor the standard library's. What is
 * typed in counts, what is made up at run time does not; comprehensions are part of their function.
 */
static bool is_own(const char *name, const char *file)
{
	const char *part = last_part(name);

	if (*file == '<' && !text_after(name, "__main__."))
		return false;
	if (*part == '<' && !text_equal(part, "<module>") && !text_equal(part, "<lambda>"))
		return false;
	return !contains(file, "/site-packages/") && !contains(file, "/dist-packages/") &&
		!contains(file, "/lib/python3");
}

enum py_rule py_rules_pick(const char *name, const char *file)
{
	for (unsigned i = 0; i < rule_count; i++) {
		const struct rule *rule = &rules[i];

		/* most rules are told by their first letter already */
		if (*rule->pattern != *name && *rule->pattern != '*')
			continue;
		if (fits(rule->pattern, rule->pattern + rule->length, name))
			return (enum py_rule)rule->does;
	}
	return is_own(name, file) ? PY_RULE_CALL : PY_RULE_SKIP;
}
