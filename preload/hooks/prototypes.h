/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prototypes of the functions in hooks.def that no header declares, or that headers declare only
 * for fortified or old programs.
 */
#ifndef PRELOAD_HOOKS_PROTOTYPES_H
#define PRELOAD_HOOKS_PROTOTYPES_H

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <malloc.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* fortified */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int dir, const char *path, int flags);
int __openat64_2(int dir, const char *path, int flags);
ssize_t __read_chk(int fd, void *data, size_t size, size_t room);
ssize_t __pread_chk(int fd, void *data, size_t size, off_t offset, size_t room);
ssize_t __pread64_chk(int fd, void *data, size_t size, off64_t offset, size_t room);
ssize_t __readlink_chk(const char *path, char *data, size_t size, size_t room);
ssize_t __readlinkat_chk(int dir, const char *path, char *data, size_t size, size_t room);
size_t __fread_chk(void *data, size_t room, size_t size, size_t count, FILE *stream);
ssize_t __recv_chk(int fd, void *data, size_t size, size_t room, int flags);
ssize_t __recvfrom_chk(int fd, void *data, size_t size, size_t room, int flags,
	struct sockaddr *address, socklen_t *length);
int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t room);
int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
	const sigset_t *mask, size_t room);

/* of programs linked before glibc 2.33 */
int __xstat(int version, const char *path, struct stat *status);
int __xstat64(int version, const char *path, struct stat64 *status);
int __lxstat(int version, const char *path, struct stat *status);
int __lxstat64(int version, const char *path, struct stat64 *status);
int __fxstat(int version, int fd, struct stat *status);
int __fxstat64(int version, int fd, struct stat64 *status);
int __fxstatat(int version, int dir, const char *path, struct stat *status, int flags);
int __fxstatat64(int version, int dir, const char *path, struct stat64 *status, int flags);

/* fortified jump, and glibc's fork without its handlers */
void __longjmp_chk(jmp_buf buffer, int value) __attribute__((noreturn));
pid_t _Fork(void);

/* not hooked: there in glibc only */
const char *gnu_get_libc_version(void) __attribute__((weak));

#endif
