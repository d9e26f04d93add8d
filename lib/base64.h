/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as base64, with padding and without line ends. */
#ifndef LIB_BASE64_H
#define LIB_BASE64_H

#include "lib/buf.h"

void base64_put(struct buf *out, const void *bytes, size_t size);

#endif
