/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules that say which operation class something has, and how they are tried. Where they come from
 * is for others: the decoder reads them from YAML, the analysis from the database they travel in.
 *
 * A rule fits where each field that it names has a fact, and one of the rule's patterns for that
 * field is like it. A pattern is literal but for '*' (any bytes, also '/') and '?' (one byte);
 * upper and lower case are one. Modules and files are compared by their last part alone where the
 * pattern holds no '/'.
 */
#ifndef LIB_CLASS_RULE_H
#define LIB_CLASS_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum class_field {
	CLASS_FIELD_name,
	CLASS_FIELD_function,
	CLASS_FIELD_module,
	CLASS_FIELD_host,
	CLASS_FIELD_path,
	CLASS_FIELD_model,
	CLASS_FIELD_statement,
	CLASS_FIELD_system,
	CLASS_FIELD_protocol,
	CLASS_FIELD_file,
	CLASS_FIELDS
};

/* "name", "function"...; CLASS_FIELDS for a word that is none. */
const char *class_field_name(enum class_field field);
enum class_field class_field_of(const char *name);

/* Of "llm_generation" and the like; false for a word that is none. */
bool class_number_of(const char *name, uint32_t *class);

/* What is known of an operation; NULL or "" where it is not. */
struct class_facts {
	const char *text[CLASS_FIELDS];
};

/* Takes up an attribute of a request's row where it is a fact; `value` stays the caller's. */
void class_facts_take(struct class_facts *facts, const char *key, const char *value);

struct class_pattern {
	enum class_field field;
	char *glob;
};

struct class_rule {
	char *id;
	uint32_t class;
	uint32_t file; /* index in class_rules.files */
	uint32_t line;
	struct class_pattern *patterns;
	size_t pattern_count;
};

struct class_file {
	char *path;
	uint64_t hash; /* of its text */
	bool shipped;
};

/* In the order in which they are tried. Zeroed is empty. */
struct class_rules {
	struct class_file *files;
	size_t file_count;
	struct class_rule *rules;
	size_t count;
};

void class_rules_free(struct class_rules *rules);

/* They copy their texts, and give NULL or false when memory is out. */
struct class_file *class_rules_add_file(
	struct class_rules *rules, const char *path, uint64_t hash, bool shipped);
/* A rule of the newest file. Valid until the next one is added. */
struct class_rule *class_rules_add(
	struct class_rules *rules, const char *id, uint32_t class, uint32_t line);
bool class_rule_add_pattern(struct class_rule *rule, enum class_field field, const char *glob);

enum class_verdict {
	CLASS_FITS,
	CLASS_NO_FACT, /* of the field */
	CLASS_UNLIKE,  /* the field's fact is like none of the rule's patterns */
	CLASS_GIVEN,   /* a shipped rule, and a parser knew better */
};

/*
 * `given` is the class that a parser of the protocol gave. Rules of users override it; shipped ones
 * fill in where it is none or api_call. `field`: the first that decided against the rule.
 */
enum class_verdict class_rule_try(const struct class_rules *rules, const struct class_rule *rule,
	const struct class_facts *facts, uint32_t given, enum class_field *field);

/* The first rule that fits, or NULL. */
const struct class_rule *class_rules_pick(
	const struct class_rules *rules, const struct class_facts *facts, uint32_t given);

bool class_glob(const char *glob, const char *text);

#endif
