/* SPDX-License-Identifier: Apache-2.0 */
/* The table of processes. Lists are short: a search is a walk. */
#include "loader/capture/processes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader/target/procfs.h"

static void free_process(struct process *process)
{
	free(process->program);
	free(process->script);
	free(process);
}

void processes_free(struct processes *all)
{
	while (all->first) {
		struct process *process = all->first;

		all->first = process->next;
		free_process(process);
	}
}

static void declare(const struct process *process, struct pack *pack)
{
	struct pack_process facts = {
		.id = process->id,
		.pid = (uint32_t)process->name.pid,
		.parent_pid = (uint32_t)process->parent_pid,
		.birth = process->birth,
		.program = process->program ? process->program : "",
		.script = process->script ? process->script : "",
		.start_ticks = process->start_ticks,
		.end_ticks = process->end_ticks,
		.status = process->status,
		.status_known = process->status_known,
	};

	pack_process(pack, &facts);
}

static struct process *add_process(
	struct processes *all, const struct process_name *name, uint64_t ticks)
{
	struct process *process = calloc(1, sizeof(*process));

	if (!process)
		return NULL;
	process->id = ++all->last_id;
	process->name = *name;
	process->birth = RT_BIRTH_FORK;
	process->start_ticks = ticks;
	process->next = all->first;
	all->first = process;
	return process;
}

struct process *process_find(const struct processes *all, const struct process_name *name)
{
	struct process *process = all->first;

	while (process &&
		(process->name.pid != name->pid || process->name.space != name->space ||
			process->end_ticks))
		process = process->next;
	return process;
}

struct process *process_of(
	struct processes *all, struct pack *pack, const struct process_name *name, uint64_t ticks)
{
	struct process *process = process_find(all, name);
	char link[64], program[4096];
	ssize_t size;

	if (process)
		return process;
	process = add_process(all, name, ticks);
	if (!process)
		return NULL;
	snprintf(link, sizeof(link), "/proc/%d/exe", (int)name->pid);
	size = name->foreign ? -1 : readlink(link, program, sizeof(program) - 1);
	if (size > 0) {
		program[size] = '\0';
		process->program = strdup(program);
		process->script = name->foreign ? NULL : procfs_script(name->pid, program);
	}
	declare(process, pack);
	return process;
}

struct process *process_announce(struct processes *all, struct pack *pack,
	const struct process_name *name, const struct rt_record *mark, const char *program)
{
	struct process *process = process_find(all, name);

	if (process && process->announced) {
		process_end(process, pack, mark->start);
		process = NULL;
	}
	if (!process)
		process = add_process(all, name, mark->start);
	if (!process)
		return NULL;
	process->announced = true;
	process->start_ticks = mark->start;
	process->parent_pid = (pid_t)mark->arg;
	process->birth = (uint32_t)mark->result;
	if (*program) {
		free(process->program);
		free(process->script);
		process->program = strdup(program);
		process->script = name->foreign ? NULL : procfs_script(name->pid, program);
	}
	declare(process, pack);
	return process;
}

void process_set_status(struct process *process, int64_t status)
{
	process->status = status;
	process->status_known = true;
}

void process_end(struct process *process, struct pack *pack, uint64_t ticks)
{
	if (process->end_ticks)
		return;
	/* its end is noticed later than it is */
	process->end_ticks = process->exit_ticks ? process->exit_ticks : ticks;
	declare(process, pack);
}

void processes_forget_ended(struct processes *all)
{
	struct process **at = &all->first;

	while (*at) {
		struct process *process = *at;

		if (process->end_ticks && !process->threads) {
			*at = process->next;
			free_process(process);
		} else {
			at = &process->next;
		}
	}
}
