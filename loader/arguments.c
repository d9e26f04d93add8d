/* SPDX-License-Identifier: Apache-2.0 */
#include "loader/arguments.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/state.h"

uint64_t arguments_duration(const char *text, struct argp_state *state)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || (*end && strcmp(end, "s") != 0) || !isfinite(value) || value <= 0 ||
		value > 1e9)
		argp_error(state, "--duration '%s' is not a number of seconds", text);
	return (uint64_t)(value * 1e9);
}

uint64_t arguments_size(const char *text, struct argp_state *state)
{
	static const char units[] = "KMGT";
	char *end;
	uint64_t value = strtoull(text, &end, 10);
	const char *unit = *end ? strchr(units, *end & ~0x20) : NULL;

	if (end == text || *text == '-' || (*end && (!unit || end[1])) || !value ||
		value > (1ull << 40))
		argp_error(state, "--max-size '%s' is not a size such as 500M", text);
	return unit ? value << (10 * (unit - units + 1)) : value;
}

error_t arguments_rule(struct runtime_rules *rules, enum runtime_rule does, const char *text,
	struct argp_state *state)
{
	const char *fault;

	if (does == RUNTIME_RULE_CALL && !strcmp(text, "off")) {
		rules->off = true;
		return 0;
	}
	fault = runtime_rules_fault(text);
	if (fault)
		argp_error(state, "'%s' names no Python function: %s", text, fault);
	return (error_t)-runtime_rules_add(rules, does, text);
}

const char *arguments_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

int arguments_output(const char *output, const char *program, pid_t pid, char *path, size_t size)
{
	char folder[2048];
	int err;

	if (!output) {
		state_prune(STATE_KEEP_DAYS, STATE_KEEP_BYTES);
		err = state_new_trace(program, pid, path, size);
		if (err)
			log_error("cannot use the state folder '%s': %s; name a file with -o", path,
				strerror(-err));
		return err;
	}
	if (output[0] == '/' || !strncmp(output, "fd:", 3) || !strncmp(output, "unix:", 5) ||
		!getcwd(folder, sizeof(folder)))
		folder[0] = '\0';
	snprintf(path, size, "%s%s%s", folder, folder[0] ? "/" : "", output);
	return 0;
}
