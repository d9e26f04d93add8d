/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls that pass the other hooks by. What is made without libc, as liburing does, is not
 * seen. syscall() is counted and then jumped to with the stack and all
 * registers as the program left them, since nobody knows how many arguments there are.
 */
#include "preload/hooks/hook.h"
#include "preload/process.h"

HIDDEN void syscall_note(long number, unsigned long first, unsigned long second);

void __attribute__((used)) syscall_note(long number, unsigned long first, unsigned long second)
{
	if (unlikely(number == SYS_clone || number == SYS_clone3 || number == SYS_vfork))
		process_shares();
	if (unlikely(number == SYS_prctl || number == SYS_seccomp))
		clock_forbid(number, first, second);
	call_count(number == SYS_io_uring_enter ? RT_EV_io_uring_enter : RT_EV_syscall,
		RT_FAMILY_uring, 0);
}

__asm__(".text\n.globl syscall\n.type syscall, @function\nsyscall:\n"
	"\t.cfi_startproc\n"
	"\tpush %rdi\n\tpush %rsi\n\tpush %rdx\n\tpush %rcx\n\tpush %r8\n\tpush %r9\n"
	"\tsub $8, %rsp\n\t.cfi_adjust_cfa_offset 56\n"
	"\tcall syscall_note\n"
	"\tadd $8, %rsp\n"
	"\tpop %r9\n\tpop %r8\n\tpop %rcx\n\tpop %rdx\n\tpop %rsi\n\tpop %rdi\n"
	"\t.cfi_adjust_cfa_offset -56\n"
	"\tjmp *real_syscall(%rip)\n"
	"\t.cfi_endproc\n.size syscall, . - syscall\n");
