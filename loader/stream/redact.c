/* SPDX-License-Identifier: Apache-2.0 */
#include "loader/stream/redact.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#define HIDDEN "***"

struct span {
	const char *at;
	const char *end;
};

static size_t length(struct span span)
{
	return (size_t)(span.end - span.at);
}

/* Bytes of the UTF-8 character at the front, 0 where there is none. */
static size_t utf8_length(const uint8_t *at, size_t left)
{
	size_t size = *at < 0x80 ? 1 : *at < 0xc2 ? 0 : *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : 4;

	if (!size || size > left || *at > 0xf4)
		return 0;
	for (size_t i = 1; i < size; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	}
	/* Overlong forms, surrogates and what lies above U+10FFFF. */
	if ((*at == 0xe0 && at[1] < 0xa0) || (*at == 0xed && at[1] > 0x9f) ||
		(*at == 0xf0 && at[1] < 0x90) || (*at == 0xf4 && at[1] > 0x8f))
		return 0;
	return size;
}

static void sanitise(const uint8_t *bytes, size_t size, bool has_lines, struct buf *out)
{
	for (size_t i = 0; i < size;) {
		size_t step = utf8_length(bytes + i, size - i);

		bool stays = has_lines && (bytes[i] == '\n' || bytes[i] == '\t');

		if (!step || (iscntrl(bytes[i]) && !stays))
			buf_append(out, "?", 1);
		else
			buf_append(out, bytes + i, step);
		i += step ? step : 1;
	}
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("_+~.%-", c)) || (c & 0x80);
}

static bool holds(struct span word, const char *part)
{
	size_t size = strlen(part);

	for (const char *at = word.at; at + size <= word.end; at++) {
		if (!strncasecmp(at, part, size))
			return true;
	}
	return false;
}

/* Is what is assigned to this name a secret? */
static bool names_secret(struct span word)
{
	static const char *const names[] = {"key", "token", "secret", "passw", "pwd", "passphrase",
		"credential", "auth", "bearer", "cookie", "session", "signature", "sig", "apikey"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (holds(word, names[i]))
			return true;
	}
	return false;
}

/* How sure a prefix is: some stand in ordinary words as well. */
enum surety {
	ANYWHERE,
	AT_BORDER,  /* of a word, or behind '-', '_' and the like */
	WITH_DIGIT, /* there, and a digit behind it */
};

/* Keys that say what they are. */
static const struct prefix {
	const char *text;
	size_t after; /* characters that must follow */
	enum surety surety;
} prefixes[] = {{"sk-", 12, WITH_DIGIT}, {"sk_", 12, WITH_DIGIT}, {"pk_", 12, WITH_DIGIT},
	{"rk_", 12, WITH_DIGIT}, {"sk-proj-", 4, ANYWHERE}, {"sk-ant-", 4, ANYWHERE},
	{"sk-or-", 8, AT_BORDER}, {"ghp_", 8, ANYWHERE}, {"gho_", 8, ANYWHERE},
	{"ghu_", 8, ANYWHERE}, {"ghs_", 8, ANYWHERE}, {"ghr_", 8, ANYWHERE},
	{"github_pat_", 8, ANYWHERE}, {"glpat-", 8, ANYWHERE}, {"xoxb-", 8, ANYWHERE},
	{"xoxp-", 8, ANYWHERE}, {"xoxa-", 8, ANYWHERE}, {"xoxs-", 8, ANYWHERE},
	{"xapp-", 8, AT_BORDER}, {"AKIA", 12, ANYWHERE}, {"ASIA", 12, WITH_DIGIT},
	{"AIza", 20, ANYWHERE}, {"ya29.", 8, AT_BORDER}, {"hf_", 16, AT_BORDER},
	{"gsk_", 16, AT_BORDER}, {"SG.", 16, AT_BORDER}, {"npm_", 20, WITH_DIGIT},
	{"pypi-", 20, WITH_DIGIT}, {"dop_v1_", 8, ANYWHERE}, {"eyJ", 16, AT_BORDER},
	{"whsec_", 8, ANYWHERE}, {"shpat_", 8, AT_BORDER}, {"r8_", 16, WITH_DIGIT},
	{"pcsk_", 8, ANYWHERE}, {"pplx-", 12, WITH_DIGIT}, {"xai-", 12, WITH_DIGIT},
	{"nvapi-", 8, ANYWHERE}, {"tvly-", 8, ANYWHERE}};

static bool is_key(struct span word, bool at_border)
{
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
		const struct prefix *prefix = &prefixes[i];
		size_t size = strlen(prefix->text);
		bool sure = prefix->surety != WITH_DIGIT;

		if ((prefix->surety != ANYWHERE && !at_border) ||
			length(word) < size + prefix->after || memcmp(word.at, prefix->text, size))
			continue;
		for (const char *at = word.at + size; at < word.end && at < word.at + 64; at++)
			sure |= isdigit((unsigned char)*at) != 0;
		if (sure)
			return true;
	}
	return false;
}

static bool holds_key(struct span word)
{
	for (const char *at = word.at; at < word.end; at++) {
		bool at_border = at == word.at || !isalnum((unsigned char)at[-1]);

		if (is_key((struct span){at, word.end}, at_border))
			return true;
	}
	return false;
}

static int class_of(char c)
{
	return isdigit((unsigned char)c) ? 1 : isupper((unsigned char)c) ? 2 : 3;
}

enum look { LOOK_ORDINARY, LOOK_HASH, LOOK_RANDOM };

/*
 * How a run of letters and digits looks. Random keys change between digits, capitals and small
 * letters every other character; names do so at the borders of words.
 */
static enum look look_of(struct span run)
{
	size_t changes = 0, digit_changes = 0, hex = 0, size = length(run);

	if (size < 16)
		return LOOK_ORDINARY;
	for (const char *at = run.at; at < run.end; at++) {
		hex += isxdigit((unsigned char)*at) != 0;
		if (at == run.at || class_of(*at) == class_of(at[-1]))
			continue;
		changes++;
		digit_changes += class_of(*at) == 1 || class_of(at[-1]) == 1;
	}
	if (hex == size && digit_changes >= 3)
		return LOOK_HASH;
	return digit_changes >= 3 && changes * 10 >= size * 3 ? LOOK_RANDOM : LOOK_ORDINARY;
}

static struct span next_run(struct span word)
{
	struct span run;

	while (word.at < word.end && !isalnum((unsigned char)*word.at))
		word.at++;
	run = (struct span){word.at, word.at};
	while (run.end < word.end && isalnum((unsigned char)*run.end))
		run.end++;
	return run;
}

/* Cuts hash-like runs short: cache files and objects stay told apart, keys become useless. */
static void put_ordinary(struct span word, struct buf *out)
{
	while (word.at < word.end) {
		struct span run = next_run(word);

		buf_append(out, word.at, (size_t)(run.at - word.at));
		if (look_of(run) == LOOK_HASH) {
			buf_append(out, run.at, 8);
			buf_append(out, "~", 1);
		} else {
			buf_append(out, run.at, length(run));
		}
		word.at = run.end;
	}
}

static void put_word(struct span word, struct buf *out)
{
	bool secret = holds_key(word);

	for (struct span rest = word; rest.at < rest.end && !secret;) {
		struct span run = next_run(rest);

		secret = look_of(run) == LOOK_RANDOM;
		rest.at = run.end;
	}
	if (secret)
		buf_puts(out, HIDDEN);
	else
		put_ordinary(word, out);
}

/* Letters and digits that change twice or more: no "v2", "sha256" or "2024". */
static bool is_mixed(struct span part)
{
	size_t changes = 0;

	for (const char *at = part.at + 1; at < part.end; at++)
		changes +=
			(isdigit((unsigned char)*at) != 0) != (isdigit((unsigned char)at[-1]) != 0);
	return length(part) >= 4 && changes >= 2;
}

/* SECRET_x7f3k: a name that says so, with what looks like the secret itself. */
static bool carries_secret(struct span word)
{
	bool mixed = false;

	for (struct span rest = word; rest.at < rest.end && !mixed;) {
		struct span part = {rest.at, rest.at};

		while (part.end < rest.end && *part.end != '_')
			part.end++;
		mixed = is_mixed(part);
		rest.at = part.end + (part.end < rest.end);
	}
	return mixed && names_secret(word);
}

/* No "name=value" is in it: its values are gone already, and what stands around them is code. */
static void put_statement(struct span text, struct buf *out)
{
	while (text.at < text.end) {
		struct span word = {text.at, text.at};

		while (word.end < text.end && is_word(*word.end))
			word.end++;
		if (carries_secret(word))
			buf_puts(out, HIDDEN);
		else
			put_word(word, out);
		text.at = word.end;
		if (text.at < text.end)
			buf_append(out, text.at++, 1);
	}
}

static const char *find_any(struct span text, const char *set)
{
	for (const char *at = text.at; at < text.end; at++) {
		if (strchr(set, *at))
			return at;
	}
	return text.end;
}

/* After "name=", "name: Bearer ": hides the value; returns where to go on. */
static const char *hide_value(struct span text, struct buf *out)
{
	struct span value = text;

	while (value.at < value.end && (*value.at == '=' || *value.at == ':' || *value.at == ' '))
		value.at++;
	for (;;) {
		const char quote[2] = {*value.at == '\'' || *value.at == '"' ? *value.at : '\0'};

		value.at += *quote != 0;
		value.end =
			find_any((struct span){value.at, text.end}, *quote ? quote : " &;,/'\")");
		if (value.end == text.end || *value.end != ' ' ||
			(strncasecmp(value.at, "bearer ", 7) && strncasecmp(value.at, "basic ", 6)))
			break;
		value.at = value.end + 1;
	}
	buf_append(out, text.at, (size_t)(value.at - text.at));
	if (length(value))
		buf_puts(out, HIDDEN);
	return value.end;
}

/* "user:password@" at the front, or after "://": where it ends; else text.at. */
static const char *skip_userinfo(struct span text, bool bare_user)
{
	const char *end = find_any(text, "/?# ");
	const char *sign = NULL;
	bool colon = bare_user;

	for (const char *at = text.at; at < end; at++) {
		if (*at == '@' && colon)
			sign = at;
		colon |= *at == ':';
	}
	return sign ? sign : text.at;
}

static const char *hide_userinfo(struct span text, bool bare_user, struct buf *out)
{
	const char *sign = skip_userinfo(text, bare_user);

	if (sign != text.at)
		buf_puts(out, HIDDEN);
	return sign;
}

static bool starts(struct span text, const char *prefix)
{
	return length(text) >= strlen(prefix) && !memcmp(text.at, prefix, strlen(prefix));
}

static void put_text(struct span text, enum redact_kind kind, struct buf *out)
{
	text.at = hide_userinfo(text, kind == REDACT_HOST, out);
	while (text.at < text.end) {
		struct span word = {text.at, text.at};

		while (word.end < text.end && is_word(*word.end))
			word.end++;
		put_word(word, out);
		text.at = word.end;
		if (text.at == text.end)
			break;
		if ((*text.at == '=' || *text.at == ':') && names_secret(word) &&
			!starts(text, "://")) {
			text.at = hide_value(text, out);
		} else if (starts(text, "://")) {
			buf_puts(out, "://");
			text.at += 3;
			text.at = hide_userinfo(text, true, out);
		} else {
			char separator = *text.at++;

			buf_append(out, &separator, 1);
			if (separator == '/')
				text.at = hide_userinfo(text, false, out);
		}
	}
}

/* ---- content ---- */

static bool word_is(struct span word, const char *text)
{
	return length(word) == strlen(text) && holds(word, text);
}

static bool word_ends(struct span word, const char *end)
{
	size_t size = strlen(end);

	return length(word) >= size && holds((struct span){word.end - size, word.end}, end);
}

/* Of the words that people write, fewer mean a secret than of those that name files. */
static bool names_credential(struct span word, struct span before)
{
	static const char *const parts[] = {"passw", "secret", "apikey", "api_key", "api-key",
		"accesskey", "credential", "authorization", "cookie", "passphrase"};
	static const char *const ends[] = {"token", "_key", "-key"};
	static const char *const wholes[] = {"key", "pwd", "sig", "auth", "signature", "bearer"};

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		if (holds(word, parts[i]))
			return true;
	}
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		if (word_ends(word, ends[i]))
			return true;
	}
	for (size_t i = 0; i < sizeof(wholes) / sizeof(*wholes); i++) {
		if (word_is(word, wholes[i]))
			return true;
	}
	return word_is(word, "by") && word_is(before, "identified"); /* in SQL */
}

/*
 * Where the value begins of a name that ends here, as in `name = value`, `"name": "value"`, the
 * same inside a JSON string, and `PASSWORD 'value'`; NULL where none does. `quote` is what ends
 * it, and whether a backslash stands before that.
 */
static const char *find_value(struct span text, char *quote, bool *is_escaped)
{
	bool assigned = false;
	const char *at;

	*quote = '\0';
	*is_escaped = false;
	for (at = text.at; at < text.end; at++) {
		if (*at == ':' || *at == '=') {
			assigned = true;
		} else if (*at == '"' || *at == '\'') {
			*is_escaped = at > text.at && at[-1] == '\\';
			*quote = *at;
			if (assigned || (at > text.at && at[-1] == ' '))
				return at + 1;
		} else if (*at != '\\' && *at != ' ') {
			break;
		}
	}
	*quote = '\0';
	return assigned && at < text.end ? at : NULL;
}

static const char *find_quote(struct span text, char quote, bool is_escaped)
{
	for (const char *at = text.at; at < text.end; at++) {
		if (*at == quote && (!is_escaped || at[-1] == '\\'))
			return is_escaped ? at - 1 : at;
		at += *at == '\\' && !is_escaped && text.end - at > 1;
	}
	return text.end;
}

/* Behind what this name is given; here, where that is nothing. */
static const char *hide_credential(struct span word, struct span text, struct buf *out)
{
	static const char *const schemes[] = {"bearer ", "basic ", "token "};
	bool is_escaped, is_cookie = holds(word, "cookie");
	char quote;
	const char *value = find_value(text, &quote, &is_escaped), *end;

	if (!value)
		return text.at;
	end = quote ? find_quote((struct span){value, text.end}, quote, is_escaped) : value;
	for (size_t i = 0; !quote && i < sizeof(schemes) / sizeof(*schemes); i++) {
		size_t size = strlen(schemes[i]);

		if ((size_t)(text.end - value) > size && !strncasecmp(value, schemes[i], size))
			end = value + size;
	}
	if (!quote)
		end = find_any(
			(struct span){end, text.end}, is_cookie ? "\n\"'\\" : "\n\t &;,'\")}\\");
	buf_append(out, text.at, (size_t)(value - text.at));
	if (end > value)
		buf_puts(out, HIDDEN);
	return end;
}

/* The sign between two words, with who uses a URL. */
static const char *put_separator(struct span text, struct buf *out)
{
	if (starts(text, "://")) {
		const char *end = find_any(text, " \"'\\\n\t<>");

		buf_puts(out, "://");
		return hide_userinfo((struct span){text.at + 3, end}, true, out);
	}
	buf_append(out, text.at, 1);
	return text.at + 1;
}

/* Of a word behind a backslash: how much of it may be an escape, as in "\nword". */
static size_t escape_size(struct span word)
{
	size_t digits = 0;

	if (!length(word) || !strchr("ntrbfu", *word.at))
		return 0;
	if (*word.at != 'u')
		return 1;
	while (digits < 4 && digits + 1 < length(word) &&
		isxdigit((unsigned char)word.at[digits + 1]))
		digits++;
	return digits == 4 ? 5 : 0;
}

/* Puts the escape that a word begins with; what is left is the word. */
static struct span put_escape(struct span word, struct buf *out)
{
	size_t size = escape_size(word);

	if (!size || holds_key(word))
		return word;
	buf_append(out, word.at, size);
	return (struct span){word.at + size, word.end};
}

static struct span next_word(struct span text)
{
	struct span word = {text.at, text.at};

	while (word.end < text.end && is_word(*word.end))
		word.end++;
	return word;
}

static void put_content(struct span text, struct buf *out)
{
	struct span before = {text.at, text.at};
	const char *begin = text.at, *behind;

	while (text.at < text.end) {
		struct span word = next_word(text);

		if (text.at > begin && text.at[-1] == '\\')
			word = put_escape(word, out);
		if (word_is(before, "bearer") && length(word) >= 8)
			buf_puts(out, HIDDEN);
		else
			put_word(word, out);
		text.at = word.end;
		if (text.at == text.end)
			break;
		behind = names_credential(word, before) && !starts(text, "://")
			? hide_credential(word, text, out)
			: text.at;
		text.at = behind == text.at ? put_separator(text, out) : behind;
		before = length(word) ? word : before;
	}
}

bool redact_names_credential(const void *statement, size_t size)
{
	struct span text = {statement, (const char *)statement + size}, before = {text.at, text.at};

	while (text.at < text.end) {
		struct span word = next_word(text);

		if (names_credential(word, before))
			return true;
		before = length(word) ? word : before;
		text.at = word.end + (word.end < text.end);
	}
	return false;
}

/* Where the query string begins; text.end where there is none. */
static const char *find_query(struct span text, enum redact_kind kind)
{
	bool url = kind == REDACT_HOST || holds(text, "://");
	const char *query = find_any(text, "?");

	/* A lone '?' in a file name is no query. */
	return url || memchr(query, '=', (size_t)(text.end - query)) ? query : text.end;
}

void redact_text(enum redact_kind kind, const void *bytes, size_t size, struct buf *out)
{
	struct buf clean = {0};
	struct span text;
	const char *query;

	sanitise(bytes, size, kind == REDACT_CONTENT, &clean);
	if (clean.failed) {
		buf_puts(out, HIDDEN);
		return;
	}
	text.at = buf_string(&clean);
	text.end = text.at + clean.size;
	if (kind == REDACT_CONTENT) {
		put_content(text, out);
	} else if (kind == REDACT_STATEMENT) {
		put_statement(text, out);
	} else {
		query = find_query(text, kind);
		put_text((struct span){text.at, query}, kind, out);
		if (query != text.end)
			buf_puts(out, "?" HIDDEN);
	}
	buf_free(&clean);
}
