/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcalls.so: a function that costs next to nothing, so that what a call costs under a tool is
 * the tool's. Its first instruction is a lea: no tool may count on a nop at the entry.
 */
#include "calls.h"

int call_add(int left, int right)
{
	return left + right;
}
