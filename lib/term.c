/* SPDX-License-Identifier: Apache-2.0 */
/* What the terminal can take. */
#include "lib/term.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static bool has_colour(void)
{
	static int known = -1;

	if (known < 0) {
		const char *no_color = getenv("NO_COLOR");
		const char *term = getenv("TERM");

		known = isatty(STDOUT_FILENO) && !(no_color && *no_color) && term &&
			strcmp(term, "dumb");
	}
	return known;
}

const char *term_start(enum term_colour colour)
{
	static const char *const sequences[TERM_COUNT] = {
		[TERM_BOLD] = "\033[1m",
		[TERM_DIM] = "\033[2m",
		[TERM_RED] = "\033[31m",
		[TERM_GREEN] = "\033[32m",
		[TERM_YELLOW] = "\033[33m",
		[TERM_BLUE] = "\033[34m",
	};

	return has_colour() ? sequences[colour] : "";
}

const char *term_end(void)
{
	return has_colour() ? "\033[0m" : "";
}

unsigned term_width(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || size.ws_col < 40)
		return 110;
	return size.ws_col;
}

static bool progress_shown;

void term_progress(const char *what, uint64_t done, uint64_t total)
{
	static struct timespec last;
	struct timespec now;

	if (!isatty(STDERR_FILENO))
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if ((now.tv_sec - last.tv_sec) * 1000 + (now.tv_nsec - last.tv_nsec) / 1000000 < 100)
		return;
	last = now;
	progress_shown = true;
	if (total)
		fprintf(stderr, "\r%s %3.0f %%\033[K", what, 100.0 * (double)done / (double)total);
	else
		fprintf(stderr, "\r%s %" PRIu64 "\033[K", what, done);
}

void term_progress_end(void)
{
	if (progress_shown)
		fputs("\r\033[K", stderr);
	progress_shown = false;
}
