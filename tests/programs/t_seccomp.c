/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_seccomp strict|filter|threads: puts itself under seccomp and works on. The filter kills at the
 * first system call that the program itself would not make.
 */
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int allow_only(const int *calls, int count)
{
	struct sock_filter filter[64];
	struct sock_fprog program = {.filter = filter};
	int n = 0;

	filter[n++] = (struct sock_filter)BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (int i = 0; i < count; i++) {
		filter[n++] =
			(struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i], 0, 1);
		filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	}
	filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	program.len = n;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static void work(void)
{
	char text[64];
	int ok = 0;

	for (int i = 0; i < 5000; i++)
		ok += read(3, text, 16) == 16 && write(4, text, 16) == 16;
	snprintf(text, sizeof(text), "%d rounds\n", ok);
	(void)!write(1, text, strlen(text));
}

static void *thread_work(void *arg)
{
	work();
	return arg;
}

/* What glibc itself needs to start and end a thread, and no more. */
static const int with_threads[] = {
	SYS_read,
	SYS_write,
	SYS_exit,
	SYS_exit_group,
	SYS_clone3,
	SYS_clone,
	SYS_mmap,
	SYS_munmap,
	SYS_mprotect,
	SYS_madvise,
	SYS_futex,
	SYS_set_robust_list,
	SYS_rseq,
	SYS_rt_sigprocmask,
	SYS_rt_sigaction,
	SYS_getrandom,
	SYS_brk,
	SYS_rt_sigreturn,
};

int main(int argc, char **argv)
{
	static const int bare[] = {SYS_read, SYS_write, SYS_exit_group};
	const char *how = argc > 1 ? argv[1] : "";
	pthread_t thread;

	if (open("/dev/zero", O_RDONLY) != 3 || open("/dev/null", O_WRONLY) != 4)
		return 2;
	if (!strcmp(how, "strict")) {
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT))
			return 3;
		work();
		syscall(SYS_exit, 5);
	}
	if (!strcmp(how, "filter")) {
		if (allow_only(bare, sizeof(bare) / sizeof(*bare)))
			return 3;
		work();
		_exit(6);
	}
	if (!strcmp(how, "threads")) {
		if (allow_only(with_threads, sizeof(with_threads) / sizeof(*with_threads)))
			return 3;
		pthread_create(&thread, NULL, thread_work, NULL);
		work();
		pthread_join(thread, NULL);
		return 7;
	}
	return 2;
}
