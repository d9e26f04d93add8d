/* SPDX-License-Identifier: Apache-2.0 */
/* The exported function that the workload calls through its PLT. */
#ifndef TESTS_BENCH_CALLS_H
#define TESTS_BENCH_CALLS_H

int call_add(int left, int right);

#endif
