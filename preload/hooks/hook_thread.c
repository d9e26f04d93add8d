/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads: where they begin, what they are called, where they end; and jumps that leave open calls
 * behind.
 *
 * A new thread starts in thread_run, which claims its slot and knows its creator. Its end is seen
 * by a thread-specific key (process.c), so that pthread_exit and cancellation count too.
 */
#include "preload/hooks/hook.h"
#include "preload/process.h"

#include <stdarg.h>

#pragma weak pthread_self

#define BIRTHS 256

/* Between creator and thread, without an allocation. Where all are in use the thread starts bare.
 */
static struct birth {
	__u32 taken;
	__u32 creator;
	void *(*start)(void *);
	void *argument;
} births[BIRTHS];

static void *thread_run(void *data)
{
	struct birth *birth = data, own = *birth;

	__atomic_store_n(&birth->taken, 0, __ATOMIC_RELEASE);
	rt_self.creator = own.creator;
	thread_begin();
	return own.start(own.argument);
}

static struct birth *birth_take(void *(*start)(void *), void *argument)
{
	for (unsigned index = 0; index < BIRTHS; index++) {
		struct birth *birth = &births[index];

		if (__atomic_exchange_n(&birth->taken, 1, __ATOMIC_ACQUIRE))
			continue;
		birth->creator = thread_id();
		birth->start = start;
		birth->argument = argument;
		return birth;
	}
	return NULL;
}

static int thread_create(
	pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
	struct birth *birth = birth_take(start, argument);
	int err;

	if (!birth)
		return real_pthread_create(thread, attributes, start, argument);
	err = real_pthread_create(thread, attributes, thread_run, birth);
	if (err)
		__atomic_store_n(&birth->taken, 0, __ATOMIC_RELEASE);
	return err;
}

int pthread_create(
	pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
	struct rt_call call;
	int err;

	if (!region_mapped())
		return real_pthread_create(thread, attributes, start, argument);
	if (region_off() || !call_enter(&call, RT_EV_thread_create, RT_FAMILY_thread, 0))
		return thread_create(thread, attributes, start, argument);
	err = thread_create(thread, attributes, start, argument);
	call_leave(&call, 0, -(__s64)err);
	return err;
}

RECORD_PTHREAD(thread, thread_join, pthread_join, (pthread_t thread, void **result_out),
	(thread, result_out), 0)
RECORD_PTHREAD(thread, thread_join, pthread_timedjoin_np,
	(pthread_t thread, void **result_out, const struct timespec *until),
	(thread, result_out, until), 0)

static void name_mark(const char *name)
{
	struct rt_bytes tail;

	if (!region_off())
		mark_emit(RT_EV_thread_name, 0, 0, text_tail(&tail, RT_TAIL_NAME, name));
}

int pthread_setname_np(pthread_t thread, const char *name)
{
	int err = real_pthread_setname_np(thread, name);

	if (!err && thread == pthread_self())
		name_mark(name);
	return err;
}

int prctl(int option, ...)
{
	unsigned long arguments[4];
	va_list list;
	int result;

	va_start(list, option);
	for (unsigned index = 0; index < 4; index++)
		arguments[index] = va_arg(list, unsigned long);
	va_end(list);
	clock_forbid(SYS_prctl, (unsigned long)option, arguments[0]);
	result = real_prctl(option, arguments[0], arguments[1], arguments[2], arguments[3]);
	if (option == PR_SET_NAME && !result)
		name_mark((const char *)arguments[0]);
	return result;
}

/* The stack of signal handlers, so that open calls on the other one are not taken for left. */
int sigaltstack(const stack_t *stack, stack_t *before)
{
	int result = real_sigaltstack(stack, before);

	if (!result && stack) {
		rt_self.alternate = (uintptr_t)stack->ss_sp;
		rt_self.alternate_size = stack->ss_flags & SS_DISABLE ? 0 : stack->ss_size;
	}
	return result;
}

/*
 * Jumps. The stack pointer that a jump goes to says which open calls it leaves. glibc keeps it
 * scrambled with a value from the thread's control block; musl keeps it plain.
 */
#define JUMP_STACK_POINTER 6

HIDDEN void jump_note(const uintptr_t *buffer);

void __attribute__((used)) jump_note(const uintptr_t *buffer)
{
	uintptr_t to = buffer[JUMP_STACK_POINTER];

	if (gnu_get_libc_version)
		__asm__("ror $17, %0\n\txor %%fs:0x30, %0" : "+r"(to));
	thread_jumps(to);
}

#define JUMP(name)                                                                  \
	__asm__(".text\n.globl " #name "\n.type " #name ", @function\n" #name ":\n" \
		"\t.cfi_startproc\n"                                                \
		"\tpush %rdi\n\t.cfi_adjust_cfa_offset 8\n"                         \
		"\tpush %rsi\n\t.cfi_adjust_cfa_offset 8\n"                         \
		"\tsub $8, %rsp\n\t.cfi_adjust_cfa_offset 8\n"                      \
		"\tcall jump_note\n"                                                \
		"\tadd $8, %rsp\n\t.cfi_adjust_cfa_offset -8\n"                     \
		"\tpop %rsi\n\t.cfi_adjust_cfa_offset -8\n"                         \
		"\tpop %rdi\n\t.cfi_adjust_cfa_offset -8\n"                         \
		"\tjmp *real_" #name "(%rip)\n"                                     \
		"\t.cfi_endproc\n.size " #name ", . - " #name "\n");

JUMP(longjmp)
JUMP(_longjmp)
JUMP(siglongjmp)
JUMP(__longjmp_chk)
