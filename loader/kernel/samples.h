/* SPDX-License-Identifier: Apache-2.0 */
/* Samples of where threads were: stacks of the kernel, of libraries and programs, and of Python,
 * put together. */
#ifndef LOADER_KERNEL_SAMPLES_H
#define LOADER_KERNEL_SAMPLES_H

#include <stdint.h>
#include <sys/types.h>

#include "wire/kernel.h"

struct pack;
struct programs;
struct samples;

struct samples *samples_new(struct programs *programs, struct pack *pack);
void samples_free(struct samples *samples);

/* A process that runs already: what it runs code of. */
void samples_look(struct samples *samples, pid_t pid);

/* A sample of a thread, by its number in the stream. */
void samples_take(
	struct samples *samples, uint32_t thread, const struct rk_note *note, uint64_t ticks);

/* A process has begun another program, or has ended. */
void samples_forget(struct samples *samples, pid_t pid);

#endif
