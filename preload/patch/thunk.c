/* SPDX-License-Identifier: Apache-2.0 */
/* Thunks, and the search for free memory near a library. */
#include "preload/patch/thunk.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#define PAGE 4096ul
#define REACH 0x7ff00000ul
#define LOWEST 0x10000ul

/* The gaps between the lines of /proc/self/maps, each line "from-to ...". */
struct gaps {
	uintptr_t low, high; /* what is to be reached */
	size_t size;
	uintptr_t end;	/* of the line before */
	uintptr_t best; /* 0: none yet */
	uintptr_t number, from;
	bool in_number, second;
};

/* Below the library rather than above it: above, the heap may want to grow. */
static void gap_found(struct gaps *gaps, uintptr_t from, uintptr_t to)
{
	uintptr_t floor = gaps->high > REACH ? gaps->high - REACH : LOWEST;
	uintptr_t at;

	if (from < floor)
		from = floor;
	if (to > gaps->low + REACH)
		to = gaps->low + REACH;
	if (to <= from || to - from < gaps->size)
		return;
	at = to <= gaps->low ? to - gaps->size : from;
	if (!gaps->best || at < gaps->low)
		gaps->best = at;
}

static void gaps_line_end(struct gaps *gaps)
{
	gaps->number = 0;
	gaps->in_number = true;
	gaps->second = false;
}

static void gaps_letter(struct gaps *gaps, char letter)
{
	if (letter == '\n') {
		gaps_line_end(gaps);
	} else if (!gaps->in_number) {
		return;
	} else if (letter >= '0' && letter <= '9') {
		gaps->number = gaps->number << 4 | (uintptr_t)(letter - '0');
	} else if (letter >= 'a' && letter <= 'f') {
		gaps->number = gaps->number << 4 | (uintptr_t)(letter - 'a' + 10);
	} else if (!gaps->second) {
		gap_found(gaps, gaps->end, gaps->number);
		gaps->number = 0;
		gaps->second = true;
	} else {
		gaps->end = gaps->number;
		gaps->in_number = false;
	}
}

static uintptr_t gap_near(size_t size, uintptr_t low, uintptr_t high)
{
	struct gaps gaps = {.low = low, .high = high, .size = size, .end = LOWEST};
	char bytes[4096];
	long fd = raw4(openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC, 0), got;

	if (fd < 0)
		return 0;
	gaps_line_end(&gaps);
	while ((got = raw3(read, fd, bytes, sizeof(bytes))) > 0)
		for (long i = 0; i < got; i++)
			gaps_letter(&gaps, bytes[i]);
	raw1(close, fd);
	return gaps.best;
}

int thunk_area_open(struct thunk_area *area, size_t size, uintptr_t low, uintptr_t high)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS;
	uintptr_t hint = 0;
	long at;

	size = (size + PAGE - 1) & -PAGE;
	if (high) {
		hint = gap_near(size, low, high);
		if (!hint)
			return -ERANGE;
		flags |= MAP_FIXED_NOREPLACE;
	}
	at = raw6(mmap, hint, size, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (at < 0 && at > -4096)
		return -ENOMEM;
	if (high && (uintptr_t)at != hint) {
		raw2(munmap, at, size);
		return -ERANGE;
	}
	*area = (struct thunk_area){(__u8 *)at, size, 0};
	return 0;
}

/* endbr64; push self(%rip); jmp *trampoline(%rip) */
static const __u8 thunk_code[16] = {0xf3, 0x0f, 0x1e, 0xfa, 0xff, 0x35, THUNK_SELF - 10, 0, 0, 0,
	0xff, 0x25, THUNK_TRAMPOLINE - 16, 0, 0, 0};

/* endbr64; jmp *trampoline(%rip) */
static const __u8 hook_code[16] = {
	0xf3, 0x0f, 0x1e, 0xfa, 0xff, 0x25, THUNK_TRAMPOLINE - 10, 0, 0, 0};

static struct thunk *thunk_take(struct thunk_area *area, size_t code)
{
	struct thunk *thunk = (struct thunk *)(area->start + area->used);

	code = (code + THUNK_SIZE - 1) & -(size_t)THUNK_SIZE;
	if (area->size - area->used < THUNK_SIZE + code)
		return NULL;
	area->used += THUNK_SIZE + code;
	return thunk;
}

struct thunk *thunk_add_hook(struct thunk_area *area, const void *hook, size_t code)
{
	struct thunk *thunk = thunk_take(area, code);

	if (!thunk)
		return NULL;
	memcpy(thunk->code, hook_code, sizeof(hook_code));
	thunk->trampoline = hook;
	return thunk;
}

static const char *trampoline_of(const struct thunk_plan *plan)
{
	if (plan->entries_only)
		return trampoline_entry;
	if (plan->capture)
		return plan->stack_size ? trampoline_capture_stack : trampoline_capture;
	return plan->stack_size ? trampoline_call_stack : trampoline_call;
}

struct thunk *thunk_add(struct thunk_area *area, const struct thunk_plan *plan, size_t code)
{
	struct thunk *thunk = thunk_take(area, code);

	if (!thunk)
		return NULL;
	memcpy(thunk->code, thunk_code, sizeof(thunk_code));
	thunk->trampoline = trampoline_of(plan);
	thunk->self = thunk;
	thunk->kind = plan->kind;
	thunk->stack_size = plan->stack_size;
	thunk->capture = plan->capture;
	return thunk;
}

bool thunk_area_seal(struct thunk_area *area)
{
	if (!raw3(mprotect, area->start, area->size, PROT_READ | PROT_EXEC))
		return true;
	raw2(munmap, area->start, area->size);
	return false;
}
