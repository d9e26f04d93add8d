/* SPDX-License-Identifier: Apache-2.0 */
/* Reads along with a trace that is being written, until it holds what is waited for. */
#ifndef DECODER_AWAIT_H
#define DECODER_AWAIT_H

#include <stddef.h>

#include "decoder/trace_reader.h"

/*
 * A call that is over, of a function whose name fits one of the patterns (fnmatch). 1: it is there;
 * 0: the trace ended without one; -1: it cannot be read, see `error`.
 */
int await_call(
	const char *path, const char *const *patterns, size_t count, struct trace_error *error);

#endif
