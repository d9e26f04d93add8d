/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of the parts of a rotated trace: FILE.rtrace, FILE.1.rtrace, FILE.2.rtrace... Where the
 * name does not end in .rtrace, the number stands last: FILE, FILE.1, FILE.2...
 */
#ifndef LIB_PART_H
#define LIB_PART_H

#include <stdint.h>

/* Of part `part` of the trace named `path`; the caller frees. NULL when memory is out. */
char *part_path(const char *path, uint32_t part);

#endif
