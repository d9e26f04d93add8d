/* SPDX-License-Identifier: Apache-2.0 */
/* Steering the shims of a run through the words that the tracer owns in the region. */
#ifndef LOADER_CAPTURE_SHIM_CONTROL_H
#define LOADER_CAPTURE_SHIM_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "loader/capture/rings.h"
#include "loader/capture/ticks.h"

/* All families armed, everything recorded. */
void shim_start(struct region *region, const struct ticks *ticks, bool follow);

void shim_set_on(struct region *region);
void shim_set_off(struct region *region);

/* One call in `rate` is recorded; 1: every one. */
void shim_set_rate(struct region *region, uint32_t rate);

/* Copy less of a connection from here on: enum rt_steer. It is never raised again. */
void shim_steer(struct region *region, uint32_t number, unsigned steer);

/* Once a pass: the tracer lives. */
void shim_beat(struct region *region, const struct ticks *ticks);

#endif
