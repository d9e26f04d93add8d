/* SPDX-License-Identifier: Apache-2.0 */
/* Putting the hooks in and taking them out: by a thread that holds the interpreter's lock. */
#ifndef PRELOAD_PYTHON_INSTALL_H
#define PRELOAD_PYTHON_INSTALL_H

#include "preload/python/api.h"

/* Says in the trace what became of it. */
COLD void py_install(void);

/* How functions of this interpreter, or of another in the process, are seen. */
COLD void py_tell(enum rt_runtime how);

/* Nothing of ours is called any more; frames that run inside a hook return through it. */
COLD void py_remove(void);

/* Where the interpreter's own memory is. */
COLD void py_data_find(void);

#endif
