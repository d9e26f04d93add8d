/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Most of a dialect is a table: which value of a JSON text is which fact. Only numbers, sizes and
 * names become facts; a text that does not look like a name is content and stays out.
 */
#ifndef PROTOCOLS_DIALECTS_RULES_H
#define PROTOCOLS_DIALECTS_RULES_H

#include <string.h>

#include "protocols/content/json_form.h"
#include "protocols/dialect.h"

#define SERVER_MS "ragtime.server_processing_ms"

enum rule_what {
	RULE_PUT,      /* a number, a truth or a name is the fact */
	RULE_MAX,      /* the greatest of several numbers is */
	RULE_MS_OF_NS, /* nanoseconds, told as milliseconds */
	RULE_MS_OF_S,
	RULE_COUNT,  /* how many values have the path */
	RULE_INPUTS, /* how many: one text, or an array of them, or one array of token numbers */
	RULE_SIZE,   /* the bytes of texts, added up */
	RULE_DIGEST, /* what tells texts apart, however they were cut: genai_end hashes it */
	RULE_LIST,   /* names, each once */
	RULE_FLAG,   /* true where the value, or one inside it, says something */
	RULE_VECTOR, /* how many numbers the first of these has */
	RULE_TOKEN,  /* content that somebody waits for, if the response streams */
	RULE_ANSWER, /* the text that the model answers with: has it the form of JSON? */
	RULE_FINISH, /* why the model stopped: the answer is complete */
	RULE_ERROR,  /* a word for what went wrong */
};

/* A path that begins with '*' is the end of one. */
struct rule {
	const char *path;
	enum rule_what what;
	const char *key;
};
#define RULES_END                    \
	{                            \
		NULL, RULE_PUT, NULL \
	}

/* What rules remember from value to value; zeroed at the beginning. */
struct reading {
	bool streams;
	bool vector_done;
	uint64_t vector_size;
	uint64_t digest;
	struct json_form answer;
	bool answer_cut; /* not all of it was seen */
};

/* The table ends with a NULL path; all rules that fit a value are followed. */
void rules_apply(const struct rule *rules, struct reading *reading, struct exchange *exchange,
	const struct dialect_value *value);

/* The exchange went wrong though its status may say otherwise. */
void rules_fail(struct exchange *exchange, const char *error);

/* Letters, digits and -_.:/@+,* alone, and not long. */
bool is_name(const char *text, size_t size);

/* A segment of a path as a fact: percent signs decoded, if it is a name then. */
void put_segment(struct exchange *exchange, const char *key, const char *text, size_t size);

static inline bool path_is(const struct dialect_value *value, const char *path)
{
	return !strcmp(value->path, path);
}

static inline bool begins_with(const char *text, const char *begin)
{
	return !strncmp(text, begin, strlen(begin));
}

static inline bool ends_with(const char *text, const char *end)
{
	size_t size = strlen(text), wanted = strlen(end);

	return size >= wanted && !strcmp(text + size - wanted, end);
}

static inline bool is_text(const struct dialect_value *value)
{
	return value->type == VALUE_STRING && value->size;
}

/* The whole JSON text has been read, none of it missing. */
static inline bool is_whole(const struct dialect_value *value)
{
	return value->type == VALUE_CLOSE && !*value->path;
}

static inline bool is_method(const struct http_head *head, const char *method)
{
	return !strcmp(head->method, method) && !head->is_grpc;
}

#endif
