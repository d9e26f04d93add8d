/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our place among the tools of sys.monitoring. It is not the program's business: the program sees
 * none of it, and where it asks for the place that we have, we take another, or leave.
 */
#ifndef PRELOAD_PYTHON_TOOL_H
#define PRELOAD_PYTHON_TOOL_H

#include "preload/python/api.h"

/* What the tools are for, of which we ask for some: how they are switched on and off in a place. */
struct py_tool_use {
	bool (*begin)(long place);
	void (*end)(long place);
	void (*lost)(void);		  /* there is no place left for us */
	const char *(*event)(unsigned i); /* NULL: there are no more */
};

/* Takes a place and begins there. False: all are taken, or `begin` says no. */
COLD enum rt_runtime py_tool_open(py_object *monitoring, const struct py_tool_use *use);
COLD void py_tool_close(void);

#endif
