/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session's eyes in the kernel: which processes are watched, what is attached for them, and the
 * way of what comes into the stream.
 */
#ifndef LOADER_KERNEL_KERNEL_H
#define LOADER_KERNEL_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "loader/capture/ticks.h"

struct drain;
struct kernel;
struct pack;

struct kernel_options {
	const pid_t *pids;
	size_t count;
	bool follow;	  /* children that they will have */
	bool sample_only; /* nothing but samples, and who there is */
	unsigned hz;	  /* samples a second of each processor; 0: none */
	bool beside;	  /* a shim in them tells their calls: only what the kernel alone knows */
};

/* Programs are loaded, nothing is watched yet. NULL after a message on standard error. */
struct kernel *kernel_open(const struct kernel_options *options);
void kernel_close(struct kernel *kernel);

/* From here on. 0 or -errno. */
int kernel_begin(
	struct kernel *kernel, struct drain *drain, struct pack *pack, const struct ticks *ticks);

/* How long its rings can do without a pass, ns: samples are few, system calls are not. */
uint64_t kernel_patience(const struct kernel *kernel);

/* What has come since. The number of edges and notes. */
uint64_t kernel_pass(struct kernel *kernel);

/* Whether anything is to be seen; off, a system call costs no more than another process's. */
void kernel_set_on(struct kernel *kernel, bool on);

/* Every second. */
void kernel_sample(struct kernel *kernel);

/* As connections_steer_fn; false where the connection is not of ours. */
bool kernel_steer(struct kernel *kernel, uint32_t number, unsigned steer);

/* Is a watched process still there? */
bool kernel_has_live(const struct kernel *kernel);

/* Nothing is watched any more; what had come is in the stream. */
void kernel_finish(struct kernel *kernel);

/* In all, so far. */
uint64_t kernel_lost(const struct kernel *kernel);

#endif
