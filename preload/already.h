/* SPDX-License-Identifier: Apache-2.0 */
/* What a process has open when the shim comes late. */
#ifndef PRELOAD_ALREADY_H
#define PRELOAD_ALREADY_H

#include "preload/emit.h"

/* Tells of each descriptor, and has the payload of sockets copied from here on. */
COLD void already_open(void);

#endif
