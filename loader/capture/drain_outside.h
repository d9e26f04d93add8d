/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads whose records come by another way than the shared region: the drain knows them, their
 * processes and their connections all the same.
 */
#ifndef LOADER_CAPTURE_DRAIN_OUTSIDE_H
#define LOADER_CAPTURE_DRAIN_OUTSIDE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "wire/event.h"

struct drain;
struct thread;

struct outside_process {
	pid_t pid, parent;
	enum rt_birth birth;
	const char *program;
	uint64_t ticks;
};

/* It begins, with this program; one of the same pid that was known before has ended. */
void outside_process(struct drain *drain, const struct outside_process *facts);
void outside_process_ended(struct drain *drain, pid_t pid, int status, uint64_t ticks);

struct outside_thread {
	pid_t pid, tid, creator;
	const char *name;
	uint64_t start_ticks;
};

/* NULL when memory is out. Its process is made up where none was told of. */
struct thread *outside_begin(struct drain *drain, const struct outside_thread *facts);
void outside_end(struct drain *drain, struct thread *thread, uint64_t end_ticks);
void outside_name(struct drain *drain, struct thread *thread, const char *name);

/* At most a chunk of records, in the order of their ends. */
void outside_take(
	struct drain *drain, struct thread *thread, const struct rt_record *records, size_t slots);

/* A TLS handshake of its process is done, as its first plain text says. */
void outside_handshake(struct drain *drain, const struct thread *thread);

uint32_t outside_id(const struct thread *thread);

/* No data mark older than this will come from outside any more. */
void outside_settled(struct drain *drain, uint64_t ticks);

#endif
