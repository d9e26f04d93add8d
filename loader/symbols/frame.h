/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What compilers say about stack frames (.eh_frame): how far a function reaches, where at each of
 * its instructions its arguments on the stack are, and where exceptions land. Reads one function
 * at a time through the binary search table of .eh_frame_hdr.
 */
#ifndef LOADER_SYMBOLS_FRAME_H
#define LOADER_SYMBOLS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loader/symbols/elf.h"

/* The canonical frame address is that of the first stack argument: the value of the stack pointer
 * before the call. Numbers of registers are DWARF's; 7 is rsp, 6 rbp. */
struct frame_row {
	uint64_t from;	 /* first address that it holds for */
	bool expression; /* computed in some other way: reg and offset say nothing */
	unsigned reg;
	int64_t offset; /* CFA = reg + offset */
	int64_t rbp;	/* the caller's rbp stands at CFA + rbp; 0: it is unchanged, or not known */
};

#define FRAME_RBP 6
#define FRAME_RSP 7

struct frame {
	uint64_t start, end;
	struct frame_row *rows; /* by address; the first starts at `start` */
	size_t row_count;
	uint64_t *landings; /* where exceptions and cancellation enter it */
	size_t landing_count;
};

/* Where the sections are: made once for a file. Valid as long as the file is open. */
struct frame_table {
	const uint8_t *header, *frames, *excepts;
	uint64_t header_at, frames_at, excepts_at;
	size_t header_size, frames_size, excepts_size;
};
void frame_table_of(struct frame_table *table, const struct elf *elf);

/* The frame of the code around `address`. -ENOENT: nothing is said about it; -EINVAL: damaged or
 * of a form not understood. */
int frame_find(const struct frame_table *table, uint64_t address, struct frame *frame);
void frame_free(struct frame *frame);

const struct frame_row *frame_row_at(const struct frame *frame, uint64_t address);

#endif
