/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way in: an audit hook, added before there is an interpreter. Its first `import` event comes
 * with one that is usable and has run nothing of the program yet. Then the hook is taken out again,
 * because with any audit hook the interpreter builds arguments for every audited call.
 */
#include "preload/python/context.h"
#include "preload/python/install.h"
#include "preload/python/interpreters.h"
#include "preload/python/python.h"
#include "preload/python/redirect.h"
#include "preload/python/rules.h"
#include "preload/python/span.h"
#include "preload/python/throw.h"
#include "preload/python/way.h"

#include <dlfcn.h>
#include <link.h>
#include <sys/uio.h>

#pragma weak dladdr1

#define MINOR_FIRST 8
#define MINOR_EVENTS 12 /* sys.monitoring is there */

uintptr_t python_data, python_data_size;

bool py_on;

static bool installed; /* at start */
static int minor;

static bool text_contains(const char *text, const char *part)
{
	for (; *text; text++)
		if (text_after(text, part))
			return true;
	return false;
}

static enum rt_runtime install(void)
{
	enum rt_runtime how;

	if (minor < MINOR_FIRST)
		return RT_RUNTIME_UNKNOWN;
	if (text_contains(py.Py_GetVersion(), "free-threading"))
		return RT_RUNTIME_THREADED;
	if (!py_context_open() || !py_code_open(minor))
		return RT_RUNTIME_FAILED;
	if (py_offsets_find(minor))
		py_throw_open();
	py_on = true;
	how = minor < MINOR_EVENTS ? way_frames_open(minor) : way_events_open(minor);
	py_on = how < RT_RUNTIME_UNKNOWN;
	if (!py_on)
		py_redirects_return();
	return how;
}

void py_tell(enum rt_runtime how)
{
	const char *version = py.Py_GetVersion();
	struct rt_bytes tail = {.data = version, .type = RT_TAIL_NAME};

	while (version[tail.size] && version[tail.size] != ' ')
		tail.size++;
	mark_emit(RT_EV_runtime, (__u64)py_minor(version), how, &tail);
}

void py_install(void)
{
	struct py_pending pending;
	enum rt_runtime how;

	minor = py_minor(py.Py_GetVersion());
	py_pending_keep(&pending);
	py_rules_read();
	py_span_reset();
	py_greenlet_reset();
	how = install();
	py_pending_restore(&pending);
	py_tell(how);
	if (py_on && rt_came_late)
		py_context_imported();
}

void py_remove(void)
{
	struct py_pending pending;

	if (!py_on)
		return;
	py_pending_keep(&pending);
	py_code_tell_counts();
	py_on = false;
	if (minor < MINOR_EVENTS)
		way_frames_close();
	else
		way_events_close();
	py_interpreters_close();
	py_redirects_return();
	py_greenlet_close();
	py_context_close();
	py_pending_restore(&pending);
}

/* ---- out again ---- */

/* PySys_AddAuditHook's list */
struct audit_entry {
	struct audit_entry *next;
	void *hook;
	void *data;
};

static int on_audit(const char *event, py_object *arguments, void *data);

/* Reads what may be no address at all. */
static bool memory_read(void *to, const void *from, size_t size)
{
	struct iovec local = {to, size}, remote = {(void *)from, size};

	return raw6(process_vm_readv, raw0(getpid), &local, 1, &remote, 1, 0) == (long)size;
}

void py_data_find(void)
{
	void *runtime = py_data("_PyRuntime");
	const ElfW(Sym) *symbol = NULL;
	Dl_info info;

	if (!runtime || !dladdr1 || !dladdr1(runtime, &info, (void **)&symbol, RTLD_DL_SYMENT) ||
		!symbol)
		return;
	python_data = (uintptr_t)runtime;
	python_data_size = symbol->st_size;
}

/* The head of the list is a word of the interpreter's memory: the one that leads to our entry. */
static void audit_leave(void)
{
	for (size_t at = 0; at + sizeof(void *) <= python_data_size; at += sizeof(void *)) {
		struct audit_entry **place = (struct audit_entry **)(python_data + at), entry;

		if ((uintptr_t)*place < 4096 || (uintptr_t)*place % sizeof(void *) ||
			!memory_read(&entry, *place, sizeof(entry)) ||
			entry.hook != (void *)on_audit)
			continue;
		*place = entry.next;
		return;
	}
}

static int on_audit(const char *event, py_object *arguments, void *data)
{
	bool runs = text_after(event, "cpython.run_") != NULL;

	(void)arguments;
	(void)data;
	if (!installed && (runs || text_equal(event, "import"))) {
		installed = true;
		py_install();
	}
	if (runs)
		audit_leave();
	return 0;
}

void python_open(void)
{
	if (region_off() || rt_region->flags & RT_REGION_NO_RUNTIME || !py_api_find())
		return;
	py_data_find();
	py.PySys_AddAuditHook(on_audit, NULL);
}

__u64 python_span(void)
{
	struct py_thread *thread = py_on ? rt_self.runtime : NULL;

	return thread ? py_span_now(thread, py_context()) : 0;
}

void python_ends(void)
{
	if (py_on)
		py_code_tell_counts();
}
