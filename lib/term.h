/* SPDX-License-Identifier: Apache-2.0 */
/* What the terminal can take: colour, width, and a progress line on standard error. */
#ifndef LIB_TERM_H
#define LIB_TERM_H

#include <stdbool.h>
#include <stdint.h>

enum term_colour { TERM_BOLD, TERM_DIM, TERM_RED, TERM_GREEN, TERM_YELLOW, TERM_BLUE, TERM_COUNT };

/* The sequence that starts a colour on standard output, or "" (no terminal, NO_COLOR, TERM=dumb).
 */
const char *term_start(enum term_colour colour);
const char *term_end(void);

/* Columns of standard output; 110 where it is no terminal. */
unsigned term_width(void);

/*
 * A line "what 42 %" on standard error, redrawn at most ten times a second and only on a terminal.
 * total 0: not known. Call term_progress_end before anything else is printed.
 */
void term_progress(const char *what, uint64_t done, uint64_t total);
void term_progress_end(void);

#endif
