/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trampolines. They keep every register as a call of the original would: compilers rely, for
 * calls within one module, on which registers the callee happens to leave alone. What the straight
 * path does is call_enter_at and call_leave of emit.h, word for word; all else goes to record.c
 * with the vector state saved.
 *
 * Return addresses stay where they are: the original is called, and unwinders go through the frame
 * by the CFI below. The frame's size depends on the stack arguments, so the CFA hangs on rbp.
 *
 *	rbp + 24	the caller's stack: stack arguments
 *	rbp + 16	return address
 *	rbp + 8		the thunk
 *	rbp		the caller's rbp
 *	rbp - 8 ...	F_* below
 *	rsp ...		copied stack arguments
 */
#include "preload/patch/trampoline.h"

#define F_R11 -8
#define F_RAX -16
#define F_RCX -24
#define F_RDX -32
#define F_ORIGINAL -40
#define F_START FRAME_CALL
#define F_THREAD FRAME_CALL + 8
#define F_DEPTH FRAME_CALL + 16
#define F_KIND FRAME_CALL + 20 /* the upper half: the depth as records hold it */
#define F_ARG FRAME_ARG
#define F_RBX -80
#define F_ANSWER -88
#define F_RSI -96
#define F_RDI -104
#define F_R8 -112
#define F_R9 -120
#define F_R10 -128
#define F_ARGUMENTS FRAME_ARGUMENTS
/* with the 24 bytes above it keeps the stack's alignment; and where arguments are captured */
#define F_SIZE 136
#define F_SIZE_CAPTURE 184
#define CALLER 24

/* x87, SSE, AVX and AVX-512; the largest they take in the standard form, and its header. */
#define STATES 0xe7
#define STATES_SIZE 2688
#define STATES_HEADER 512

	.text

	.macro RESTORE
	mov	F_RAX(%rbp), %rax
	mov	F_RCX(%rbp), %rcx
	mov	F_RDX(%rbp), %rdx
	mov	F_R11(%rbp), %r11
	.endm

	/* Into %rax. */
	.macro CLOCK
	rdtsc
	shl	$32, %rdx
	or	%rdx, %rax
	.endm

	/* What C code may change beyond the four of RESTORE. */
	.macro SAVE_ALL
	mov	%rbx, F_RBX(%rbp)
	.cfi_offset %rbx, F_RBX - CALLER
	mov	%rsi, F_RSI(%rbp)
	mov	%rdi, F_RDI(%rbp)
	mov	%r8, F_R8(%rbp)
	mov	%r9, F_R9(%rbp)
	mov	%r10, F_R10(%rbp)
	mov	%rsp, %rbx
	sub	$STATES_SIZE, %rsp
	and	$-64, %rsp
	xor	%eax, %eax
	.irp	at, 0, 8, 16, 24, 32, 40, 48, 56
	mov	%rax, STATES_HEADER + \at(%rsp)
	.endr
	xor	%edx, %edx
	mov	$STATES, %eax
	xsave	(%rsp)
	.endm

	.macro RESTORE_ALL
	mov	%rax, F_ANSWER(%rbp)
	xor	%edx, %edx
	mov	$STATES, %eax
	xrstor	(%rsp)
	mov	%rbx, %rsp
	mov	F_RBX(%rbp), %rbx
	.cfi_restore %rbx
	mov	F_RSI(%rbp), %rsi
	mov	F_RDI(%rbp), %rdi
	mov	F_R8(%rbp), %r8
	mov	F_R9(%rbp), %r9
	mov	F_R10(%rbp), %r10
	.endm

	/* Where nothing is recorded: on to the original with no frame. Below the stack pointer are
	 * 128 bytes that signal handlers leave alone. F_R11 will be the same place. */
	.macro UNLESS_OFF off, odd
	mov	%r11, -16(%rsp)
	mov	rt_region(%rip), %r11
	testl	$FUNCTION_FAMILY_BIT, REGION_FAMILIES(%r11)
	je	\off
	cmpl	$MODE_ON, REGION_MODE(%r11)
	jne	\odd
	.endm

	/* Another mode: goes \on with a frame, or on to the original. */
	.macro ODD label, off, on, capture
\label:
	.cfi_restore %rbp
	.cfi_def_cfa %rsp, 16
	cmpl	$0, REGION_MODE(%r11)
	je	\off
	FRAME	\capture
	jmp	\on
	.endm

	.macro OFF label
\label:
	.cfi_restore %rbp
	.cfi_def_cfa %rsp, 16
	mov	(%rsp), %r11
	mov	THUNK_ORIGINAL(%r11), %r11
	mov	%r11, (%rsp)
	mov	-16(%rsp), %r11
	lea	8(%rsp), %rsp
	.cfi_adjust_cfa_offset -8
	jmp	*-8(%rsp)
	.endm

	.macro FRAME capture
	push	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_offset %rbp, -CALLER
	mov	%rsp, %rbp
	.cfi_def_cfa_register %rbp
	.if	\capture
	sub	$F_SIZE_CAPTURE, %rsp
	.else
	sub	$F_SIZE, %rsp
	.endif
	mov	%rax, F_RAX(%rbp)
	mov	%rcx, F_RCX(%rbp)
	mov	%rdx, F_RDX(%rbp)
	.endm

	/* On to the original, the frame taken down: %rax is it. */
	.macro LEAVE_TO_ORIGINAL
	mov	%rax, 8(%rbp)
	RESTORE
	leave
	.cfi_def_cfa %rsp, 16
	.cfi_restore %rbp
	lea	8(%rsp), %rsp
	.cfi_adjust_cfa_offset -8
	jmp	*-8(%rsp)
	.endm

	/* The thread into %rdx, its slot into %r11; \cold where the straight path ends. */
	.macro THREAD cold
	mov	rt_self_offset(%rip), %rax
	test	%rax, %rax
	jne	8f
	lea	rt_self@tlsdesc(%rip), %rax
	call	*rt_self@tlscall(%rax)
8:	mov	%fs:(%rax), %rdx
	mov	THREAD_SLOT(%rdx), %r11
	test	%r11, %r11
	je	\cold
	.endm

	/* In the sampled mode most calls are let pass: on to the original, or to \cold. */
	.macro SAMPLE cold, pass
	mov	rt_region(%rip), %rcx
	cmpl	$MODE_SAMPLED, REGION_MODE(%rcx)
	jne	\cold
	THREAD	\cold
	cmpl	$0, THREAD_TURN(%rdx)
	je	\cold
	decl	THREAD_TURN(%rdx)
	jmp	\pass
	.endm

	/* Is the innermost of %ecx open calls of slot %r11 really open? Else \cold. Uses %rax. */
	.macro OPEN_CHECK cold
	cmp	$OPEN_MAX, %ecx
	ja	\cold
	mov	%ecx, %eax
	shl	$OPEN_SHIFT, %eax
	lea	CALLER(%rbp), %rcx
	add	%r11, %rax
	sub	SLOT_OPEN - (1 << OPEN_SHIFT) + OPEN_FRAME(%rax), %rcx
	cmp	$STACK_SPAN, %rcx
	jb	\cold
	mov	SLOT_DEPTH(%r11), %ecx
	.endm

	/* F_KIND of calls that stand deeper than the stack of open calls. */
	.macro DEEP_KIND
	mov	F_DEPTH(%rbp), %edx
	mov	$255, %eax
	cmp	%eax, %edx
	cmova	%eax, %edx
	shl	$16, %edx
	mov	8(%rbp), %rax
	or	THUNK_KIND(%rax), %edx
	mov	%edx, F_KIND(%rbp)
	.endm

	/* The stack arguments of thunk %rax. */
	.macro COPY
	mov	THUNK_STACK(%rax), %ecx
	lea	15(%rcx), %edx
	and	$-16, %edx
	sub	%rdx, %rsp
1:	mov	CALLER - 8(%rbp,%rcx), %rax
	mov	%rax, -8(%rsp,%rcx)
	sub	$8, %ecx
	jne	1b
	.endm

	/* The whole of it; with stack arguments where `stack` is 1; capturing where `capture` is. */
	.macro TRAMPOLINE name, stack, capture
	.p2align 6
	.globl	\name
	.hidden	\name
	.type	\name, @function
\name:
	.cfi_startproc
	.cfi_personality 0x1b, trampoline_personality
	.cfi_def_cfa_offset 16
	UNLESS_OFF .L\name\()_call_off, .L\name\()_call_odd
	FRAME	\capture
	THREAD	.L\name\()_call_cold
	mov	SLOT_DEPTH(%r11), %ecx
	test	%ecx, %ecx
	jne	.L\name\()_call_nested
.L\name\()_call_open:
	mov	%rdx, F_THREAD(%rbp)
	mov	%ecx, F_DEPTH(%rbp)
	mov	%rdi, F_ARG(%rbp)
	CLOCK
	mov	%rax, F_START(%rbp)
	mov	%ecx, %edx
	shl	$OPEN_SHIFT, %edx
	add	%r11, %rdx
	cmp	$OPEN_MAX, %ecx
	jae	.L\name\()_call_deep
	mov	%rax, SLOT_OPEN(%rdx)
	mov	%rdi, SLOT_OPEN + OPEN_ARG(%rdx)
	lea	CALLER(%rbp), %rax
	mov	%rax, SLOT_OPEN + OPEN_FRAME(%rdx)
	mov	8(%rbp), %rax
	mov	THUNK_KIND(%rax), %eax
	mov	%eax, SLOT_OPEN + OPEN_KIND(%rdx)
	mov	%ecx, %edx
	shl	$16, %edx
	or	%eax, %edx
	mov	%edx, F_KIND(%rbp)
.L\name\()_call_opened:
	inc	%ecx
	mov	%ecx, SLOT_DEPTH(%r11)
.L\name\()_call_original:
	mov	8(%rbp), %rax
	mov	THUNK_ORIGINAL(%rax), %rcx
	mov	%rcx, F_ORIGINAL(%rbp)
	.if	\stack
	COPY
	.endif
	RESTORE
	.if	\capture
	mov	%rdi, F_ARGUMENTS(%rbp)
	mov	%rsi, F_ARGUMENTS + 8(%rbp)
	mov	%rdx, F_ARGUMENTS + 16(%rbp)
	mov	%rcx, F_ARGUMENTS + 24(%rbp)
	mov	%r8, F_ARGUMENTS + 32(%rbp)
	mov	%r9, F_ARGUMENTS + 40(%rbp)
	.endif
	notrack call *F_ORIGINAL(%rbp)
	mov	%rax, F_RAX(%rbp)
	mov	%rdx, F_RDX(%rbp)
	mov	%r11, F_R11(%rbp)
	CLOCK
	mov	F_THREAD(%rbp), %r11
	sub	F_START(%rbp), %rax
	.if	\capture
	jmp	.L\name\()_return_cold
	.endif
	mov	%rax, %rdx
	shr	$32, %rdx
	jne	.L\name\()_return_cold
	cmpq	$0, THREAD_BUSY(%r11)
	jne	.L\name\()_return_cold
	mov	%rbp, THREAD_BUSY(%r11)
	mov	THREAD_NEXT(%r11), %rdx
	cmp	THREAD_LIMIT(%r11), %rdx
	jae	.L\name\()_return_full
	mov	%eax, RECORD_DURATION(%rdx)
	mov	F_START(%rbp), %rax
	mov	%rax, (%rdx)
	mov	F_KIND(%rbp), %eax
	mov	%eax, RECORD_KIND(%rdx)
	mov	F_ARG(%rbp), %rax
	mov	%rax, RECORD_ARG(%rdx)
	mov	F_RAX(%rbp), %rax
	mov	%rax, RECORD_RESULT(%rdx)
	add	$(1 << RECORD_SHIFT), %rdx
	mov	%rdx, THREAD_NEXT(%r11)
	mov	THREAD_CHUNK(%r11), %rdx
	incl	(%rdx)
	movq	$0, THREAD_BUSY(%r11)
	mov	THREAD_SLOT(%r11), %rdx
	mov	F_DEPTH(%rbp), %eax
	mov	%eax, SLOT_DEPTH(%rdx)
.L\name\()_return:
	mov	F_RAX(%rbp), %rax
	mov	F_RDX(%rbp), %rdx
	mov	F_R11(%rbp), %r11
	leave
	.cfi_remember_state
	.cfi_def_cfa %rsp, 16
	.cfi_restore %rbp
	lea	8(%rsp), %rsp
	.cfi_adjust_cfa_offset -8
	ret
	.cfi_restore_state

.L\name\()_call_nested:
	OPEN_CHECK .L\name\()_call_cold
	jmp	.L\name\()_call_open

.L\name\()_call_deep:
	DEEP_KIND
	jmp	.L\name\()_call_opened

.L\name\()_call_cold:
	mov	%rdi, F_ARG(%rbp)
	SAVE_ALL
	mov	8(%rbp), %rax
	lea	FRAME_CALL(%rbp), %rdi
	mov	THUNK_KIND(%rax), %esi
	mov	F_ARG(%rbp), %rdx
	lea	CALLER(%rbp), %rcx
	call	trampoline_enter
	RESTORE_ALL
	cmpb	$0, F_ANSWER(%rbp)
	je	.L\name\()_call_pass
	DEEP_KIND
	jmp	.L\name\()_call_original
.L\name\()_call_pass:
	mov	8(%rbp), %rax
	mov	THUNK_ORIGINAL(%rax), %rax
	.cfi_remember_state
	LEAVE_TO_ORIGINAL
	.cfi_restore_state

.L\name\()_return_full:
	movq	$0, THREAD_BUSY(%r11)
.L\name\()_return_cold:
	mov	%rcx, F_RCX(%rbp)
	add	F_START(%rbp), %rax
	mov	%rax, F_ORIGINAL(%rbp)
	SAVE_ALL
	lea	FRAME_CALL(%rbp), %rdi
	mov	F_ORIGINAL(%rbp), %rsi
	mov	F_ARG(%rbp), %rdx
	mov	F_RAX(%rbp), %rcx
	.if	\capture
	lea	F_ARGUMENTS(%rbp), %r8
	mov	8(%rbp), %r9
	call	trampoline_leave_captured
	.else
	call	trampoline_leave
	.endif
	RESTORE_ALL
	mov	F_RCX(%rbp), %rcx
	jmp	.L\name\()_return

.L\name\()_call_sample:
	SAMPLE	.L\name\()_call_cold, .L\name\()_call_pass
	ODD	.L\name\()_call_odd, .L\name\()_call_off, .L\name\()_call_sample, \capture
	OFF	.L\name\()_call_off
	.cfi_endproc
	.size	\name, . - \name
	.endm

	TRAMPOLINE trampoline_call, 0, 0
	TRAMPOLINE trampoline_call_stack, 1, 0
	TRAMPOLINE trampoline_capture, 0, 1
	TRAMPOLINE trampoline_capture_stack, 1, 1

	.p2align 6
	.globl	trampoline_entry
	.hidden	trampoline_entry
	.type	trampoline_entry, @function
trampoline_entry:
	.cfi_startproc
	.cfi_def_cfa_offset 16
	UNLESS_OFF .Lentry_off, .Lentry_odd
	FRAME	0
	THREAD	.Lentry_cold
	mov	SLOT_DEPTH(%r11), %ecx
	test	%ecx, %ecx
	jne	.Lentry_nested
.Lentry_write:
	cmpq	$0, THREAD_BUSY(%rdx)
	jne	.Lentry_cold
	mov	%rbp, THREAD_BUSY(%rdx)
	mov	THREAD_NEXT(%rdx), %r11
	cmp	THREAD_LIMIT(%rdx), %r11
	jae	.Lentry_full
	mov	%rdx, F_THREAD(%rbp)
	mov	$255, %eax
	cmp	%eax, %ecx
	cmova	%eax, %ecx
	shl	$16, %ecx
	CLOCK
	mov	%rax, (%r11)
	movl	$0, RECORD_DURATION(%r11)
	mov	8(%rbp), %rax
	or	THUNK_KIND(%rax), %ecx
	mov	%ecx, RECORD_KIND(%r11)
	mov	%rdi, RECORD_ARG(%r11)
	movq	$0, RECORD_RESULT(%r11)
	add	$(1 << RECORD_SHIFT), %r11
	mov	F_THREAD(%rbp), %rdx
	mov	%r11, THREAD_NEXT(%rdx)
	mov	THREAD_CHUNK(%rdx), %rcx
	incl	(%rcx)
	movq	$0, THREAD_BUSY(%rdx)
.Lentry_original:
	mov	8(%rbp), %rax
	mov	THUNK_ORIGINAL(%rax), %rax
	.cfi_remember_state
	LEAVE_TO_ORIGINAL
	.cfi_restore_state

.Lentry_nested:
	OPEN_CHECK .Lentry_cold
	jmp	.Lentry_write

.Lentry_full:
	movq	$0, THREAD_BUSY(%rdx)
.Lentry_cold:
	SAVE_ALL
	mov	8(%rbp), %rax
	mov	%rdi, %rsi
	mov	THUNK_KIND(%rax), %edi
	lea	CALLER(%rbp), %rdx
	call	trampoline_note
	RESTORE_ALL
	jmp	.Lentry_original

.Lentry_sample:
	SAMPLE	.Lentry_cold, .Lentry_original
	ODD	.Lentry_odd, .Lentry_off, .Lentry_sample, 0
	OFF	.Lentry_off
	.cfi_endproc
	.size	trampoline_entry, . - trampoline_entry

	.section .note.GNU-stack, "", @progbits
