/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which function answered a request: bytes of the answer were written while it, or what it made,
 * was running. What is read says nothing: it is read for whoever comes.
 */
#ifndef DECODER_SERVE_H
#define DECODER_SERVE_H

#include <stdint.h>

struct serves;

/* NULL when memory is out. */
struct serves *serves_new(void);
void serves_free(struct serves *all);

/* Bytes were written to a connection, by its number, for a request's root. */
void serves_wrote(struct serves *all, uint32_t connection, uint64_t ticks, uint64_t root);

/* The root that wrote first between two moments; 0: none that is known. */
uint64_t serves_find(const struct serves *all, uint32_t connection, uint64_t begin, uint64_t end);

#endif
