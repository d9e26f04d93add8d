/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a reading command is given: traces, databases, "-" for standard input, or nothing, which is
 * the newest run of the state folder. A trace is decoded by `ragtime decode`, in a process of its
 * own, into a database that has no name and leaves nothing behind.
 */
#ifndef ANALYSIS_INPUT_H
#define ANALYSIS_INPUT_H

#include "analysis/model.h"

/* 0 or an exit code; anything else than 0 ends the command. */
typedef int input_fn(struct model *model, const char *name, void *context);

/*
 * Opens one input after the other and calls `each` for it. `rows`: which calls `ragtime decode`
 * keeps as rows of their own (its --rows). What goes wrong is said on standard error. Returns the
 * command's exit code.
 */
int input_each(char **names, int count, const char *rows, input_fn *each, void *context);

#endif
