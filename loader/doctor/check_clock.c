/* SPDX-License-Identifier: Apache-2.0 */
/* The time stamp counter: whether it can be trusted, how fast it runs, what reading it costs. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "loader/capture/ticks.h"
#include "loader/doctor/doctor.h"

#define READS 20000

/* The best of a few rounds: a busy machine only makes it slower. */
static double cost_ns(const struct ticks *ticks)
{
	double best = 0;

	for (int round = 0; round < 5; round++) {
		uint64_t begin = monotonic_ns();
		double each;

		for (int i = 0; i < READS; i++)
			ticks_now(ticks);
		each = (double)(monotonic_ns() - begin) / READS;
		if (!round || each < best)
			best = each;
	}
	return best;
}

void check_clock(struct doctor *doctor)
{
	struct timespec pause = {.tv_nsec = 20000000};
	struct ticks counter, slow;
	char source[64];
	bool invariant = ticks_invariant();

	if (read_line("/sys/devices/system/clocksource/clocksource0/current_clocksource", source,
		    sizeof(source)))
		snprintf(source, sizeof(source), "not known");
	doctor_add(doctor, "counter", invariant ? VERDICT_YES : VERDICT_NO,
		"nothing on a virtual machine; on hardware boot with tsc=reliable if you know that it "
		"is. Records use clock_gettime meanwhile: slower, and right",
		"the processor's time stamp counter %s; the kernel's clock source is %s",
		invariant ? "is invariant" : "is not trusted", source);
	ticks_start(&counter, !invariant);
	ticks_start(&slow, true);
	nanosleep(&pause, NULL);
	ticks_pair(&counter);
	if (invariant)
		doctor_add(doctor, "speed", VERDICT_YES, NULL,
			"%.1f MHz; a reading costs %.1f ns (clock_gettime: %.1f ns)",
			(double)ticks_per_second(&counter) / 1e6, cost_ns(&counter),
			cost_ns(&slow));
	else
		doctor_add(doctor, "speed", VERDICT_YES, NULL,
			"clock_gettime costs %.1f ns a reading", cost_ns(&slow));
}
