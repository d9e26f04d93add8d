/* SPDX-License-Identifier: Apache-2.0 */
/* XXH64 of two pieces of memory, as if they stood together. */
#ifndef LIB_CHECKSUM_H
#define LIB_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

uint64_t checksum_of(const void *first, size_t first_size, const void *second, size_t second_size);

#endif
