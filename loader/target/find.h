/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running processes as targets: what each is, how its TLS can be read, where it is to be found, and
 * which ways of tracing are open.
 */
#ifndef LOADER_TARGET_FIND_H
#define LOADER_TARGET_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FIND_PORTS 8
#define FIND_TLS 4

struct candidate {
	pid_t pid, parent;
	uid_t uid;
	char name[32];		    /* as the kernel has it */
	char program[512];	    /* its file, as it calls it itself; "" where we may not know */
	char script[256];	    /* what an interpreter runs; "" */
	const char *runtime;	    /* runtimes.def; NULL: none of them */
	char version[32];	    /* of the runtime; "": unknown */
	char container[16];	    /* the first digits of its id; "": none */
	char group[512];	    /* its control group */
	uint16_t ports[FIND_PORTS]; /* that it listens on */
	size_t port_count;
	struct find_tls {
		char path[512]; /* as the process calls it */
		bool builtin;	/* linked into the program */
	} tls[FIND_TLS];
	size_t tls_count;
	bool go;
};

struct candidates {
	struct candidate *list; /* by pid */
	size_t count;
	bool failed; /* memory ran out */
};

/* Who is wanted; all that are set must fit. */
struct find_filter {
	const char *name;  /* of the process, its program or its script; with * and ? */
	const char *group; /* part of its control group: a path, a container's id */
	long port;	   /* it listens there; 0: any */
	long uid;	   /* -1: any */
	bool known;	   /* of a runtime that runtimes.def names */
};

/* Processes with a program of their own, but not `except`. */
void find_all(struct candidates *found, const struct find_filter *filter, pid_t except);
void find_free(struct candidates *found);

/* One process, described. False where there is none. */
bool find_one(pid_t pid, struct candidate *candidate);

/* Its TLS libraries alone, without a look into its program. */
bool find_tls(pid_t pid, struct candidate *candidate);
/* TLS inside its program, and whether that is Go's. */
void find_tls_inside(struct candidate *candidate);

/* Why a way of tracing is closed; NULL: it is open. The kernel's is closed to all or to none. */
const char *find_obstacle_bpf(void);
const char *find_obstacle_inject(const struct candidate *candidate);

#endif
