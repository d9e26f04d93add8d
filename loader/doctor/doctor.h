/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a host allows, found by trying. A check adds findings; it never fails, and leaves nothing
 * behind.
 *
 * To add one: check_X.c with `void check_X(struct doctor *)`, and its line in checks.def.
 */
#ifndef LOADER_DOCTOR_DOCTOR_H
#define LOADER_DOCTOR_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

enum verdict { VERDICT_NO, VERDICT_YES, VERDICT_UNKNOWN };

#define DETAIL_SIZE 320

struct finding {
	const char *group; /* the check's name */
	const char *name;
	enum verdict verdict;
	char detail[DETAIL_SIZE]; /* what was seen */
	const char *advice;	  /* what gives more: a command or a setting; NULL: nothing to do */
};

struct doctor {
	const char *group; /* of the check that runs now */
	struct finding *findings;
	size_t count, capacity;
	bool failed; /* out of memory */
};

#define CHECK(name, title) void check_##name(struct doctor *doctor);
#include "loader/doctor/checks.def"
#undef CHECK

/* `name` and `advice` are literals. */
void doctor_add(struct doctor *doctor, const char *name, enum verdict verdict, const char *advice,
	const char *format, ...) __attribute__((format(printf, 5, 6)));

/* The result of a system call that was tried: 0 or a descriptor is yes, -errno is no. */
void doctor_add_result(
	struct doctor *doctor, const char *name, long result, const char *advice, const char *what);

/* The first line of a small file without its newline; -errno. */
int read_line(const char *path, char *out, size_t size);

/*
 * Runs a program and keeps what it prints. `keep` is a descriptor that it inherits, or -1. Its exit
 * status, or -errno; -ETIMEDOUT after `seconds`, when it is ended.
 */
int run_program(char *const argv[], int keep, unsigned seconds, char *out, size_t size);

#endif
