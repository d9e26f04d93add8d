/* SPDX-License-Identifier: Apache-2.0 */
/* Diagnostics on standard error. A line is written whole, so that two processes do not mix. */
#include "lib/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static bool is_verbose;

void log_set_verbose(bool verbose)
{
	is_verbose = verbose;
}

static void put_line(const char *level, const char *format, va_list args)
{
	int saved = errno;
	char line[2048];
	int used = snprintf(line, sizeof(line), "ragtime: %s", level);
	int wanted = vsnprintf(line + used, sizeof(line) - used - 1, format, args);

	used += wanted;
	if (used > (int)sizeof(line) - 2)
		used = sizeof(line) - 2;
	line[used++] = '\n';
	if (write(STDERR_FILENO, line, used) < 0) {
		/* nowhere left to say it */
	}
	errno = saved;
}

#define LOG_FUNCTION(name, level)                \
	void log_##name(const char *format, ...) \
	{                                        \
		va_list args;                    \
                                                 \
		va_start(args, format);          \
		put_line(level, format, args);   \
		va_end(args);                    \
	}

LOG_FUNCTION(error, "")
LOG_FUNCTION(warn, "warning: ")
LOG_FUNCTION(note, "")

void log_debug(const char *format, ...)
{
	va_list args;

	if (!is_verbose)
		return;
	va_start(args, format);
	put_line("debug: ", format, args);
	va_end(args);
}
