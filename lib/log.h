/* SPDX-License-Identifier: Apache-2.0 */
/* Diagnostics on standard error: one line each, "ragtime: ...". */
#ifndef LIB_LOG_H
#define LIB_LOG_H

#include <stdbool.h>

/* At start-up: verbose lets log_debug through. */
void log_set_verbose(bool verbose);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
