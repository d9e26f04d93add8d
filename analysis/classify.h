/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What class each operation has, and why. The rules are those that were in force when the database
 * was made: they travel in it.
 */
#ifndef ANALYSIS_CLASSIFY_H
#define ANALYSIS_CLASSIFY_H

#include "analysis/model.h"
#include "lib/class_rule.h"
#include "lib/json.h"
#include "lib/table.h"

/* 0, or -ENOMEM, or -ENOENT: the database is of a ragtime that did not write them. */
int classify_rules(struct model *model, const struct run *run, struct class_rules *rules);

/* "path: /a*, /b*; host: c", in place of what `out` holds. */
void classify_patterns(const struct class_rule *rule, struct buf *out);

/* NULL when memory is out. The caller frees the tables. Patterns stand in JSON alone. */
struct table *classify_rule_table(const struct class_rules *rules);

/* Requests, classified or traced functions, and files that a rule knows; the longest first. */
struct table *classify_operations(
	struct model *model, const struct run *run, const struct class_rules *rules);

/* A span and what the rules could look at. */
struct class_span {
	int64_t id;
	char *name, *module, *object; /* NULL: none */
	uint32_t kind, given, class;  /* class: of its operation */
	char *said;		      /* what ragtime.class_rule says, or NULL */
	char *attributes[CLASS_FIELDS];
	struct class_facts facts;
};

/* 0; -ENOENT: this run has no such span; -ENODATA: a root, which has no operation. */
int class_span_find(
	struct model *model, const struct run *run, int64_t id, struct class_span *span);
void class_span_free(struct class_span *span);

/* The facts, and the rules up to the first that fits, which is `fired`; NULL: none does. */
struct table *classify_facts(const struct class_span *span);
struct table *classify_tried(const struct class_rules *rules, const struct class_span *span,
	const struct class_rule **fired);

#endif
