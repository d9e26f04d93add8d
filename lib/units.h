/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as people read and write them: "145 us", "8,412", "1.2 MiB", "12.3 %". */
#ifndef LIB_UNITS_H
#define LIB_UNITS_H

#include <stddef.h>
#include <stdint.h>

/* Room for any of the texts below. */
#define UNITS_SIZE 40

/* Of durations and sizes, which are never negative. Each writes into `out`, at least UNITS_SIZE
 * bytes, and returns it. */
const char *units_duration(char *out, int64_t ns);
const char *units_count(char *out, int64_t count);
const char *units_bytes(char *out, int64_t bytes);
/* per_mille: 123 is "12.3 %". */
const char *units_share(char *out, int64_t per_mille);
/* Nanoseconds since 1970: "2026-11-21 16:44:46.123 UTC". */
const char *units_time(char *out, int64_t epoch_ns);

/* "250us", "1.5ms", "2s", "3m", "1h"; a bare number is in `default_unit` ns. 0 or -EINVAL. */
int units_parse_duration(const char *text, int64_t default_unit, int64_t *ns);

#endif
