/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between a tracer and the shim that it brings into a running process: functions it has called
 * there, `long f(const char *text)`, and what they answer.
 *
 *   ragtime_enter_1  text: "<descriptor of the region> <its cookie, hexadecimal>"
 *   ragtime_leave_1  text: ""
 *
 * The number is that of this contract: a shim of another one does not have these names.
 */
#ifndef WIRE_INJECT_H
#define WIRE_INJECT_H

#define RT_SHIM_ENTER "ragtime_enter_1"
#define RT_SHIM_LEAVE "ragtime_leave_1"

enum rt_enter {
	RT_ENTER_DONE = 1,
	RT_ENTER_BAD = 2,   /* the region does not fit, or the process cannot be traced */
	RT_ENTER_TAKEN = 3, /* another tracer has it */
	RT_ENTER_BUSY = 4,  /* hooks of an earlier tracer are not out yet: a lock is not free */
};

#endif
