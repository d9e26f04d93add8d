/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor: the least that a preloaded shim can do and still record each call with its duration.
 * Two time stamps and one 32-byte store into a warm ring of the thread. It follows nothing, nests
 * nothing and survives nothing: it is a ruler, not a tool.
 *
 * Without FLOOR_RING the ring is private memory that is overwritten for ever. With
 * FLOOR_RING=PREFIX it is the file PREFIX.<tid>, which drain.c empties; a full one drops and
 * counts.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <x86intrin.h>

#include "calls.h"
#include "floor.h"

#define unlikely(x) __builtin_expect(!!(x), 0)

struct state {
	struct floor_record *records;
	struct floor_ring *ring;
	uint64_t head, tail;
	int busy;
};

static __thread struct state state __attribute__((tls_model("initial-exec")));

static __attribute__((noinline, cold)) int make_ring(void)
{
	const char *prefix = getenv("FLOOR_RING");
	int fd = -1, flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE;
	char path[256];
	char *base;

	if (state.busy)
		return -1;
	state.busy = 1;
	if (prefix) {
		snprintf(path, sizeof path, "%s.%ld", prefix, syscall(SYS_gettid));
		fd = syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CREAT | O_TRUNC, 0600);
		flags = MAP_SHARED | MAP_POPULATE;
		if (fd < 0 || ftruncate(fd, FLOOR_BYTES))
			return -1;
	}
	base = mmap(NULL, FLOOR_BYTES, PROT_READ | PROT_WRITE, flags, fd, 0);
	if (fd >= 0)
		syscall(SYS_close, fd);
	if (base == MAP_FAILED)
		return -1;
	state.ring = (struct floor_ring *)base;
	state.records = (struct floor_record *)(base + FLOOR_HEADER);
	if (!prefix)
		__atomic_store_n(&state.ring->tail, UINT64_MAX / 2, __ATOMIC_RELAXED);
	state.busy = 0;
	return 0;
}

static __attribute__((noinline, cold)) int find_room(void)
{
	state.tail = __atomic_load_n(&state.ring->tail, __ATOMIC_ACQUIRE);
	if ((int64_t)(state.head - state.tail) < (int64_t)FLOOR_RECORDS)
		return 0;
	state.ring->lost++;
	return -1;
}

static inline __attribute__((always_inline)) void record(
	int kind, uint64_t start, uint64_t arg, int64_t result)
{
	uint64_t end = __rdtsc();
	struct floor_record *slot;

	if (unlikely(!state.records) && make_ring())
		return;
	if (unlikely((int64_t)(state.head - state.tail) >= (int64_t)FLOOR_RECORDS) && find_room())
		return;
	slot = &state.records[state.head & (FLOOR_RECORDS - 1)];
	slot->start = start;
	slot->duration = (uint32_t)(end - start);
	slot->kind = kind;
	slot->flags = 0;
	slot->result = result;
	slot->arg = arg;
	__atomic_store_n(&state.ring->head, ++state.head, __ATOMIC_RELEASE);
}

#define REAL(name)                                                 \
	static __typeof__(name) *real_##name;                      \
	static __attribute__((constructor)) void find_##name(void) \
	{                                                          \
		real_##name = dlsym(RTLD_NEXT, #name);             \
	}
#define NEED(name)                          \
	do {                                \
		if (unlikely(!real_##name)) \
			find_##name();      \
	} while (0)

REAL(read)
REAL(write)
REAL(recv)
REAL(send)
REAL(call_add)

ssize_t read(int fd, void *buffer, size_t size)
{
	NEED(read);
	uint64_t start = __rdtsc();
	ssize_t result = real_read(fd, buffer, size);

	record(1, start, fd, result);
	return result;
}

ssize_t write(int fd, const void *buffer, size_t size)
{
	NEED(write);
	uint64_t start = __rdtsc();
	ssize_t result = real_write(fd, buffer, size);

	record(2, start, fd, result);
	return result;
}

ssize_t recv(int fd, void *buffer, size_t size, int flags)
{
	NEED(recv);
	uint64_t start = __rdtsc();
	ssize_t result = real_recv(fd, buffer, size, flags);

	record(3, start, fd, result);
	return result;
}

ssize_t send(int fd, const void *buffer, size_t size, int flags)
{
	NEED(send);
	uint64_t start = __rdtsc();
	ssize_t result = real_send(fd, buffer, size, flags);

	record(4, start, fd, result);
	return result;
}

int call_add(int left, int right)
{
	NEED(call_add);
	uint64_t start = __rdtsc();
	int result = real_call_add(left, right);

	record(5, start, left, result);
	return result;
}

/* dlsym may allocate, so these have no pointers to find. */
void *__libc_malloc(size_t size);
void __libc_free(void *block);

void *malloc(size_t size)
{
	uint64_t start = __rdtsc();
	void *result = __libc_malloc(size);

	record(6, start, size, (int64_t)result);
	return result;
}

void free(void *block)
{
	uint64_t start = __rdtsc();

	__libc_free(block);
	record(7, start, (uint64_t)block, 0);
}
