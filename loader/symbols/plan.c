/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns, the files of targets, and the thread that answers the mailbox. What comes out of the
 * mailbox is hostile: it is copied first, then read through a cursor.
 */
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lib/cursor.h"
#include "loader/symbols/answer.h"
#include "loader/symbols/demangle.h"
#include "loader/symbols/functions.h"
#include "loader/symbols/patterns.h"
#include "loader/symbols/plan.h"

#define PATH_SIZE 4096

/* What is still to be sent to the mailbox's owner. */
struct item {
	uint32_t object;
	const struct object *file;
	const struct elf_symbol *symbol;
	struct planned *planned;
};

struct plan {
	struct patterns patterns;
	struct functions *functions;
	struct disasm *disasm;
	struct objects *objects;

	/* the question being answered */
	pid_t pid;
	struct item *items;
	size_t item_count, item_capacity, item_next;
	uint8_t mail[RT_MAIL_SIZE];

	struct rt_region *region;
	pthread_mutex_t lock; /* over published: all else is the thread's */
	struct plan_function *published;
	size_t published_count;
	pthread_t thread;
	bool started;
	bool stopping;
};

struct plan *plan_new(void)
{
	struct plan *plan = calloc(1, sizeof(*plan));

	if (!plan)
		return NULL;
	pthread_mutex_init(&plan->lock, NULL);
	plan->functions = functions_new();
	plan->disasm = disasm_new();
	plan->objects = objects_new();
	if (plan->functions && plan->disasm && plan->objects)
		return plan;
	plan_free(plan);
	errno = ENOMEM;
	return NULL;
}

void plan_free(struct plan *plan)
{
	if (!plan)
		return;
	plan_stop(plan);
	patterns_free(&plan->patterns);
	free(plan->published);
	objects_free(plan->objects);
	free(plan->items);
	functions_free(plan->functions);
	disasm_free(plan->disasm);
	pthread_mutex_destroy(&plan->lock);
	free(plan);
}

const char *plan_pattern_fault(const char *text)
{
	return patterns_fault(text);
}

int plan_pattern(struct plan *plan, const char *text, const char **why)
{
	*why = patterns_fault(text);
	if (*why)
		return -EINVAL;
	*why = "out of memory";
	return patterns_add(&plan->patterns, text);
}

int plan_catalog(struct plan *plan)
{
	return patterns_catalog(&plan->patterns);
}

bool plan_wanted(const struct plan *plan)
{
	return plan->patterns.count;
}

static int add_item(struct plan *plan, uint32_t index, const struct object *file,
	const struct elf_symbol *symbol, const char *name, const struct catalog_function *known,
	bool asked)
{
	struct planned *planned =
		functions_add(plan->functions, file->number, file->module, symbol, name);

	if (!planned)
		return -ENOMEM;
	if (known)
		functions_name_known(planned, known);
	planned->unasked = !asked;
	if (plan->item_count == plan->item_capacity) {
		size_t capacity = plan->item_capacity ? plan->item_capacity * 2 : 64;
		struct item *grown = reallocarray(plan->items, capacity, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		plan->items = grown;
		plan->item_capacity = capacity;
	}
	plan->items[plan->item_count++] = (struct item){index, file, symbol, planned};
	return 0;
}

/* What compilers put into every program and library, to be found nowhere in its sources. */
static bool is_startup_code(const char *symbol)
{
	static const char *const names[] = {"_start", "_init", "_fini", "deregister_tm_clones",
		"register_tm_clones", "__do_global_dtors_aux", "frame_dummy"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!strcmp(symbol, names[i]))
			return true;
	}
	return false;
}

static int match_symbol(struct plan *plan, uint32_t index, const struct object *file,
	const struct elf_symbol *symbol, const bool *wanted)
{
	const struct catalog_function *known = NULL;
	char *name = demangle(symbol->name);
	bool asked = false;
	int err = 0;

	if (!name)
		return -ENOMEM;
	for (size_t i = 0; !asked && i < plan->patterns.count; i++) {
		struct pattern *pattern = &plan->patterns.list[i];

		if (!wanted[i] || (known && pattern->known) ||
			!pattern_names(pattern, symbol->name, name))
			continue;
		pattern->matched = true;
		known = pattern->known ? pattern->known : known;
		asked = !pattern->known;
	}
	if (known || asked)
		err = add_item(plan, index, file, symbol, name, known, asked);
	free(name);
	return err;
}

/* Several names of one address: the first that matches stands for all. */
static bool is_repeated(
	const struct plan *plan, const struct object *file, const struct elf_symbol *symbol)
{
	const struct item *last = plan->item_count ? &plan->items[plan->item_count - 1] : NULL;

	return last && last->file == file && last->symbol->address == symbol->address;
}

static int match_object(struct plan *plan, uint32_t index)
{
	bool *wanted = calloc(plan->patterns.count, sizeof(*wanted)), any = false;
	const struct elf_symbol *symbols = NULL;
	const struct object *file = NULL;
	int err = wanted ? 0 : -ENOMEM;
	size_t count = 0;

	for (size_t i = 0; !err && i < plan->patterns.count; i++) {
		wanted[i] = !fnmatch(
			plan->patterns.list[i].module, objects_module(plan->objects, index), 0);
		any |= wanted[i];
	}
	if (any)
		file = objects_open(plan->objects, index);
	if (file)
		symbols = elf_symbols(file->elf, &count);
	for (size_t i = 0; !err && i < count; i++) {
		if (!is_repeated(plan, file, &symbols[i]) && !is_startup_code(symbols[i].name))
			err = match_symbol(plan, index, file, &symbols[i], wanted);
	}
	free(wanted);
	return err;
}

static void begin_question(struct plan *plan, pid_t pid)
{
	objects_begin(plan->objects, pid);
	plan->pid = pid;
	plan->item_count = plan->item_next = 0;
}

/* The objects of a question, and the functions in the new ones that the patterns mean. */
static int read_objects(struct plan *plan, struct cursor *cursor, uint32_t count)
{
	bool fresh[RT_MAIL_SIZE / sizeof(struct rt_ask_object)];
	int err = 0;

	begin_question(plan, plan->pid);
	if (count > sizeof(fresh))
		return -EINVAL;
	for (uint32_t i = 0; !err && i < count; i++) {
		struct rt_ask_object head;
		const uint8_t *bytes = cursor_take(cursor, sizeof(head)), *text = NULL;
		char path[PATH_SIZE] = "";

		if (!bytes)
			return -EINVAL;
		memcpy(&head, bytes, sizeof(head));
		if (head.size >= sizeof(head))
			text = cursor_take(cursor, head.size - sizeof(head));
		if (!text || head.path_size > head.size - sizeof(head) ||
			head.path_size >= sizeof(path))
			return -EINVAL;
		memcpy(path, text, head.path_size);
		fresh[i] = head.flags & RT_ASK_NEW;
		err = objects_add(plan->objects, path);
	}
	for (uint32_t i = 0; !err && i < count; i++) {
		if (fresh[i])
			err = match_object(plan, i);
	}
	return err;
}

/* One function at `at`; 0 where it does not fit. */
static size_t put_patch(const struct item *item, uint8_t *at, size_t room)
{
	const struct planned *planned = item->planned;
	const struct rt_patch patch = {
		.object = item->object,
		.address = planned->address,
		.kind = (uint16_t)planned->kind,
		.flags = planned->flags,
		.stack_size = planned->stack_size,
		.capture = planned->known ? catalog_capture(planned->known) : 0,
	};

	return answer_patch(patch, planned->flags & RT_PATCH_INLINE ? &planned->relocation : NULL,
		planned->symbol, at, room);
}

/* As many functions as fit into the mailbox. Its size. */
static size_t write_answer(struct plan *plan)
{
	struct rt_answer answer = {0, 0};
	size_t size = sizeof(answer);

	for (; plan->item_next < plan->item_count; plan->item_next++) {
		struct item *item = &plan->items[plan->item_next];
		size_t took;

		if (functions_analyse(plan->functions, item->planned, plan->disasm, item->file,
			    item->symbol, objects_import, plan->objects))
			break;
		if (!item->planned->flags)
			continue;
		took = put_patch(item, plan->mail + size, RT_MAIL_SIZE - size);
		if (!took) {
			answer.more = answer.count != 0;
			break;
		}
		size += took;
		answer.count++;
	}
	memcpy(plan->mail, &answer, sizeof(answer));
	return size;
}

static const char *outcome_reason(uint32_t what)
{
	switch (what) {
	case RT_OUTCOME_FAR:
		return "no free memory within reach of a jump";
	case RT_OUTCOME_CHANGED:
		return "its first bytes in memory are not those of its file";
	case RT_OUTCOME_THREADS:
		return "other threads may be executing its first bytes";
	case RT_OUTCOME_MEMORY:
		return "the target has no memory left";
	case RT_OUTCOME_POLICY:
		return "the kernel does not let its code be changed";
	case RT_OUTCOME_FULL:
		return "more functions than there is room for";
	default:
		return NULL;
	}
}

static void read_outcomes(struct plan *plan, struct cursor *cursor, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t kind = cursor_le32(cursor), what = cursor_le32(cursor);
		const char *reason = outcome_reason(what);
		struct planned *planned = functions_at(plan->functions, kind - RT_KIND_FUNCTION);
		bool hooked;

		if (cursor->bad || !planned || !reason || planned->told & 1u << what)
			continue;
		planned->told |= 1u << what;
		hooked = planned->flags & RT_PATCH_GOT && what != RT_OUTCOME_MEMORY &&
			what != RT_OUTCOME_FULL;
		functions_refuse(plan->functions, planned,
			hooked ? "only calls from other modules by name are seen: " : "", reason,
			hooked);
	}
}

/* Reads the question in plan->mail and puts the answer there. Its size, or 0: there is none. */
static size_t answer_mail(struct plan *plan, size_t size)
{
	struct cursor cursor = cursor_over(plan->mail, size);
	uint32_t type = cursor_le32(&cursor), count = cursor_le32(&cursor);
	struct rt_answer none = {0, 0};
	const struct elf *program;

	if (!cursor.bad && type == RT_ASK_OUTCOME) {
		read_outcomes(plan, &cursor, count);
		return 0;
	}
	if (!cursor.bad && type == RT_ASK_OBJECTS && !read_objects(plan, &cursor, count))
		return write_answer(plan);
	if (!cursor.bad && type == RT_ASK_MORE)
		return write_answer(plan);
	if (!cursor.bad && type == RT_ASK_LINKED) {
		begin_question(plan, plan->pid);
		if (!objects_add(plan->objects, "") && (program = objects_elf(plan->objects, 0)))
			return answer_linked(plan->disasm, program, &cursor, count, plan->mail);
	}
	memcpy(plan->mail, &none, sizeof(none));
	return sizeof(none);
}

/* Before the target knows of them: the drain learns of a function before it sees its calls. */
static void publish(struct plan *plan)
{
	const struct planned *planned;
	struct plan_function *grown;

	pthread_mutex_lock(&plan->lock);
	while ((planned = functions_at(plan->functions, plan->published_count)) &&
		planned->analysed) {
		grown = reallocarray(plan->published, plan->published_count + 1, sizeof(*grown));
		if (!grown)
			break;
		plan->published = grown;
		grown[plan->published_count++] = (struct plan_function){planned->kind,
			planned->title, planned->module, planned->symbol, planned->known};
	}
	pthread_mutex_unlock(&plan->lock);
}

static void release_mail(struct rt_region *region, uint32_t state)
{
	__atomic_compare_exchange_n(&region->mail_state, &state, RT_MAIL_IDLE, false,
		__ATOMIC_RELEASE, __ATOMIC_RELAXED);
}

int plan_answer(struct plan *plan, struct rt_region *region)
{
	uint32_t state = __atomic_load_n(&region->mail_state, __ATOMIC_ACQUIRE);
	uint32_t size = region->mail_size;
	pid_t pid = (pid_t)region->mail_pid;

	if (state == RT_MAIL_ABANDONED)
		release_mail(region, state);
	else if (state != RT_MAIL_IDLE && state != RT_MAIL_ASKED && kill(pid, 0) && errno == ESRCH)
		release_mail(region, state);
	if (state != RT_MAIL_ASKED)
		return 0;
	if (size > RT_MAIL_SIZE || pid <= 0)
		size = 0;
	if (pid != plan->pid)
		begin_question(plan, pid);
	memcpy(plan->mail, region->mail, size);
	size = (uint32_t)answer_mail(plan, size);
	publish(plan);
	memcpy(region->mail, plan->mail, size);
	region->mail_size = size;
	if (!__atomic_compare_exchange_n(&region->mail_state, &state,
		    size ? RT_MAIL_ANSWERED : RT_MAIL_IDLE, false, __ATOMIC_RELEASE,
		    __ATOMIC_RELAXED))
		release_mail(region, RT_MAIL_ABANDONED);
	return 1;
}

static long mail_futex(
	struct rt_region *region, int operation, uint32_t value, const struct timespec *limit)
{
	return syscall(SYS_futex, &region->mail_state, operation, value, limit, NULL, 0);
}

/* A target waits in its constructor or in dlopen, and says so by a wake-up. One that died while it
 * had the mailbox says nothing: then it is time to look after a moment. */
static void *plan_run(void *context)
{
	const struct timespec moment = {0, 100000000};
	struct plan *plan = context;

	while (!__atomic_load_n(&plan->stopping, __ATOMIC_ACQUIRE)) {
		uint32_t state = __atomic_load_n(&plan->region->mail_state, __ATOMIC_ACQUIRE);

		if (plan_answer(plan, plan->region))
			mail_futex(plan->region, FUTEX_WAKE, INT_MAX, NULL);
		else if (state != RT_MAIL_ASKED)
			mail_futex(plan->region, FUTEX_WAIT, state, &moment);
	}
	return NULL;
}

int plan_start(struct plan *plan, struct rt_region *region)
{
	sigset_t all, before;
	int err;

	plan->region = region;
	patterns_modules(&plan->patterns, region->modules, sizeof(region->modules));
	if (plan_wanted(plan))
		__atomic_or_fetch(&region->flags, RT_REGION_FUNCTIONS, __ATOMIC_RELEASE);
	/* Signals are for the thread that has the target. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&plan->thread, NULL, plan_run, plan);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	plan->started = !err;
	return -err;
}

void plan_stop(struct plan *plan)
{
	const struct timespec moment = {0, 50000};

	if (!plan->started)
		return;
	__atomic_store_n(&plan->stopping, true, __ATOMIC_RELEASE);
	/* it may be just about to wait */
	while (pthread_tryjoin_np(plan->thread, NULL) == EBUSY) {
		mail_futex(plan->region, FUTEX_WAKE, INT_MAX, NULL);
		nanosleep(&moment, NULL);
	}
	plan->started = false;
}

size_t plan_functions(struct plan *plan)
{
	size_t count;

	pthread_mutex_lock(&plan->lock);
	count = plan->published_count;
	pthread_mutex_unlock(&plan->lock);
	return count;
}

bool plan_function(struct plan *plan, size_t index, struct plan_function *function)
{
	bool found;

	pthread_mutex_lock(&plan->lock);
	found = index < plan->published_count;
	if (found)
		*function = plan->published[index];
	pthread_mutex_unlock(&plan->lock);
	return found;
}

size_t plan_refusals(const struct plan *plan)
{
	size_t count = functions_refusals(plan->functions);

	for (size_t i = 0; i < plan->patterns.count; i++)
		count += !plan->patterns.list[i].matched && !plan->patterns.list[i].known;
	return count;
}

bool plan_refusal(const struct plan *plan, size_t index, struct plan_refusal *refusal)
{
	const struct plan_refusal *found = functions_refusal(plan->functions, index);

	if (found) {
		*refusal = *found;
		return true;
	}
	index -= functions_refusals(plan->functions);
	for (size_t i = 0; i < plan->patterns.count; i++) {
		const struct pattern *pattern = &plan->patterns.list[i];

		if (pattern->matched || pattern->known || index-- > 0)
			continue;
		*refusal = (struct plan_refusal){.name = pattern->function,
			.module = pattern->module,
			.reason = "no such function was loaded"};
		return true;
	}
	return false;
}
