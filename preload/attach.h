/* SPDX-License-Identifier: Apache-2.0 */
/* The shim's two doors for a tracer that comes later. */
#ifndef PRELOAD_ATTACH_H
#define PRELOAD_ATTACH_H

#include "wire/inject.h"

__attribute__((visibility("default"))) long ragtime_enter_1(const char *text);
__attribute__((visibility("default"))) long ragtime_leave_1(const char *unused);

#endif
