/* SPDX-License-Identifier: Apache-2.0 */
/* The tracer's memory holds what passes over the target's connections: it must not reach a disk. */
#ifndef LOADER_TARGET_SECRECY_H
#define LOADER_TARGET_SECRECY_H

/* In the tracer alone, once the target has been started: no core dumps from here on. */
void secrecy_begin(void);

#endif
