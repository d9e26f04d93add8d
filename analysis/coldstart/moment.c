/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trace is exact where the watcher is late: it knows when listen() or a function returned. What
 * only the watcher knows (an answer over HTTP) is its own moment.
 */
#include "analysis/coldstart/moment.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/coldstart/stages.h"

/* The last image of the program itself. */
static int64_t own_process(struct model *model, const struct run *run)
{
	return model_number(model,
		"SELECT id FROM process WHERE run = ?1 AND pid = (SELECT pid FROM process"
		" WHERE run = ?1 ORDER BY id LIMIT 1) ORDER BY id DESC LIMIT 1",
		run->id, 0);
}

/* A listener whose port the kernel chose is known by ":0": it may be any. */
static bool is_tcp_port(const char *address, unsigned port)
{
	const char *colon = address ? strrchr(address, ':') : NULL;
	unsigned long bound = colon ? strtoul(colon + 1, NULL, 10) : 0;

	return colon && strncmp(address, "unix:", 5) != 0 && (!port || !bound || bound == port);
}

static bool find_listen(
	struct model *model, const struct run *run, unsigned port, struct moment *moment)
{
	struct query *query = model_query(model,
		"SELECT s.end_ns, p.id, b.name FROM span s JOIN operation o ON o.id = s.operation"
		" AND o.name = 'listen' JOIN object b ON b.id = s.object"
		" JOIN thread t ON t.id = s.thread JOIN process p ON p.id = t.process"
		" WHERE p.run = ?1 AND s.status = 0 ORDER BY s.end_ns");
	bool found = false;

	query_bind(query, 1, run->id);
	while (!found && query_next(query)) {
		found = is_tcp_port(query_text(query, 2), port);
		if (found)
			*moment = (struct moment){query_int(query, 1), query_int(query, 0)};
	}
	query_free(query);
	return found;
}

static bool fits(const struct ready *ready, const char *name)
{
	if (ready->kind == READY_INFERENCE)
		return stage_of_call(name) == STAGE_inference;
	return name && !fnmatch(ready->pattern, name, 0);
}

/* The first that begins, not the first that ends: it may call others like it. */
static bool find_call(struct model *model, const struct run *run, const struct ready *ready,
	struct moment *moment)
{
	struct query *query = model_query(model,
		"SELECT s.end_ns, p.id, o.name FROM span s JOIN operation o ON o.id = s.operation"
		" JOIN thread t ON t.id = s.thread JOIN process p ON p.id = t.process"
		" WHERE p.run = ?1 AND s.end_ns IS NOT NULL AND s.kind <> 6 ORDER BY s.start_ns");
	bool found = false;

	query_bind(query, 1, run->id);
	while (!found && query_next(query)) {
		found = fits(ready, query_text(query, 2));
		if (found)
			*moment = (struct moment){query_int(query, 1), query_int(query, 0)};
	}
	query_free(query);
	return found;
}

static bool find_end(struct model *model, const struct run *run, struct moment *moment)
{
	*moment = (struct moment){own_process(model, run), 0};
	moment->ready_ns = model_number(
		model, "SELECT end_ns FROM process WHERE id = ?1", moment->process, run->end_ns);
	return moment->process != 0;
}

bool moment_of_readiness(struct model *model, const struct run *run, const struct ready *ready,
	const struct start *start, struct moment *moment)
{
	switch (ready->kind) {
	case READY_AUTO:
		return find_listen(model, run, 0, moment) ||
			(start->end == START_EXITED && find_end(model, run, moment));
	case READY_LISTEN:
		return find_listen(model, run, ready->port, moment);
	case READY_HTTP:
		if (start->end != START_READY || !find_listen(model, run, ready->port, moment))
			return false;
		moment->ready_ns = start->ready_ns;
		return true;
	case READY_INFERENCE:
	case READY_FUNCTION:
		return find_call(model, run, ready, moment);
	case READY_EXIT:
		return start->end == START_EXITED && find_end(model, run, moment);
	}
	return false;
}
