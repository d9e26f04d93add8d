/* SPDX-License-Identifier: Apache-2.0 */
/* What several sections ask: wall time and CPU time. */
#ifndef ANALYSIS_SECTIONS_SQL_H
#define ANALYSIS_SECTIONS_SQL_H

/* Of a thread t, its process p and their run r; an end that is not known is the process's, else the
 * run's. */
#define THREAD_WALL                                       \
	"MAX(0, COALESCE(t.end_ns, p.end_ns, r.end_ns) -" \
	" COALESCE(t.start_ns, p.start_ns, r.start_ns))"
#define PROCESS_WALL "MAX(0, COALESCE(p.end_ns, r.end_ns) - COALESCE(p.start_ns, r.start_ns))"

/*
 * The system counts from a process's start, on over exec, which begins a process of ours (birth 3,
 * wire/event.h) but none of the system's: there the first figure is what went before.
 */
#define PROCESS_CPU                                                                  \
	"(SELECT CASE WHEN p.birth <> 3 THEN MAX(u.cpu_ns) WHEN COUNT(u.cpu_ns) > 1" \
	" THEN MAX(u.cpu_ns) - MIN(u.cpu_ns) END FROM usage u WHERE u.process = p.id)"

#endif
