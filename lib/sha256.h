/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256, for what a reader checks by it: the hashes of a page's own script and style. */
#ifndef LIB_SHA256_H
#define LIB_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32

void sha256(const void *bytes, size_t size, uint8_t out[SHA256_SIZE]);

#endif
