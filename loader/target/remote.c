/* SPDX-License-Identifier: Apache-2.0 */
#include "loader/target/remote.h"

#include <elf.h>
#include <errno.h>
#include <linux/futex.h>
#include <stdbool.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "loader/capture/ticks.h"
#include "loader/target/procfs.h"

/*
 * ns, for a thread to stop and for a call to return. What takes longer cannot be taken back: the
 * thread would stop, or return to where there is nothing, with nobody there. It was waiting, and
 * the calls are short: on a machine whose processors are all taken it still needs its turn.
 */
#define STOP_TAKES 10000000000ull
#define CALL_TAKES 60000000000ull
#define LOOK_AGAIN 1000000ull
#define RED_ZONE 128
#define STACK_APART 8192
/* Returning there faults at a place of its own: nothing is ever mapped so low. */
#define TRAP 0x10
#define SIGNALS_KEPT 32
#define EPOLL_PWAIT2 441
#define XSTATE_SIZE 16384
#define DIRECTION_FLAG 0x400ull

struct remote {
	pid_t pid, tid;
	bool spare_first; /* thread of the process: a loop that serves all is likely its */
	struct user_regs_struct registers;
	struct iovec xstate;
	uint8_t xstate_bytes[XSTATE_SIZE];
	int signals[SIGNALS_KEPT];
	unsigned signal_count;
};

int remote_read(pid_t pid, uint64_t address, void *to, size_t size)
{
	struct iovec local = {to, size}, there = {(void *)(uintptr_t)address, size};

	return process_vm_readv(pid, &local, 1, &there, 1, 0) == (ssize_t)size ? 0 : -EFAULT;
}

int remote_write(pid_t pid, uint64_t address, const void *from, size_t size)
{
	struct iovec local = {(void *)from, size}, there = {(void *)(uintptr_t)address, size};

	return process_vm_writev(pid, &local, 1, &there, 1, 0) == (ssize_t)size ? 0 : -EFAULT;
}

/* Not a file: those are read by the dynamic linker, too, which holds its lock then. */
static bool is_stream(pid_t pid, unsigned long fd)
{
	char name[32], link[64];

	snprintf(name, sizeof(name), "fd/%u", (unsigned)fd);
	return procfs_link(pid, name, link, sizeof(link)) > 0 &&
		(!strncmp(link, "pipe:", 5) || !strncmp(link, "socket:", 7) ||
			!strncmp(link, "/dev/pts/", 9) || !strncmp(link, "/dev/tty", 8));
}

/* Waits in which libc holds none of its locks. A plain FUTEX_WAIT is such a lock. */
static bool is_quiet(pid_t pid, long number, const unsigned long *arguments)
{
	switch (number) {
	case SYS_read:
		return is_stream(pid, arguments[0]);
	case SYS_epoll_wait:
	case SYS_epoll_pwait:
	case EPOLL_PWAIT2:
	case SYS_poll:
	case SYS_ppoll:
	case SYS_select:
	case SYS_pselect6:
	case SYS_nanosleep:
	case SYS_clock_nanosleep:
	case SYS_accept:
	case SYS_accept4:
	case SYS_recvfrom:
	case SYS_recvmsg:
	case SYS_pause:
	case SYS_rt_sigsuspend:
		return true;
	case SYS_futex:
		return (arguments[1] & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET;
	default:
		return false;
	}
}

static bool waits_quietly(pid_t pid, pid_t tid)
{
	char name[48], text[256];
	unsigned long arguments[3];
	long number;

	snprintf(name, sizeof(name), "task/%d/syscall", (int)tid);
	return procfs_read(pid, name, text, sizeof(text)) > 0 &&
		sscanf(text, "%ld %lx %lx %lx", &number, &arguments[0], &arguments[1],
			&arguments[2]) == 4 &&
		is_quiet(pid, number, arguments);
}

/* The fault by which a call's return is told must reach us, not be held back. */
static bool blocks_faults(pid_t pid, pid_t tid)
{
	char name[48], text[4096];
	unsigned long long blocked;
	const char *at;

	snprintf(name, sizeof(name), "task/%d/status", (int)tid);
	if (procfs_read(pid, name, text, sizeof(text)) <= 0)
		return true;
	at = strstr(text, "\nSigBlk:\t");
	return !at || sscanf(at + 9, "%llx", &blocked) != 1 || blocked >> (SIGSEGV - 1) & 1;
}

static void pause_ns(uint64_t ns)
{
	struct timespec pause = {.tv_nsec = (long)ns};

	nanosleep(&pause, NULL);
}

/* Its next stop, as waitpid tells it; -ETIMEDOUT, -ESRCH. */
static int wait_stop(pid_t tid, uint64_t until_ns, int *status)
{
	for (;;) {
		pid_t got = waitpid(tid, status, __WALL | WNOHANG);

		if (got == tid)
			return WIFSTOPPED(*status) ? 0 : -ESRCH;
		if (got < 0 && errno != EINTR)
			return -errno;
		if (monotonic_ns() > until_ns)
			return -ETIMEDOUT;
		pause_ns(20000);
	}
}

static bool waits_for_events(long number)
{
	return number == SYS_epoll_wait || number == SYS_epoll_pwait || number == EPOLL_PWAIT2;
}

static bool waits_for_ever(const struct user_regs_struct *registers)
{
	return registers->orig_rax == EPOLL_PWAIT2 ? !registers->r10 : (int)registers->r10 == -1;
}

/*
 * Most calls begin anew by themselves; the kernel's own codes say so. Those that would tell the
 * program of an interruption are made to begin anew, or where they have a time limit, to tell that
 * nothing has come: the limit would count from the start again. False where it is in no call, or
 * not in one of those.
 */
static bool make_restartable(struct remote *remote)
{
	struct user_regs_struct *registers = &remote->registers;
	long result = (long)registers->rax;
	uint8_t code[2];

	if ((long)registers->orig_rax < 0)
		return false;
	if (result <= -512 && result >= -516)
		return true;
	if (result != -EINTR)
		return false;
	if (waits_for_events((long)registers->orig_rax) && !waits_for_ever(registers)) {
		registers->rax = 0;
	} else {
		if (remote_read(remote->pid, registers->rip - 2, code, sizeof(code)) ||
			code[0] != 0x0f || code[1] != 0x05)
			return false;
		registers->rip -= 2;
		registers->rax = registers->orig_rax;
	}
	registers->orig_rax = (unsigned long long)-1;
	return true;
}

/* 0 where the thread is stopped in its wait; else it runs on, untouched. */
static int stop_thread(struct remote *remote, pid_t tid)
{
	int status, err;

	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL))
		return -errno;
	remote->tid = tid;
	if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL))
		return -errno;
	err = wait_stop(tid, monotonic_ns() + STOP_TAKES, &status);
	if (err)
		return err; /* its end, or ours, will end the tie */
	remote->xstate = (struct iovec){remote->xstate_bytes, sizeof(remote->xstate_bytes)};
	/* a signal of its own has come first: it is given back */
	if (status >> 16 != PTRACE_EVENT_STOP) {
		ptrace(PTRACE_DETACH, tid, NULL, (void *)(long)WSTOPSIG(status));
		return -EAGAIN;
	}
	if (ptrace(PTRACE_GETREGS, tid, NULL, &remote->registers) || !make_restartable(remote) ||
		ptrace(PTRACE_GETREGSET, tid, (void *)NT_X86_XSTATE, &remote->xstate)) {
		ptrace(PTRACE_DETACH, tid, NULL, NULL);
		return -EAGAIN;
	}
	return 0;
}

static bool try_thread(void *context, int tid)
{
	struct remote *remote = context;

	if ((remote->spare_first && tid == remote->pid) || !waits_quietly(remote->pid, tid) ||
		blocks_faults(remote->pid, tid))
		return true;
	errno = -stop_thread(remote, tid);
	if (!errno)
		return false;
	remote->tid = 0;
	return errno != EPERM;
}

struct remote *remote_stop(pid_t pid, uint64_t patience_ns)
{
	struct remote *remote = calloc(1, sizeof(*remote));
	uint64_t until = monotonic_ns() + patience_ns;
	int err = EAGAIN;

	if (!remote)
		return NULL;
	remote->pid = pid;
	while (!remote->tid && monotonic_ns() < until) {
		errno = 0;
		remote->spare_first = !remote->spare_first;
		if (procfs_numbers(pid, "task", try_thread, remote) < 0) {
			err = ESRCH;
			break;
		}
		if (errno == EPERM) {
			err = EPERM;
			break;
		}
		if (!remote->tid && !remote->spare_first)
			pause_ns(LOOK_AGAIN);
	}
	if (remote->tid)
		return remote;
	free(remote);
	errno = err;
	return NULL;
}

void remote_resume(struct remote *remote)
{
	ptrace(PTRACE_SETREGSET, remote->tid, (void *)NT_X86_XSTATE, &remote->xstate);
	ptrace(PTRACE_SETREGS, remote->tid, NULL, &remote->registers);
	ptrace(PTRACE_DETACH, remote->tid, NULL, NULL);
	for (unsigned i = 0; i < remote->signal_count; i++)
		syscall(SYS_tgkill, remote->pid, remote->tid, remote->signals[i]);
	free(remote);
}

/* Runs the thread until it comes to the trap. */
static int run_to_trap(struct remote *remote, uint64_t *result)
{
	uint64_t until = monotonic_ns() + CALL_TAKES;
	struct user_regs_struct registers;

	for (;;) {
		int status, err, number;

		if (ptrace(PTRACE_CONT, remote->tid, NULL, NULL))
			return -errno;
		err = wait_stop(remote->tid, until, &status);
		if (err)
			return err;
		number = WSTOPSIG(status);
		if (status >> 16 || number == SIGTRAP)
			continue;
		if (number == SIGSEGV) {
			if (ptrace(PTRACE_GETREGS, remote->tid, NULL, &registers) ||
				registers.rip != TRAP)
				return -EFAULT;
			*result = registers.rax;
			return 0;
		}
		if (remote->signal_count < SIGNALS_KEPT)
			remote->signals[remote->signal_count++] = number;
	}
}

int remote_call(
	struct remote *remote, uint64_t function, const uint64_t arguments[6], uint64_t *result)
{
	struct user_regs_struct registers = remote->registers;
	uint64_t trap = TRAP;

	registers.rsp = ((registers.rsp - RED_ZONE - STACK_APART) & ~15ull) - 8;
	if (remote_write(remote->pid, registers.rsp, &trap, sizeof(trap)))
		return -EFAULT;
	registers.rip = function;
	registers.rdi = arguments[0];
	registers.rsi = arguments[1];
	registers.rdx = arguments[2];
	registers.rcx = arguments[3];
	registers.r8 = arguments[4];
	registers.r9 = arguments[5];
	registers.rax = 0;
	registers.orig_rax = (unsigned long long)-1;
	registers.eflags &= ~DIRECTION_FLAG;
	if (ptrace(PTRACE_SETREGS, remote->tid, NULL, &registers))
		return -errno;
	return run_to_trap(remote, result);
}
