/* SPDX-License-Identifier: Apache-2.0 */
/* What a process has open that it was not seen to open. */
#ifndef PRELOAD_ALREADY_H
#define PRELOAD_ALREADY_H

#include "preload/emit.h"

/* Tells of each descriptor, and has the payload of sockets copied from here on. */
COLD void already_open(void);

struct msghdr;

/* Of the descriptors that another process has passed with a message: the same of its sockets. */
COLD void already_received(const struct msghdr *message);

#endif
