/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The programs in the kernel: embedded objects (bpf/) loaded with one set of maps, attached one by
 * one. All of it hangs on descriptors of this process: however it ends, nothing of it stays.
 * <bpf/libbpf.h> lives behind this.
 */
#ifndef LOADER_KERNEL_PROGRAMS_H
#define LOADER_KERNEL_PROGRAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/kernel.h"

struct programs;

/* Families of programs, by number (bpf/probes.def). */
enum programs_family {
#define PROBE(name, title) PROGRAMS_##name,
#include "wire/probes.def"
	PROGRAMS_FAMILIES
};

const char *programs_title(enum programs_family family);

/* Maps, without programs yet. NULL with errno set. */
struct programs *programs_new(void);
void programs_free(struct programs *programs);

/*
 * Loads a family and attaches those of its programs that need no place to be told. 0 or -errno;
 * programs_why then has the words. What a kernel cannot do leaves the other families as they are.
 */
int programs_load(struct programs *programs, enum programs_family family);
const char *programs_why(const struct programs *programs);

/* Where in which file of which process, whose threads all count. */
struct programs_site {
	const char *path;
	const uint64_t *offsets;
	size_t count;
	int pid;
};

/* Has program `name` of a loaded family run as a thread gets there. 0 or -errno. */
int programs_probe(struct programs *programs, enum programs_family family, const char *name,
	const struct programs_site *site);

/* The process has ended: its probes go. */
void programs_unprobe(struct programs *programs, int pid);

/* Has every processor take a sample so often, of what it runs. 0 or -errno. */
int programs_sample(struct programs *programs, unsigned hz);
/* Where a process's interpreter keeps its frames; NULL: forget it. 0 or -errno. */
int programs_python(struct programs *programs, uint32_t pid, const struct rk_python *python);

/* Nothing runs in the kernel any more; what it has written can still be read. */
void programs_detach(struct programs *programs);

/* Mapped, for both sides to write. */
struct rk_settings *programs_settings(struct programs *programs);
uint8_t *programs_traced(struct programs *programs);
struct rk_ring *programs_ring(struct programs *programs, unsigned processor);
unsigned programs_rings(const struct programs *programs);

/* Every note that has come. How many, or -errno. */
typedef void programs_note_fn(void *context, const struct rk_note *note);
int programs_notes(struct programs *programs, programs_note_fn *take, void *context);

/* What a thread lost since it was last asked for; 0 from then on. */
uint64_t programs_drops(struct programs *programs, uint32_t tid);

/* What has been counted of a thread, in all; false where nothing has. */
bool programs_counts(
	struct programs *programs, uint32_t tid, struct rk_counts *counts, bool forget);

/* Nobody wants this socket's bytes any more; or again, under a number that came back. */
void programs_mute(struct programs *programs, uint64_t inode, bool mute);

#endif
