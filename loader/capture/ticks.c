/* SPDX-License-Identifier: Apache-2.0 */
/* Clock choice and calibration. */
#include "loader/capture/ticks.h"

#include <cpuid.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <x86intrin.h>

#define NS 1000000000ull
#define TRIES 8
#define CLOCKSOURCE "/sys/devices/system/clocksource/clocksource0/current_clocksource"

static uint64_t realtime_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * NS + (uint64_t)now.tv_nsec;
}

/* What the kernel falls back to once it has found the counter unreliable. */
static bool kernel_distrusts_counter(void)
{
	char name[32] = "";
	FILE *file = fopen(CLOCKSOURCE, "re");

	if (!file)
		return false;
	if (!fgets(name, sizeof(name), file))
		name[0] = '\0';
	fclose(file);
	return !strncmp(name, "hpet", 4) || !strncmp(name, "acpi_pm", 7) ||
		!strncmp(name, "jiffies", 7) || !strncmp(name, "refined", 7);
}

bool ticks_invariant(void)
{
	unsigned eax, ebx, ecx, edx;

	if (!__get_cpuid(0x80000007, &eax, &ebx, &ecx, &edx) || !(edx & (1u << 8)))
		return false;
	return !kernel_distrusts_counter();
}

void ticks_start(struct ticks *ticks, bool slow)
{
	memset(ticks, 0, sizeof(*ticks));
	ticks->slow = slow || !ticks_invariant();
	ticks->first = ticks_pair(ticks);
}

uint64_t ticks_now(const struct ticks *ticks)
{
	return ticks->slow ? monotonic_ns() : __rdtsc();
}

struct tick_pair ticks_pair(struct ticks *ticks)
{
	struct tick_pair best = {0};
	uint64_t narrowest = UINT64_MAX;

	/* the try that was interrupted least has its clocks closest together */
	for (int i = 0; i < TRIES; i++) {
		uint64_t before = ticks_now(ticks);
		uint64_t mono = monotonic_ns();
		uint64_t after = ticks_now(ticks);
		uint64_t real = realtime_ns();
		uint64_t mono_after = monotonic_ns();

		if (after - before < narrowest) {
			narrowest = after - before;
			best.ticks = ticks->slow ? mono : before + (after - before) / 2;
			best.monotonic_ns = mono;
			best.realtime_ns = real - (mono_after - mono) / 2;
		}
	}
	ticks->last = best;
	return best;
}

uint64_t ticks_per_second(const struct ticks *ticks)
{
	uint64_t ticks_passed = ticks->last.ticks - ticks->first.ticks;
	uint64_t ns_passed = ticks->last.monotonic_ns - ticks->first.monotonic_ns;

	if (ticks->slow || !ns_passed)
		return NS;
	return (uint64_t)((double)ticks_passed / (double)ns_passed * (double)NS);
}
