/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes of a run, by pid: who is who when pids come back and programs replace themselves.
 * Declares each to the stream when what is known of it changes.
 */
#ifndef LOADER_CAPTURE_PROCESSES_H
#define LOADER_CAPTURE_PROCESSES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "loader/stream/pack.h"

/* Pids mean something within their namespace only. */
struct process_name {
	pid_t pid;
	uint64_t space; /* inode of the namespace */
	bool foreign;	/* not the tracer's own: /proc and signals know it by another pid */
};

struct process {
	struct process *next;
	uint32_t id; /* of this run, from 1 */
	struct process_name name;
	pid_t parent_pid;
	uint32_t birth; /* enum rt_birth */
	char *program;
	char *script;
	uint64_t start_ticks;
	uint64_t exit_ticks; /* when it said that it ends; 0: it has not */
	uint64_t end_ticks;  /* 0 while it runs */
	int64_t status;
	bool status_known;
	bool announced;	  /* its own process_start mark has been read */
	unsigned threads; /* with a slot */
};

struct processes {
	struct process *first; /* newest first */
	uint32_t last_id;
};

void processes_free(struct processes *all);

/* The one that has this pid now; made up from what the system says where none is known yet. */
struct process *process_of(
	struct processes *all, struct pack *pack, const struct process_name *name, uint64_t ticks);

struct process *process_find(const struct processes *all, const struct process_name *name);

/* A process_start mark: the process that begins with it, which takes the pid's place. */
struct process *process_announce(struct processes *all, struct pack *pack,
	const struct process_name *name, const struct rt_record *mark, const char *program);

void process_set_status(struct process *process, int64_t status);

/* Its last thread is gone: declares its end. It stays findable until processes_forget_ended. */
void process_end(struct process *process, struct pack *pack, uint64_t ticks);
void processes_forget_ended(struct processes *all);

#endif
