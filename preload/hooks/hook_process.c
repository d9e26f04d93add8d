/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes: forks, programs started, ends.
 *
 * vfork returns twice on one stack frame, which a second frame of ours would not survive: it is
 * marked and jumped to. Where a program is started the environment gets our variables back, if the
 * shim may follow (child.h); the starting program itself never sees them.
 */
#include "preload/child.h"
#include "preload/hooks/hook.h"
#include "preload/process.h"
#include "preload/python/python.h"

#include <errno.h>
#include <stdarg.h>

extern char **environ __attribute__((weak));

/* Headers promise that some pointers are not NULL, callers do not; hides the promise. */
static inline const char *as_given(const char *pointer)
{
	__asm__("" : "+r"(pointer));
	return pointer;
}

static bool is_empty(const char *path)
{
	path = as_given(path);
	return path && !*path;
}

#define FORK(name)                                                                        \
	pid_t name(void)                                                                  \
	{                                                                                 \
		struct rt_call call;                                                      \
		pid_t child;                                                              \
                                                                                          \
		if (region_off() || !call_enter(&call, RT_EV_fork, RT_FAMILY_process, 0)) \
			return real_##name();                                             \
		python_forks();                                                           \
		child = real_##name();                                                    \
		if (child)                                                                \
			call_leave(&call, (__u32)child, result_or_errno(child));          \
		else                                                                      \
			process_begin(RT_BIRTH_FORK);                                     \
		return child;                                                             \
	}

FORK(fork)
FORK(_Fork)

HIDDEN void vfork_note(void);

void __attribute__((used)) vfork_note(void)
{
	process_shares();
	if (!region_off())
		mark_emit(RT_EV_vfork, 0, 0, NULL);
	rt_self.lent = true;
}

__asm__(".text\n.globl vfork\n.type vfork, @function\nvfork:\n"
	"\t.cfi_startproc\n"
	"\tsub $8, %rsp\n\t.cfi_adjust_cfa_offset 8\n"
	"\tcall vfork_note\n"
	"\tadd $8, %rsp\n\t.cfi_adjust_cfa_offset -8\n"
	"\tjmp *real_vfork(%rip)\n"
	"\t.cfi_endproc\n.size vfork, . - vfork\n");

/* The child starts in `run` on a stack of its own, and never comes by here. */
int clone(int (*run)(void *), void *stack, int flags, void *argument, ...)
{
	void *rest[3];
	struct rt_call call;
	va_list list;
	int child;

	va_start(list, argument);
	for (unsigned index = 0; index < 3; index++)
		rest[index] = va_arg(list, void *);
	va_end(list);
	if (flags & CLONE_VM)
		process_shares();
	if (region_off() || !call_enter(&call, RT_EV_clone, RT_FAMILY_process, 0))
		return real_clone(run, stack, flags, argument, rest[0], rest[1], rest[2]);
	child = real_clone(run, stack, flags, argument, rest[0], rest[1], rest[2]);
	call_leave(&call, (__u32)child, result_or_errno(child));
	return child;
}

static void spawn_leave(const struct rt_call *call, pid_t child, const char *path, int err)
{
	struct rt_bytes tail;

	call_leave_tail(call, (__u32)child, -(__s64)err, path_tail(&tail, path, -(__s64)err));
}

#define SPAWN(name, looked_for)                                                                    \
	int name(pid_t *child, const char *path, const posix_spawn_file_actions_t *actions,        \
		const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])       \
	{                                                                                          \
		const struct program program = {                                                   \
			.dir = AT_FDCWD, .path = path, .search = looked_for, .shell = looked_for}; \
		struct rt_call call;                                                               \
		char **variables;                                                                  \
		pid_t made = -1;                                                                   \
		int err;                                                                           \
                                                                                                   \
		if (!region_mapped())                                                              \
			return real_##name(child, path, actions, attributes, argv, envp);          \
		variables = CHILD_ENVIRONMENT(&program, envp);                                     \
		if (region_off() || !call_enter(&call, RT_EV_spawn, RT_FAMILY_process, 0))         \
			return real_##name(child, path, actions, attributes, argv, variables);     \
		err = real_##name(&made, path, actions, attributes, argv, variables);              \
		if (child && !err)                                                                 \
			*child = made;                                                             \
		spawn_leave(&call, made, path, err);                                               \
		return err;                                                                        \
	}

SPAWN(posix_spawn, false)
SPAWN(posix_spawnp, true)

/* Written before, since after it there is nobody to write; and again, with the error, after. */
static void exec_mark(const char *path, __s64 result)
{
	struct rt_bytes tail;

	if (!region_off())
		mark_emit(RT_EV_exec, 0, result, path_tail(&tail, path, result));
}

static int exec_failed(const char *path)
{
	int *error = __errno_location(), before = *error;

	exec_mark(path, -(__s64)before);
	*error = before;
	return -1;
}

#define EXEC(program, path, envp, call_with)                  \
	do {                                                  \
		char **variables;                             \
                                                              \
		variables = CHILD_ENVIRONMENT(program, envp); \
		exec_mark(path, 0);                           \
		call_with;                                    \
		return exec_failed(path);                     \
	} while (0)

static int exec_path(const char *path, char *const argv[], char *const envp[])
{
	const struct program program = {.dir = AT_FDCWD, .path = path};

	if (!region_mapped() || raw3(faccessat, AT_FDCWD, path, 0) == -EFAULT)
		return real_execve(path, argv, envp);
	EXEC(&program, path, envp, real_execve(path, argv, variables));
}

static int exec_name(const char *name, char *const argv[], char *const envp[])
{
	const struct program program = {
		.dir = AT_FDCWD, .path = name, .search = true, .shell = true};

	if (!region_mapped())
		return real_execvpe(name, argv, envp);
	EXEC(&program, name, envp, real_execvpe(name, argv, variables));
}

int execve(const char *path, char *const argv[], char *const envp[])
{
	return exec_path(path, argv, envp);
}

int execv(const char *path, char *const argv[])
{
	return exec_path(path, argv, environ);
}

int execvp(const char *name, char *const argv[])
{
	return exec_name(name, argv, environ);
}

int execvpe(const char *name, char *const argv[], char *const envp[])
{
	return exec_name(name, argv, envp);
}

int fexecve(int fd, char *const argv[], char *const envp[])
{
	const struct program program = {.dir = fd};

	if (!region_mapped())
		return real_fexecve(fd, argv, envp);
	EXEC(&program, "", envp, real_fexecve(fd, argv, variables));
}

int execveat(int dir, const char *path, char *const argv[], char *const envp[], int flags)
{
	const struct program program = {
		.dir = dir, .path = flags & AT_EMPTY_PATH && is_empty(path) ? NULL : path};

	if (!region_mapped() || raw3(faccessat, dir, path, 0) == -EFAULT)
		return real_execveat(dir, path, argv, envp, flags);
	EXEC(&program, path, envp, real_execveat(dir, path, argv, variables, flags));
}

/*
 * Arguments listed in the call, made an array on the stack; the list then stands behind the last.
 * A first argument of NULL is an empty list.
 */
#define LISTED(first, list, argv)                              \
	va_list list;                                          \
	size_t count = 0, at = 0;                              \
	char **argv;                                           \
                                                               \
	va_start(list, first);                                 \
	while (as_given(first) && va_arg(list, char *))        \
		count++;                                       \
	va_end(list);                                          \
	argv = __builtin_alloca((count + 2) * sizeof(char *)); \
	argv[0] = (char *)first;                               \
	va_start(list, first);                                 \
	while (argv[at])                                       \
	argv[++at] = va_arg(list, char *)

int execl(const char *path, const char *first, ...)
{
	LISTED(first, list, argv);
	va_end(list);
	return exec_path(path, argv, environ);
}

int execlp(const char *name, const char *first, ...)
{
	LISTED(first, list, argv);
	va_end(list);
	return exec_name(name, argv, environ);
}

int execle(const char *path, const char *first, ...)
{
	char *const *envp;

	LISTED(first, list, argv);
	envp = va_arg(list, char *const *);
	va_end(list);
	return exec_path(path, argv, envp);
}

/* These start a shell inside libc, with environ as it stands. */
static NOINLINE int record_system(const char *command)
{
	struct environment_loan loan;
	struct rt_call call;
	int result;

	if (!command || !call_enter(&call, RT_EV_system, RT_FAMILY_wait, 0))
		return real_system(command);
	environment_lend(&loan);
	result = real_system(command);
	environment_return(&loan);
	call_leave(&call, 0, result_or_errno(result));
	return result;
}
ENTRY(int, system, (const char *command), (command))

static NOINLINE FILE *record_popen(const char *command, const char *mode)
{
	struct environment_loan loan;
	struct rt_bytes tail;
	struct rt_call call;
	FILE *stream;

	if (!call_enter(&call, RT_EV_spawn, RT_FAMILY_process, 0))
		return real_popen(command, mode);
	environment_lend(&loan);
	stream = real_popen(command, mode);
	environment_return(&loan);
	call_leave_tail(&call, 0, stream ? 0 : -(__s64)*__errno_location(),
		text_tail(&tail, RT_TAIL_PATH, SHELL));
	return stream;
}
ENTRY(FILE *, popen, (const char *command, const char *mode), (command, mode))

void _exit(int status)
{
	process_end(status, true);
	real__exit(status);
	__builtin_unreachable();
}

void _Exit(int status)
{
	process_end(status, true);
	real__Exit(status);
	__builtin_unreachable();
}
