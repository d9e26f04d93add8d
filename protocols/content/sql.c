/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tokeniser for SQL as PostgreSQL and MySQL write it, just deep enough to leave out what may be
 * data: strings in all their quotings, numbers, comments. Where the quoting is in doubt, the rest
 * of the statement is taken for data.
 */
#include "protocols/content/sql.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "wire/event.h"

#define WORD_BYTES 64 /* no identifier is longer: then it is something else */

enum token_type { TOKEN_END, TOKEN_WORD, TOKEN_LITERAL, TOKEN_PARAMETER, TOKEN_MARK };

struct token {
	enum token_type type;
	const char *text;
	size_t size;
};

struct lexer {
	const char *at, *end;
	enum sql_dialect dialect;
};

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_blank(char c)
{
	return (c >= 0 && c <= ' ') || c == 0x7f;
}

/* ---- runs ---- */

enum quoting { QUOTING_PLAIN, QUOTING_ESCAPES, QUOTING_NAME };

/*
 * Behind the end of a quoted run that begins at `at`; doubled quotes are inside. In a plain string
 * a quote behind a backslash may be an end or none, by a setting that is not known here: all that
 * follows is inside.
 */
static const char *skip_quoted(const char *at, const char *end, enum quoting quoting)
{
	char quote = *at++;
	bool escaped = false;

	for (; at < end; at++) {
		if (*at == '\\' && quoting != QUOTING_NAME) {
			escaped = !escaped;
			continue;
		}
		if (*at == quote && escaped && quoting == QUOTING_PLAIN)
			return end;
		if (*at == quote && !escaped) {
			if (end - at < 2 || at[1] != quote)
				return at + 1;
			at++;
		}
		escaped = false;
	}
	return end;
}

/* "$tag$ ... $tag$", or NULL where it is none. */
static const char *skip_dollar(const char *at, const char *end)
{
	const char *tag_end = at + 1;
	const char *found;
	size_t size;

	while (tag_end < end && (is_letter(*tag_end) || is_digit(*tag_end)))
		tag_end++;
	if (tag_end == end || *tag_end != '$')
		return NULL;
	size = (size_t)(tag_end + 1 - at);
	found = memmem(tag_end + 1, (size_t)(end - tag_end - 1), at, size);
	return found ? found + size : end;
}

/* PostgreSQL's comments nest, MySQL's do not. */
static const char *skip_block(const char *at, const char *end, bool nests)
{
	unsigned depth = 1;

	for (at += 2; end - at > 1; at++) {
		if (at[0] == '*' && at[1] == '/') {
			at++;
			if (!--depth)
				return at + 1;
		} else if (nests && at[0] == '/' && at[1] == '*') {
			at++;
			depth++;
		}
	}
	return end;
}

/* Behind the comment that begins here; here, where none does. */
static const char *skip_comment(const struct lexer *lexer, const char *at)
{
	bool is_mysql = lexer->dialect != SQL_POSTGRES;
	size_t left = (size_t)(lexer->end - at);
	const char *line_end;

	if (left > 1 && at[0] == '/' && at[1] == '*')
		return skip_block(at, lexer->end, !is_mysql);
	if (!(left && *at == '#' && is_mysql) &&
		!(left > 1 && at[0] == '-' && at[1] == '-' &&
			(!is_mysql || left == 2 || is_blank(at[2]))))
		return at;
	line_end = memchr(at, '\n', left);
	return line_end ? line_end : lexer->end;
}

static const char *skip_blank(const struct lexer *lexer, const char *at)
{
	const char *before;

	do {
		before = at;
		while (at < lexer->end && is_blank(*at))
			at++;
		at = skip_comment(lexer, at);
	} while (at != before);
	return at;
}

static const char *skip_number(const char *at, const char *end)
{
	while (at < end &&
		(is_digit(*at) || is_letter(*at) || *at == '.' ||
			((*at == '-' || *at == '+') && (at[-1] | 0x20) == 'e' && end - at > 1 &&
				is_digit(at[1]))))
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

static const char *skip_operator(const struct lexer *lexer, const char *at)
{
	while (at < lexer->end && is_operator(*at) && skip_comment(lexer, at) == at)
		at++;
	return at;
}

/* ---- tokens ---- */

/* A string with what stands before its quote: E'...', x'...'. NULL where none begins. */
static const char *skip_string(const struct lexer *lexer, const char *at)
{
	size_t left = (size_t)(lexer->end - at);
	enum quoting quoting = lexer->dialect == SQL_MYSQL ? QUOTING_ESCAPES : QUOTING_PLAIN;

	if (*at == '\'' || (*at == '"' && lexer->dialect != SQL_POSTGRES))
		return skip_quoted(at, lexer->end, quoting);
	if (left > 1 && at[1] == '\'' && *at && strchr("eEbBxXnN", *at)) {
		if (lexer->dialect == SQL_POSTGRES && (*at | 0x20) == 'e')
			quoting = QUOTING_ESCAPES;
		return skip_quoted(at + 1, lexer->end, quoting);
	}
	return *at == '$' && lexer->dialect == SQL_POSTGRES ? skip_dollar(at, lexer->end) : NULL;
}

static const char *scan_token(
	const struct lexer *lexer, const char *at, const struct token *before, struct token *token)
{
	const char *end = lexer->end, *behind;

	token->type = TOKEN_MARK;
	if (*at == '$' && end - at > 1 && is_digit(at[1])) {
		token->type = TOKEN_PARAMETER;
		for (at++; at < end && is_digit(*at);)
			at++;
		return at;
	}
	behind = skip_string(lexer, at);
	if (behind) {
		token->type = TOKEN_LITERAL;
		return behind;
	}
	if (*at == '"' || *at == '`') {
		behind = skip_quoted(at, end, QUOTING_NAME);
		token->type = TOKEN_WORD;
		/* compared with alone: more likely a string in the wrong quotes than a column */
		if (behind[-1] != *at || behind - at < 2 ||
			(before->type == TOKEN_MARK && is_operator(*before->text) &&
				(behind == end || *behind != '.')))
			token->type = TOKEN_LITERAL;
		return behind;
	}
	if (is_digit(*at)) {
		token->type = TOKEN_LITERAL;
		return skip_number(at, end);
	}
	if (is_letter(*at)) {
		token->type = TOKEN_WORD;
		return skip_word(at, end);
	}
	return is_operator(*at) ? skip_operator(lexer, at) : at + 1;
}

static struct token next_token(struct lexer *lexer, const struct token *before)
{
	struct token token = {.type = TOKEN_END};

	lexer->at = skip_blank(lexer, lexer->at);
	token.text = lexer->at;
	if (lexer->at == lexer->end)
		return token;
	lexer->at = scan_token(lexer, lexer->at, before, &token);
	token.size = (size_t)(lexer->at - token.text);
	if (token.type == TOKEN_WORD && token.size > WORD_BYTES)
		token.type = TOKEN_LITERAL;
	return token;
}

static bool token_is(const struct token *token, const char *text)
{
	return token->type != TOKEN_LITERAL && strlen(text) == token->size &&
		!strncasecmp(token->text, text, token->size);
}

static bool token_is_any(const struct token *token, const char *const *texts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (token_is(token, texts[i]))
			return true;
	}
	return false;
}

#define TOKEN_IS_ANY(token, texts) token_is_any(token, texts, sizeof(texts) / sizeof(*(texts)))

static void copy_word(char *to, size_t room, const struct token *token)
{
	bool is_quoted = *token->text == '"' || *token->text == '`';
	const char *text = token->text + is_quoted;
	size_t size = token->size - (is_quoted ? 2 : 0);

	size = size < room - 1 ? size : room - 1;
	memcpy(to, text, size);
	to[size] = '\0';
}

/* ---- the text ---- */

struct writer {
	char *text;
	size_t used;
	char before; /* last byte written */
	bool full;
	bool in_list; /* of literals: "?, ?, ?" is told as "?" */
	bool comma;   /* in it, not written yet */
};

static void write_text(struct writer *writer, const char *text, size_t size)
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

static void write_token(struct writer *writer, const struct token *token)
{
	if (token->type == TOKEN_LITERAL) {
		if (!writer->in_list)
			write_text(writer, "?", 1);
		writer->in_list = true;
		writer->comma = false;
	} else if (writer->in_list && !writer->comma && token_is(token, ",")) {
		writer->comma = true;
	} else {
		if (writer->comma)
			write_text(writer, ",", 1);
		writer->in_list = writer->comma = false;
		write_text(writer, token->text, token->size);
	}
}

/* ---- what it says ---- */

struct reading {
	struct sql_facts *facts;
	struct lexer lexer;
	struct token before;
	unsigned depth;	    /* of parentheses */
	uint64_t is_select; /* a bit each: it holds a statement, FROM names a table */
	bool in_table;	    /* its name may go on behind a dot */
};

static bool note_operation(struct sql_facts *facts, const struct token *token)
{
	static const char *const verbs[] = {"SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "BEGIN",
		"START", "COMMIT", "ROLLBACK", "END", "ABORT", "SAVEPOINT", "RELEASE", "SET",
		"RESET", "SHOW", "USE", "CREATE", "DROP", "ALTER", "TRUNCATE", "RENAME", "COPY",
		"LOAD", "MERGE", "REPLACE", "VALUES", "TABLE", "EXPLAIN", "ANALYZE", "DESCRIBE",
		"DESC", "VACUUM", "OPTIMIZE", "REINDEX", "CLUSTER", "REFRESH", "CHECKPOINT", "CALL",
		"DO", "PREPARE", "EXECUTE", "DEALLOCATE", "DECLARE", "FETCH", "MOVE", "CLOSE",
		"LISTEN", "UNLISTEN", "NOTIFY", "LOCK", "UNLOCK", "GRANT", "REVOKE", "COMMENT",
		"DISCARD", "FLUSH", "KILL", "CHECK", "XA"};

	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++) {
		if (token_is(token, verbs[i])) {
			strcpy(facts->operation, verbs[i]);
			return true;
		}
	}
	return false;
}

static void note_vector(struct sql_facts *facts, const struct token *token)
{
	static const char *const operators[] = {"<->", "<=>", "<#>", "<+>", "<~>", "<%>"};
	static const char *const functions[] = {"l2_distance", "l1_distance", "cosine_distance",
		"inner_product", "vec_distance", "vec_distance_cosine", "vec_distance_euclidean"};

	if (*facts->vector_operator)
		return;
	if (token->type == TOKEN_WORD ? TOKEN_IS_ANY(token, functions)
				      : TOKEN_IS_ANY(token, operators))
		copy_word(facts->vector_operator, sizeof(facts->vector_operator), token);
}

/* A word behind FROM and the like names a table, but not in extract(year FROM day). */
static bool names_table(const struct reading *reading)
{
	static const char *const always[] = {"into", "update", "copy", "join", "only"};
	static const char *const defining[] = {"table", "exists", "on", "truncate"};
	const char *operation = reading->facts->operation;

	if (token_is(&reading->before, "from"))
		return !reading->depth || reading->is_select >> reading->depth % 64 & 1;
	return TOKEN_IS_ANY(&reading->before, always) ||
		(TOKEN_IS_ANY(&reading->before, defining) &&
			(!strcmp(operation, "CREATE") || !strcmp(operation, "DROP") ||
				!strcmp(operation, "ALTER") || !strcmp(operation, "TRUNCATE")));
}

static void note_table(struct reading *reading, const struct token *token)
{
	static const char *const not_names[] = {
		"if", "only", "table", "ignore", "select", "conflict", "concurrently"};
	struct sql_facts *facts = reading->facts;
	bool continued = reading->in_table && token_is(&reading->before, ".");

	if (reading->in_table && token_is(token, "."))
		return;
	reading->in_table = false;
	if (token->type != TOKEN_WORD || TOKEN_IS_ANY(token, not_names) ||
		!(continued || (!*facts->table && names_table(reading))))
		return;
	copy_word(facts->table, sizeof(facts->table), token);
	reading->in_table = true;
}

static void note_parentheses(struct reading *reading, const struct token *token)
{
	static const char *const statements[] = {"select", "with", "delete"};

	if (token_is(token, "(")) {
		reading->depth++;
		reading->is_select &= ~(1ULL << reading->depth % 64);
	} else if (token_is(token, ")") && reading->depth) {
		reading->depth--;
	} else if (TOKEN_IS_ANY(token, statements)) {
		reading->is_select |= 1ULL << reading->depth % 64;
	}
}

/* LIMIT 5, LIMIT $2, and MySQL's LIMIT 10, 5 where the second one counts. */
static void note_limit(struct reading *reading, const struct token *token, bool *second)
{
	struct sql_facts *facts = reading->facts;
	char number[24];
	bool first = token_is(&reading->before, "limit");

	if (first || (*second && token_is(&reading->before, ","))) {
		if (token->type == TOKEN_LITERAL && is_digit(*token->text) &&
			token->size < sizeof(number)) {
			memcpy(number, token->text, token->size);
			number[token->size] = '\0';
			facts->limit = strtoll(number, NULL, 10);
			*second = first && reading->lexer.dialect != SQL_POSTGRES;
		} else if (first && token->type == TOKEN_PARAMETER && token->size < 8) {
			memcpy(number, token->text + 1, token->size - 1);
			number[token->size - 1] = '\0';
			facts->limit_parameter = atoi(number);
		}
	} else if (*second && !token_is(token, ",")) {
		*second = false;
	}
}

/* SET name = value: values need no quotes there. */
static bool is_setting(const struct sql_facts *facts, const struct token *before)
{
	return !strcmp(facts->operation, "SET") &&
		(token_is(before, "=") || token_is(before, "to") || token_is(before, ":="));
}

void sql_read(struct sql_facts *facts, enum sql_dialect dialect, const char *text, size_t size)
{
	struct reading reading = {.facts = facts,
		.lexer = {.at = text, .end = text + size, .dialect = dialect},
		.before = {.text = ""}};
	struct writer writer = {.text = facts->text};
	bool second_limit = false;

	memset(facts, 0, sizeof(*facts));
	facts->limit = -1;
	for (;;) {
		struct token token = next_token(&reading.lexer, &reading.before);

		if (token.type == TOKEN_END)
			break;
		if (!*facts->operation && !token_is(&token, "(") &&
			!note_operation(facts, &token)) {
			/* no statement that is known here: it may be anything */
			writer.used = 0;
			write_text(&writer, "?", 1);
			break;
		}
		if (is_setting(facts, &reading.before)) {
			write_text(&writer, "?", 1);
			break;
		}
		note_parentheses(&reading, &token);
		note_table(&reading, &token);
		note_limit(&reading, &token, &second_limit);
		note_vector(facts, &token);
		write_token(&writer, &token);
		reading.before = token;
	}
}

void sql_put(struct exchange *exchange, const struct sql_facts *facts)
{
	bool is_vector = *facts->vector_operator;

	if (!exchange)
		return;
	exchange->class = is_vector ? RT_CLASS_vector_search : RT_CLASS_database_query;
	exchange_string(exchange, "db.query.text", facts->text);
	if (*facts->operation)
		exchange_string(exchange, "db.operation.name", facts->operation);
	if (*facts->table)
		exchange_string(exchange, "db.collection.name", facts->table);
	if (is_vector)
		exchange_string(exchange, "ragtime.vector_operator", facts->vector_operator);
	if (is_vector && facts->limit >= 0)
		exchange_int(exchange, "ragtime.k", facts->limit);
	exchange_name(exchange, "%s%s%s", *facts->operation ? facts->operation : "SQL",
		*facts->table ? " " : "", facts->table);
}
