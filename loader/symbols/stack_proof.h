/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many bytes of stack arguments a function reads, proved from its machine code.
 *
 * All code that can run in the function's own frame, or in what remains of it after a tail jump,
 * is read: the function, its cold parts, landing pads, the cases of its switches, and functions it
 * jumps to, in other files too. Unwind tables say at each instruction where the arguments are. An
 * access to them counts; taking their address, or that of the return address, or leaving for a
 * place that cannot be told, makes the function unproved.
 *
 * Trusted: unwind tables as the compiler wrote them, and that pointers into a local variable are
 * not used beyond it.
 */
#ifndef LOADER_SYMBOLS_STACK_PROOF_H
#define LOADER_SYMBOLS_STACK_PROOF_H

#include "loader/symbols/disasm.h"
#include "loader/symbols/object.h"

/* Finds an imported function: its file, and its address there; NULL where it cannot be told. */
typedef const struct object *import_fn(void *context, const char *symbol, uint64_t *address);

struct stack_proof {
	const char *unproved; /* why not; NULL: proved */
	bool returns_oddly;   /* it uses its return address otherwise than to return */
	unsigned size;	      /* bytes of stack arguments, a multiple of 8 */
	uint32_t entered;     /* bit n: something jumps to the function's n-th byte */
	uint64_t end;	      /* of the function's first stretch of code */
	bool part;	      /* it begins in the middle of a function */
	const char *unread;   /* why not all code was read; NULL: it was, and `entered` says all */
};

/* 0, or -ENOMEM. */
int stack_prove(struct disasm *disasm, const struct object *object, uint64_t address,
	import_fn *import, void *context, struct stack_proof *proof);

#endif
