/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When libraries come: asks the tracer what to hook in them, and has it done before anybody else
 * gets to call them. One thread at a time; the others wait, because their dlopen may have returned
 * the same library.
 */
#include "preload/hooks/hook.h"
#include "preload/patch/got.h"
#include "preload/patch/inline.h"
#include "preload/patch/mail.h"
#include "preload/patch/patch.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#define WANTED_MAX 2048

#pragma weak dlsym
#pragma weak dlerror

unwind_register_fn *unwind_register;

static __u64 owner;	     /* process and thread that work on this, or 0 */
static __u32 loads;	     /* dlopens that have begun and not returned */
static __u64 loaded_at_last; /* loaded_ever() then */
static struct rt_outcome *outcomes;
static unsigned outcome_count;

static bool wanted(void)
{
	return rt_region->flags & RT_REGION_FUNCTIONS && rt_region->mode != RT_MODE_OFF;
}

/*
 * False where this very thread has it: a constructor's or a signal handler's dlopen. A forked child
 * may have been born while another thread had it, which is not in the child.
 */
static bool lock(void)
{
	const struct timespec moment = {0, 1000000};
	__u64 process = (__u64)raw0(getpid) << 32, self = process | (__u32)raw0(gettid);
	__u64 other = 0;

	while (!__atomic_compare_exchange_n(
		&owner, &other, self, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
		if (other == self)
			return false;
		if (other && (other & ~0xffffffffull) == process) {
			raw4(futex, &owner, FUTEX_WAIT_PRIVATE, (__u32)other, &moment);
			other = 0;
		}
	}
	return true;
}

static void unlock(void)
{
	__atomic_store_n(&owner, 0, __ATOMIC_RELEASE);
}

/* By the links of the folder of its threads: two, and one for each. */
unsigned functions_threads(void)
{
	struct stat status;
	long err = raw4(newfstatat, AT_FDCWD, "/proc/self/task", &status, 0);

	return err || status.st_nlink < 3 ? ~0u : (unsigned)status.st_nlink - 2;
}

static struct wanted *tables_make(void)
{
	static struct wanted *functions;
	size_t size = WANTED_MAX * sizeof(*functions);
	long at;

	if (functions)
		return functions;
	at = raw6(mmap, 0, size + WANTED_MAX * sizeof(*outcomes), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at < 0 && at > -4096)
		return NULL;
	outcomes = (struct rt_outcome *)(at + (long)size);
	functions = (struct wanted *)at;
	return functions;
}

/* The library that throws exceptions comes late, and into a scope of its own. */
static void unwinder_find(void)
{
	void *handle;

	if (unwind_register || !dlsym)
		return;
	unwind_register = (unwind_register_fn *)(uintptr_t)dlsym(RTLD_DEFAULT, "_Unwind_GetGR");
	handle = unwind_register ? NULL : real_dlopen("libgcc_s.so.1", RTLD_LAZY | RTLD_NOLOAD);
	if (handle)
		unwind_register = (unwind_register_fn *)(uintptr_t)dlsym(handle, "_Unwind_GetGR");
	if (dlerror)
		dlerror();
}

static void tell_later(const struct wanted *wanted)
{
	if (outcome_count < WANTED_MAX)
		outcomes[outcome_count++] =
			(struct rt_outcome){wanted->patch->kind, wanted->outcome};
}

/* An inline hook sees all calls; slots are for functions that allow none. */
static void apply(struct wanted *functions, unsigned count)
{
	for (unsigned begin = 0, end; begin < count; begin = end) {
		struct loaded *object = &loaded_objects[functions[begin].patch->object];

		for (end = begin; end < count; end++)
			if (functions[end].patch->object != functions[begin].patch->object)
				break;
		inline_patch(object, functions + begin, end - begin);
		for (unsigned i = begin; i < end; i++) {
			if (functions[i].outcome != RT_OUTCOME_INLINE &&
				functions[i].patch->flags & RT_PATCH_GOT) {
				__u32 got = got_add(&functions[i], object);

				if (got != RT_OUTCOME_GOT || !functions[i].outcome)
					functions[i].outcome = got;
			}
			tell_later(&functions[i]);
		}
	}
}

static void tell(void)
{
	struct rt_ask *ask = (struct rt_ask *)rt_region->mail;
	size_t size = outcome_count * sizeof(*outcomes);

	*ask = (struct rt_ask){RT_ASK_OUTCOME, outcome_count};
	memcpy(ask + 1, outcomes, size);
	outcome_count = 0;
	mail_tell((unsigned)(sizeof(*ask) + size));
}

static void ask(void)
{
	struct wanted *functions = tables_make();
	unsigned count;
	bool more;

	if (!functions || !mail_open())
		return;
	count = question_ask(functions, WANTED_MAX, &more);
	apply(functions, count);
	while (count && more) {
		count = question_more(functions, WANTED_MAX, &more);
		apply(functions, count);
	}
	if (mail_held())
		tell();
}

static bool begins(const char *name, const char *prefix)
{
	return text_after(name, prefix) != NULL;
}

/* Is anything wanted in a library of this name, as far as the tracer's list tells? */
static bool is_listed(const char *path)
{
	const char *list = rt_region->modules, *end = list + RT_MODULES_SIZE - 2, *name = path;

	if (!*list)
		return true;
	for (const char *at = path; *at; at++)
		if (*at == '/')
			name = at + 1;
	while (list < end && *list) {
		if (begins(name, list))
			return true;
		list += text_length(list) + 1;
	}
	return false;
}

static bool any_listed(void)
{
	for (unsigned i = 0; i < loaded_count; i++)
		if (loaded_objects[i].fresh && is_listed(loaded_objects[i].path))
			return true;
	return false;
}

static void update(bool exposed)
{
	if (!lock())
		return;
	loaded_at_last = loaded_ever();
	if (loaded_update(exposed)) {
		if (any_listed())
			ask();
		for (unsigned i = 0; i < loaded_count; i++)
			loaded_objects[i].fresh = false;
		got_walk();
		unwinder_find();
	}
	unlock();
}

void functions_open(void)
{
	if (wanted())
		update(functions_threads() != 1);
}

void functions_before(struct loading *loading)
{
	loading->wanted = wanted();
	if (!loading->wanted)
		return;
	loading->threads = functions_threads();
	/* What came in by other ways than dlopen may be in use by now. */
	if (loaded_ever() != loaded_at_last)
		update(loading->threads != 1);
	__atomic_fetch_add(&loads, 1, __ATOMIC_ACQ_REL);
}

void functions_after(const struct loading *loading, const void *handle)
{
	unsigned others, threads;

	if (!loading->wanted)
		return;
	others = __atomic_sub_fetch(&loads, 1, __ATOMIC_ACQ_REL);
	if (!handle)
		return;
	threads = functions_threads();
	/* A library is nobody else's yet if no thread was made since, nor loads another one. */
	update(threads != 1 && (others || threads != loading->threads));
}
