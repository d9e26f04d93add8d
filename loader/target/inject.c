/* SPDX-License-Identifier: Apache-2.0 */
#include "loader/target/inject.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lib/log.h"
#include "loader/capture/ticks.h"
#include "loader/symbols/elf.h"
#include "loader/target/find.h"
#include "loader/target/mapped.h"
#include "loader/target/procfs.h"
#include "loader/target/remote.h"
#include "wire/inject.h"

#define PAGE 4096
#define PATIENCE 3000000000ull /* ns, for a thread to wait quietly */
#define ANSWER_TAKES 5000000000ull

/* What the stub below works on. Offsets are known to it. */
struct errand {
	uint64_t dlopen, dlsym, function;
	uint64_t result;
	uint32_t state; /* enum errand_state */
	uint32_t pad;
	char path[PATH_MAX / 2];
	char name[32];
	char text[64];
	uint64_t thread;
};

enum errand_state { ERRAND_DONE = 1, ERRAND_NOT_LOADED = 2, ERRAND_NO_SUCH = 3 };

_Static_assert(offsetof(struct errand, result) == 24 && offsetof(struct errand, state) == 32 &&
		offsetof(struct errand, path) == 40 && offsetof(struct errand, name) == 40 + 2048 &&
		offsetof(struct errand, text) == 40 + 2048 + 32,
	"as the stub has them");
_Static_assert(sizeof(struct errand) <= PAGE, "a page for it, a page for the code");

/* void *stub(struct errand *): runs in the target, on a thread of its own. */
extern const char inject_stub[], inject_stub_end[];
__asm__(".section .rodata\n.globl inject_stub\n.globl inject_stub_end\n"
	"inject_stub:\n"
	"\tendbr64\n\tpush %rbx\n\tmov %rdi, %rbx\n"
	"\tmov 16(%rbx), %rax\n\ttest %rax, %rax\n\tjnz 1f\n"
	"\tlea 40(%rbx), %rdi\n\tmov $2, %esi\n\tcall *0(%rbx)\n"
	"\ttest %rax, %rax\n\tjz 2f\n"
	"\tmov %rax, %rdi\n\tlea 40+2048(%rbx), %rsi\n\tcall *8(%rbx)\n"
	"\ttest %rax, %rax\n\tjz 3f\n"
	"1:\tlea 40+2048+32(%rbx), %rdi\n\tcall *%rax\n"
	"\tmov %rax, 24(%rbx)\n\tmovl $1, 32(%rbx)\n\tjmp 4f\n"
	"2:\tmovl $2, 32(%rbx)\n\tjmp 4f\n"
	"3:\tmovl $3, 32(%rbx)\n"
	"4:\txor %eax, %eax\n\tpop %rbx\n\tret\n"
	"inject_stub_end:\n.text\n");

struct inject {
	pid_t pid;
	int region;	     /* ours; -1: given away */
	int there;	     /* its number in the target */
	bool is_open;	     /* the target has it open there */
	char shim[PATH_MAX]; /* our file of it */
	uint64_t mmap, mprotect, munmap, syscall, pthread_create, pthread_detach, dlopen, dlsym;
};

/* ---- finding functions in the target ---- */

struct place {
	const char *name;
	size_t offset;	   /* in struct inject */
	const char *other; /* of older systems */
};

static const struct place places[] = {
	{"mmap", offsetof(struct inject, mmap), NULL},
	{"mprotect", offsetof(struct inject, mprotect), NULL},
	{"munmap", offsetof(struct inject, munmap), NULL},
	{"syscall", offsetof(struct inject, syscall), NULL},
	{"pthread_create", offsetof(struct inject, pthread_create), NULL},
	{"pthread_detach", offsetof(struct inject, pthread_detach), NULL},
	{"dlopen", offsetof(struct inject, dlopen), "__libc_dlopen_mode"},
	{"dlsym", offsetof(struct inject, dlsym), "__libc_dlsym"},
};

static bool is_libc(const char *base)
{
	static const char *const names[] = {
		"libc.so", "libc-2", "libpthread", "libdl", "ld-musl", "libc.musl", NULL};

	for (int i = 0; names[i]; i++)
		if (!strncmp(base, names[i], strlen(names[i])))
			return true;
	return false;
}

/* Fills in what one library has. */
static void take_symbols(struct inject *inject, const char *path, uint64_t base)
{
	struct elf *elf = elf_open(open(path, O_RDONLY | O_CLOEXEC));
	struct elf_symbol symbol;

	if (!elf)
		return;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		uint64_t *to = (uint64_t *)((char *)inject + places[i].offset);

		if (!*to &&
			(elf_exported(elf, places[i].name, &symbol) ||
				(places[i].other && elf_exported(elf, places[i].other, &symbol))))
			*to = base + symbol.address;
	}
	elf_close(elf);
}

static bool take_library(void *context, const char *path, uint64_t base)
{
	const char *slash = strrchr(path, '/');
	struct inject *inject = context;
	char seen[PATH_MAX + 32];

	snprintf(seen, sizeof(seen), "/proc/%d/root%s", (int)inject->pid, path);
	if (is_libc(slash ? slash + 1 : path))
		take_symbols(inject, seen, base);
	return true;
}

/* ---- obstacles ---- */

const char *inject_obstacle(pid_t pid)
{
	struct candidate candidate;
	const char *obstacle;
	char text[4096];

	if (!find_one(pid, &candidate))
		return "it has ended, or is a part of the kernel";
	obstacle = find_obstacle_inject(&candidate);
	if (obstacle)
		return obstacle;
	if (procfs_read(pid, "status", text, sizeof(text)) > 0 &&
		strstr(text, "\nx86_Thread_features:\t") &&
		strstr(strstr(text, "\nx86_Thread_features:\t"), "shstk"))
		return "it uses a shadow stack, which is not handled";
	return NULL;
}

static int tell_stop(pid_t pid)
{
	int err = errno;

	if (err == EAGAIN)
		log_error(
			"process %d: no thread of it waited where it holds no lock for %d seconds; try "
			"again when it is less busy",
			(int)pid, (int)(PATIENCE / 1000000000));
	else
		log_error("cannot stop a thread of process %d: %s%s", (int)pid, strerror(err),
			err == EPERM ? "; root, or CAP_SYS_PTRACE, is needed" : "");
	return -err;
}

/* ---- errands: a thread made in the target, which calls a function ---- */

static int make_thread(struct inject *inject, struct remote *remote, uint64_t page)
{
	const uint64_t code = page + PAGE;
	uint64_t result = 0, thread;
	int err;

	err = remote_call(remote, inject->mprotect,
		(uint64_t[6]){code, PAGE, PROT_READ | PROT_EXEC}, &result);
	if (err || result)
		return err ? err : -EACCES;
	err = remote_call(remote, inject->pthread_create,
		(uint64_t[6]){page + offsetof(struct errand, thread), 0, code, page}, &result);
	if (err || result)
		return err ? err : -EAGAIN;
	if (!remote_read(
		    inject->pid, page + offsetof(struct errand, thread), &thread, sizeof(thread)))
		remote_call(remote, inject->pthread_detach, (uint64_t[6]){thread}, &result);
	return 0;
}

/* Two pages there: the errand, and the code. */
static int make_pages(
	struct inject *inject, struct remote *remote, const struct errand *errand, uint64_t *page)
{
	int err = remote_call(remote, inject->mmap,
		(uint64_t[6]){0, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			(uint64_t)-1, 0},
		page);

	if (err || *page % PAGE)
		return err ? err : -ENOMEM;
	err = remote_write(inject->pid, *page, errand, sizeof(*errand));
	if (!err)
		err = remote_write(inject->pid, *page + PAGE, inject_stub,
			(size_t)(inject_stub_end - inject_stub));
	return err;
}

static int wait_answer(struct inject *inject, uint64_t page, struct errand *errand)
{
	const struct timespec pause = {.tv_nsec = 200000};
	uint64_t until = monotonic_ns() + ANSWER_TAKES;

	while (monotonic_ns() < until) {
		if (remote_read(inject->pid, page, errand, sizeof(*errand)))
			return -ESRCH;
		if (errand->state)
			return 0;
		nanosleep(&pause, NULL);
	}
	return -ETIMEDOUT;
}

/* The thread has answered and is on its way out of the code: that goes once it has left. */
static void drop_pages(struct inject *inject, uint64_t page)
{
	const struct timespec pause = {.tv_nsec = 2000000};
	struct remote *remote;
	uint64_t result;

	nanosleep(&pause, NULL);
	remote = remote_stop(inject->pid, PATIENCE);
	if (!remote)
		return;
	remote_call(remote, inject->munmap, (uint64_t[6]){page, 2 * PAGE}, &result);
	remote_resume(remote);
}

static int run(struct inject *inject, struct errand *errand)
{
	struct remote *remote = remote_stop(inject->pid, PATIENCE);
	uint64_t page = 0;
	int err;

	if (!remote)
		return tell_stop(inject->pid);
	err = make_pages(inject, remote, errand, &page);
	if (!err)
		err = make_thread(inject, remote, page);
	remote_resume(remote);
	if (err) {
		log_error("cannot make a thread in process %d: %s%s", (int)inject->pid,
			strerror(-err),
			err == -EACCES ? "; it may not make memory executable" : "");
		return err;
	}
	err = wait_answer(inject, page, errand);
	if (err)
		log_error("process %d did not answer: %s", (int)inject->pid, strerror(-err));
	else
		drop_pages(inject, page);
	return err;
}

/* ---- files in memory ---- */

static void close_there(struct inject *inject, int fd)
{
	struct remote *remote = remote_stop(inject->pid, PATIENCE);
	uint64_t result;

	if (!remote)
		return;
	remote_call(remote, inject->syscall, (uint64_t[6]){SYS_close, (uint64_t)fd}, &result);
	remote_resume(remote);
}

/* A file in memory that the target has open as `there`; ours is returned, or -errno. */
static int make_file(struct inject *inject, const char *name, unsigned flags, int *there)
{
	struct remote *remote = remote_stop(inject->pid, PATIENCE);
	uint64_t page = 0, fd = (uint64_t)-1, result;
	char path[64];
	int err, fd_here;

	if (!remote)
		return tell_stop(inject->pid);
	err = remote_call(remote, inject->mmap,
		(uint64_t[6]){0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			(uint64_t)-1, 0},
		&page);
	if (!err && page % PAGE)
		err = -ENOMEM;
	if (!err)
		err = remote_write(inject->pid, page, name, strlen(name) + 1);
	if (!err)
		err = remote_call(
			remote, inject->syscall, (uint64_t[6]){SYS_memfd_create, page, flags}, &fd);
	if (page && page % PAGE == 0)
		remote_call(remote, inject->munmap, (uint64_t[6]){page, PAGE}, &result);
	remote_resume(remote);
	if (err || (int64_t)fd < 0) {
		log_error("cannot make memory in process %d: %s", (int)inject->pid,
			err ? strerror(-err) : "memfd_create is refused there");
		return err ? err : -EACCES;
	}
	*there = (int)fd;
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)inject->pid, *there);
	fd_here = open(path, O_RDWR | O_CLOEXEC);
	if (fd_here < 0) {
		err = -errno;
		log_error("cannot open '%s': %s", path, strerror(-err));
		close_there(inject, *there);
		return err;
	}
	return fd_here;
}

static int make_region(struct inject *inject)
{
	inject->region =
		make_file(inject, "ragtime", MFD_CLOEXEC | MFD_ALLOW_SEALING, &inject->there);
	inject->is_open = inject->region >= 0;
	return inject->region < 0 ? inject->region : 0;
}

struct inject *inject_open(pid_t pid)
{
	struct inject *inject = calloc(1, sizeof(*inject));
	const char *obstacle = inject_obstacle(pid);

	if (!inject) {
		log_error("out of memory");
		return NULL;
	}
	inject->pid = pid;
	inject->region = -1;
	if (obstacle) {
		log_error("cannot enter process %d: %s", (int)pid, obstacle);
		inject_close(inject);
		return NULL;
	}
	mapped_each(pid, take_library, inject);
	if (!inject->mmap || !inject->mprotect || !inject->munmap || !inject->syscall ||
		!inject->pthread_create || !inject->pthread_detach || !inject->dlopen ||
		!inject->dlsym) {
		log_error(
			"cannot enter process %d: its C library has no threads or no dlopen loaded",
			(int)pid);
		inject_close(inject);
		return NULL;
	}
	if (make_region(inject)) {
		inject_close(inject);
		return NULL;
	}
	return inject;
}

int inject_take_region(struct inject *inject)
{
	int fd = inject->region;

	inject->region = -1;
	return fd;
}

void inject_close(struct inject *inject)
{
	if (!inject)
		return;
	/* the shim closes it as it enters; where it did not come to that, we do */
	if (inject->is_open)
		close_there(inject, inject->there);
	if (inject->region >= 0)
		close(inject->region);
	free(inject);
}

/* ---- the shim ---- */

/* Does the target see the same file under this path, and may it read it? */
static bool sees(const struct inject *inject, const char *shim)
{
	char path[PATH_MAX + 32];
	struct stat ours, its;
	uint64_t uid = 0;

	snprintf(path, sizeof(path), "/proc/%d/root%s", (int)inject->pid, shim);
	return !stat(shim, &ours) && !stat(path, &its) && ours.st_dev == its.st_dev &&
		ours.st_ino == its.st_ino && procfs_status(inject->pid, "Uid", 10, &uid) &&
		uid == geteuid();
}

static int copy(const char *from, int to)
{
	int fd = open(from, O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? -1 : 1;

	while (size > 0)
		size = sendfile(to, fd, NULL, 1 << 20);
	if (fd >= 0)
		close(fd);
	return size < 0 ? -errno : 0;
}

/* The shim as a file in the target's memory, for one that does not see ours. */
static int bring_shim(struct inject *inject, const char *shim, struct errand *errand)
{
	int there, fd = make_file(inject, MAPPED_SHIM, MFD_CLOEXEC, &there);
	int err = fd < 0 ? fd : copy(shim, fd);

	if (fd >= 0)
		close(fd);
	if (fd >= 0 && err) {
		log_error("cannot copy %s into process %d: %s", shim, (int)inject->pid,
			strerror(-err));
		close_there(inject, there);
	}
	snprintf(errand->path, sizeof(errand->path), "/proc/self/fd/%d", there);
	return err ? err : there;
}

static const char *answer_text(const struct errand *errand)
{
	if (errand->state == ERRAND_NOT_LOADED)
		return "its dynamic linker does not load the library";
	if (errand->state == ERRAND_NO_SUCH)
		return "the library is not ours";
	if (errand->result == RT_ENTER_TAKEN)
		return "it is traced already";
	if (errand->result == RT_ENTER_BUSY)
		return "its interpreter's lock has not been free since it was traced before; try "
		       "again later";
	return "the library found no way to work there";
}

int inject_enter(struct inject *inject, const char *shim, uint64_t cookie)
{
	struct errand errand = {.dlopen = inject->dlopen, .dlsym = inject->dlsym};
	int brought = -1, err;

	snprintf(inject->shim, sizeof(inject->shim), "%s", shim);
	err = mapped_shim(inject->pid, inject->shim, RT_SHIM_ENTER, &errand.function);
	if (err)
		return err;
	snprintf(errand.path, sizeof(errand.path), "%s", shim);
	if (!errand.function && !sees(inject, shim)) {
		brought = bring_shim(inject, shim, &errand);
		if (brought < 0)
			return brought;
	}
	snprintf(errand.name, sizeof(errand.name), RT_SHIM_ENTER);
	snprintf(errand.text, sizeof(errand.text), "%d %llx", inject->there,
		(unsigned long long)cookie);
	err = run(inject, &errand);
	if (brought >= 0)
		close_there(inject, brought);
	if (!err && errand.state == ERRAND_DONE)
		inject->is_open = false;
	if (!err && (errand.state != ERRAND_DONE || errand.result != RT_ENTER_DONE)) {
		log_error("cannot enter process %d: %s", (int)inject->pid, answer_text(&errand));
		err = -EPERM;
	}
	return err;
}

int inject_leave(struct inject *inject)
{
	struct errand errand = {0};
	int err;

	if (procfs_read(inject->pid, "comm", errand.text, sizeof(errand.text)) <= 0)
		return -ESRCH;
	errand.text[0] = '\0';
	err = mapped_shim(inject->pid, inject->shim, RT_SHIM_LEAVE, &errand.function);
	if (err || !errand.function)
		return err ? err : -ENOENT;
	return run(inject, &errand);
}
