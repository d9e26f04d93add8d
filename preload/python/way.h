/* SPDX-License-Identifier: Apache-2.0 */
/* The ways in which an interpreter lets functions be seen: one for each kind of version. */
#ifndef PRELOAD_PYTHON_WAY_H
#define PRELOAD_PYTHON_WAY_H

#include "preload/python/span.h"

/* 3.8 to 3.11: a function around the evaluation of each frame. */
COLD enum rt_runtime way_frames_open(int minor);
COLD void way_frames_close(void);

/* 3.12 on: events of sys.monitoring. */
COLD enum rt_runtime way_events_open(int minor);
COLD void way_events_close(void);

#endif
