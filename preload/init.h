/* SPDX-License-Identifier: Apache-2.0 */
/* What the constructor and the way in later share. */
#ifndef PRELOAD_INIT_H
#define PRELOAD_INIT_H

#include "preload/emit.h"

/* The whole of an open memfd as a region, if it is one with this cookie; or NULL. */
COLD struct rt_region *region_map(int fd, __u64 cookie);

#endif
