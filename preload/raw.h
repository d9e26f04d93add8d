/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the shim does for itself: raw system calls, which never touch errno and never pass through a
 * hook, and the few string helpers it needs. Nothing here calls libc.
 */
#ifndef PRELOAD_RAW_H
#define PRELOAD_RAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#define likely(condition) __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)

/* Returns -errno where the call fails. */
static inline long raw_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

#define raw0(name) raw_syscall(SYS_##name, 0, 0, 0, 0, 0, 0)
#define raw1(name, a) raw_syscall(SYS_##name, (long)(a), 0, 0, 0, 0, 0)
#define raw2(name, a, b) raw_syscall(SYS_##name, (long)(a), (long)(b), 0, 0, 0, 0)
#define raw3(name, a, b, c) raw_syscall(SYS_##name, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define raw4(name, a, b, c, d) \
	raw_syscall(SYS_##name, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define raw6(name, a, b, c, d, e, f) \
	raw_syscall(SYS_##name, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

static inline size_t text_length(const char *text)
{
	size_t length = 0;

	while (text[length])
		length++;
	return length;
}

/* Does `text` begin with `prefix`? Then what follows it, else NULL. */
static inline const char *text_after(const char *text, const char *prefix)
{
	while (*prefix)
		if (*text++ != *prefix++)
			return NULL;
	return text;
}

static inline bool text_equal(const char *left, const char *right)
{
	const char *rest = text_after(left, right);

	return rest && !*rest;
}

typedef long long vector16 __attribute__((vector_size(16), aligned(1), may_alias));

/* memcpy for bytes that are few as a rule: string instructions are slow to start. */
static inline void bytes_copy(unsigned char *to, const void *bytes, size_t size)
{
	const unsigned char *from = bytes;
	size_t at = 0;

	if (size < sizeof(vector16)) {
		for (; at < size; at++)
			to[at] = from[at];
		return;
	}
	for (; at < size - sizeof(vector16); at += sizeof(vector16))
		*(vector16 *)(to + at) = *(const vector16 *)(from + at);
	at = size - sizeof(vector16);
	*(vector16 *)(to + at) = *(const vector16 *)(from + at);
}

/* The compiler may call these by itself; hidden, so that they are never the host's. */
void *memcpy(void *to, const void *from, size_t size) __attribute__((visibility("hidden")));
void *memset(void *to, int value, size_t size) __attribute__((visibility("hidden")));

#endif
