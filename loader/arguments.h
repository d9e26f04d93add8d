/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments that several commands take. */
#ifndef LOADER_ARGUMENTS_H
#define LOADER_ARGUMENTS_H

#include <argp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "loader/capture/runtime_rules.h"

/* --duration: seconds, as ns. Wrong ones end the program with the usage error. */
uint64_t arguments_duration(const char *text, struct argp_state *state);

/* --max-size: as in 500M. */
uint64_t arguments_size(const char *text, struct argp_state *state);

/* --py, --py-exclude and --root: a rule about Python functions; `off` of the first takes them all.
 */
error_t arguments_rule(struct runtime_rules *rules, enum runtime_rule does, const char *text,
	struct argp_state *state);

/*
 * -o as it holds in any working directory; NULL: a new trace in the state folder, which is tidied
 * up. 0, or -errno after a message.
 */
int arguments_output(const char *output, const char *program, pid_t pid, char *path, size_t size);

const char *arguments_base_name(const char *path);

#endif
