/* SPDX-License-Identifier: Apache-2.0 */
/* What several sections ask: wall time and CPU time. */
#ifndef ANALYSIS_SECTIONS_SQL_H
#define ANALYSIS_SECTIONS_SQL_H

#include "analysis/model.h"

#define THREAD_WALL "MAX(0, " MODEL_THREAD_END " - " MODEL_THREAD_START ")"
#define PROCESS_WALL "MAX(0, COALESCE(p.end_ns, r.end_ns) - COALESCE(p.start_ns, r.start_ns))"

/*
 * The system counts from a process's start. Of one that was launched or forked (birth 1 and 2,
 * wire/event.h) that is all; one that ran before, be it as another program before an exec, has as
 * its first figure what went before.
 */
#define PROCESS_CPU                                                                       \
	"(SELECT CASE WHEN p.birth IN (1, 2) THEN MAX(u.cpu_ns) WHEN COUNT(u.cpu_ns) > 1" \
	" THEN MAX(u.cpu_ns) - MIN(u.cpu_ns) END FROM usage u WHERE u.process = p.id)"

#endif
