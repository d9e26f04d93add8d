/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings in YAML, of at most two levels: `section: {key: value}`, where a value is a word or a
 * list of words. Read from the program itself or from a user's file.
 */
#ifndef LIB_SETTINGS_H
#define LIB_SETTINGS_H

#include <stddef.h>

/* For each word: its line, counted from 1. What it returns other than NULL is an error to tell. */
typedef const char *setting_fn(
	void *context, const char *section, const char *key, const char *value, size_t line);

/* 0, or -1 with a sentence in `error`: file, line, cause. */
int settings_read(const char *path, const char *text, size_t size, setting_fn *each, void *context,
	char *error, size_t error_size);

/* The user's file: the variable's path, else NAME in ~/.config/ragtime; where there is none, 0 and
 * nothing is read. */
int settings_read_user(const char *variable, const char *name, setting_fn *each, void *context,
	char *error, size_t error_size);

#endif
