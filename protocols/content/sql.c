/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tokeniser for SQL as PostgreSQL and MySQL write it, just deep enough to leave out what may be
 * data: strings in all their quotings, numbers, comments.
 */
#include "protocols/content/sql.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "wire/event.h"

enum token_type { TOKEN_END, TOKEN_WORD, TOKEN_LITERAL, TOKEN_PARAMETER, TOKEN_MARK };

struct token {
	enum token_type type;
	const char *text;
	size_t size;
};

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Behind the end of a quoted run that begins at `at`; doubled and escaped quotes are inside. */
static const char *skip_quoted(const char *at, const char *end, bool escapes)
{
	char quote = *at++;

	for (; at < end; at++) {
		if (escapes && *at == '\\' && at + 1 < end)
			at++;
		else if (*at == quote && at + 1 < end && at[1] == quote)
			at++;
		else if (*at == quote)
			return at + 1;
	}
	return end;
}

/* "$tag$ ... $tag$", or NULL where it is none. */
static const char *skip_dollar(const char *at, const char *end)
{
	const char *tag_end = at + 1;
	size_t size;

	while (tag_end < end && (is_letter(*tag_end) || is_digit(*tag_end)))
		tag_end++;
	if (tag_end == end || *tag_end != '$' || is_digit(at[1]))
		return NULL;
	size = (size_t)(tag_end + 1 - at);
	for (const char *found = tag_end + 1; found < end; found++) {
		if (*found == '$' && (size_t)(end - found) >= size && !memcmp(found, at, size))
			return found + size;
	}
	return end;
}

static const char *skip_blank(const char *at, const char *end)
{
	while (at < end) {
		if (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r' || *at == '\0') {
			at++;
		} else if (end - at > 1 && at[0] == '-' && at[1] == '-') {
			while (at < end && *at != '\n')
				at++;
		} else if (end - at > 1 && at[0] == '/' && at[1] == '*') {
			for (at += 2; at < end && !(at[-1] == '/' && at[-2] == '*' && at > end);
				at++) {
				if (end - at > 1 && at[0] == '*' && at[1] == '/') {
					at += 2;
					break;
				}
			}
		} else {
			break;
		}
	}
	return at;
}

static const char *skip_number(const char *at, const char *end)
{
	while (at < end &&
		(is_digit(*at) || is_letter(*at) || *at == '.' ||
			((*at == '-' || *at == '+') && (at[-1] | 0x20) == 'e')))
		at++;
	return at;
}

static const char *skip_word(const char *at, const char *end)
{
	while (at < end && (is_letter(*at) || is_digit(*at) || *at == '$'))
		at++;
	return at;
}

static bool is_operator(char c)
{
	return c && strchr("<>=!~#%^&|+-*/@:", c);
}

static struct token next_token(const char **from, const char *end)
{
	const char *at = skip_blank(*from, end);
	struct token token = {.type = TOKEN_MARK, .text = at};
	const char *dollar;

	if (at == end) {
		*from = end;
		return (struct token){.type = TOKEN_END, .text = end};
	}
	if (*at == '\'') {
		token.type = TOKEN_LITERAL;
		at = skip_quoted(at, end, true);
	} else if (end - at > 1 && at[1] == '\'' && strchr("eEbBxXnN", *at)) {
		token.type = TOKEN_LITERAL;
		at = skip_quoted(at + 1, end, true);
	} else if (*at == '"' || *at == '`') {
		token.type = TOKEN_WORD;
		at = skip_quoted(at, end, false);
	} else if (*at == '$' && end - at > 1 && is_digit(at[1])) {
		token.type = TOKEN_PARAMETER;
		for (at++; at < end && is_digit(*at);)
			at++;
	} else if (*at == '$' && end - at > 1 && (dollar = skip_dollar(at, end))) {
		token.type = TOKEN_LITERAL;
		at = dollar;
	} else if (is_digit(*at)) {
		token.type = TOKEN_LITERAL;
		at = skip_number(at, end);
	} else if (is_letter(*at)) {
		token.type = TOKEN_WORD;
		at = skip_word(at, end);
	} else if (is_operator(*at)) {
		while (at < end && is_operator(*at))
			at++;
	} else {
		at++;
	}
	token.size = (size_t)(at - token.text);
	*from = at;
	return token;
}

static bool word_is(const struct token *token, const char *word)
{
	return token->type == TOKEN_WORD && strlen(word) == token->size &&
		!strncasecmp(token->text, word, token->size);
}

static void copy_word(char *to, size_t room, const struct token *token, bool upper)
{
	const char *text = token->text;
	size_t size = token->size;

	if (size > 1 && (*text == '"' || *text == '`')) {
		text++;
		size -= 2;
	}
	size = size < room - 1 ? size : room - 1;
	for (size_t i = 0; i < size; i++)
		to[i] = upper && text[i] >= 'a' && text[i] <= 'z' ? (char)(text[i] & ~0x20)
								  : text[i];
	to[size] = '\0';
}

struct writer {
	char *text;
	size_t used;
	char before; /* last byte written */
	bool full;
};

static void write_token(struct writer *writer, const char *text, size_t size)
{
	bool blank = writer->used && !strchr("(.:", writer->before) && !strchr("),.;:", *text) &&
		!(*text == '(' && writer->before != ',' && writer->before != '=');

	if (writer->full || writer->used + size + blank >= SQL_TEXT) {
		writer->full = true;
		return;
	}
	if (blank)
		writer->text[writer->used++] = ' ';
	memcpy(writer->text + writer->used, text, size);
	writer->used += size;
	writer->before = text[size - 1];
	writer->text[writer->used] = '\0';
}

static void note_vector(struct sql_facts *facts, const struct token *token)
{
	static const char *const operators[] = {"<->", "<=>", "<#>", "<+>", "<~>", "<%>"};

	for (size_t i = 0; i < sizeof(operators) / sizeof(*operators); i++) {
		if (token->size == 3 && !memcmp(token->text, operators[i], 3))
			memcpy(facts->vector_operator, operators[i], 4);
	}
}

/* CREATE TABLE IF NOT EXISTS name */
static bool names_table(const struct sql_facts *facts, const struct token *before)
{
	static const char *const words[] = {"from", "into", "update", "copy", "join"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (word_is(before, words[i]))
			return true;
	}
	return (word_is(before, "table") || word_is(before, "exists")) &&
		strcmp(facts->operation, "SELECT") != 0;
}

/* What the word before makes of this token. */
static void note_context(
	struct sql_facts *facts, const struct token *before, const struct token *token)
{
	char number[24];

	if (token->type == TOKEN_WORD && !*facts->table && !word_is(token, "if") &&
		names_table(facts, before))
		copy_word(facts->table, sizeof(facts->table), token, false);
	if (!word_is(before, "limit"))
		return;
	if (token->type == TOKEN_LITERAL && token->size < sizeof(number)) {
		memcpy(number, token->text, token->size);
		number[token->size] = '\0';
		facts->limit = strtoll(number, NULL, 10);
	} else if (token->type == TOKEN_PARAMETER) {
		facts->limit_parameter = atoi(token->text + 1);
	}
}

void sql_read(struct sql_facts *facts, const char *text, size_t size)
{
	const char *at = text, *end = text + size;
	struct writer writer = {.text = facts->text};
	struct token token, before = {0};
	bool literal_list = false;

	memset(facts, 0, sizeof(*facts));
	facts->limit = -1;
	for (token = next_token(&at, end); token.type != TOKEN_END; token = next_token(&at, end)) {
		if (!*facts->operation && token.type == TOKEN_WORD)
			copy_word(facts->operation, sizeof(facts->operation), &token, true);
		note_context(facts, &before, &token);
		if (token.type == TOKEN_MARK)
			note_vector(facts, &token);
		if (token.type == TOKEN_LITERAL) {
			/* "?, ?, ?" is told as "?" */
			if (!literal_list)
				write_token(&writer, "?", 1);
			literal_list = true;
		} else if (!(literal_list && token.size == 1 && *token.text == ',')) {
			literal_list = false;
			write_token(&writer, token.text, token.size);
		}
		before = token;
	}
}

void sql_put(struct exchange *exchange, const struct sql_facts *facts)
{
	bool is_vector = *facts->vector_operator;

	if (!exchange)
		return;
	exchange->class = is_vector ? RT_CLASS_vector_search : RT_CLASS_database_query;
	exchange_string(exchange, "db.query.text", facts->text);
	exchange_string(exchange, "db.operation.name", facts->operation);
	if (*facts->table)
		exchange_string(exchange, "db.collection.name", facts->table);
	if (is_vector)
		exchange_string(exchange, "ragtime.vector_operator", facts->vector_operator);
	if (is_vector && facts->limit >= 0)
		exchange_int(exchange, "ragtime.k", facts->limit);
	exchange_name(exchange, "%s%s%s", facts->operation, *facts->table ? " " : "", facts->table);
}
