/* SPDX-License-Identifier: Apache-2.0 */
/* Interpreters in watched processes: found, and told to the programs in the kernel; their code
 * objects' names. */
#ifndef LOADER_KERNEL_PYTHON_FRAMES_H
#define LOADER_KERNEL_PYTHON_FRAMES_H

#include <stdint.h>
#include <sys/types.h>

#include "wire/kernel.h"

struct programs;
struct pythons;
struct space;

struct pythons *pythons_new(struct programs *programs);
void pythons_free(struct pythons *pythons);

/* Looks for an interpreter where none is known yet and the process has mapped files since. */
void pythons_look(struct pythons *pythons, pid_t pid, struct space *space);
void pythons_forget(struct pythons *pythons, pid_t pid);

/* The interpreter's function that runs frames begins at that address; 0: not known. */
uint64_t pythons_evaluator(const struct pythons *pythons, pid_t pid);

/* A sample's frames of functions, innermost first; bit 0 of code: a call of the interpreter's
 * function began with this one. How many: at most RK_SAMPLE_PYTHON. */
unsigned pythons_frames(const struct pythons *pythons, pid_t pid, const struct rk_sample *sample,
	struct rk_python_frame *frames);

struct python_code {
	const char *name, *file; /* "" where it could not be read */
	uint32_t line;
};

/* Valid until the next call. */
struct python_code pythons_code(
	struct pythons *pythons, pid_t pid, const struct rk_python_frame *frame);

#endif
