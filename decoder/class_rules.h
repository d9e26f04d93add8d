/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the rules of operation classes: those of the user, if there are any, before those that are
 * shipped (data/classes.yaml, whose head says what a file looks like).
 */
#ifndef DECODER_CLASS_RULES_H
#define DECODER_CLASS_RULES_H

#include "lib/class_rule.h"

/* File, line, key, and what to try. */
struct class_rules_error {
	char text[512];
};

/*
 * The user's file is $RAGTIME_CLASSES (an empty one: none), else ragtime/classes.yaml in
 * $XDG_CONFIG_HOME or ~/.config, where it may be missing. 0, or -1 with `error` set and `rules`
 * empty.
 */
int class_rules_load(struct class_rules *rules, struct class_rules_error *error);

/* One file's text, behind the rules that are there. 0, or -1 with `error` set. */
int class_rules_parse(struct class_rules *rules, const char *path, const char *text, size_t size,
	bool shipped, struct class_rules_error *error);

#endif
