/* SPDX-License-Identifier: Apache-2.0 */
/* Packing bytes as gzip. The header has no name and no time: the same bytes give the same bytes. */
#ifndef LIB_GZIP_H
#define LIB_GZIP_H

#include "lib/buf.h"

/* 0 or -ENOMEM. */
int gzip_put(struct buf *out, const struct buf *bytes);

#endif
