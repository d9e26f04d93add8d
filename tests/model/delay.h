/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Put before the real sources of the ring (gcc -include): each access to shared memory may be
 * preceded by a pause of random length, so that interleavings that are rare come often.
 */
#ifndef TESTS_MODEL_DELAY_H
#define TESTS_MODEL_DELAY_H

#include <sched.h>
#include <stdint.h>

extern __thread uint32_t delay_dice;

static inline void delay(void)
{
	uint32_t dice = delay_dice = delay_dice * 1664525u + 1013904223u;

	if (dice >> 20 == 0)
		sched_yield();
	else if (dice >> 28 == 0)
		for (volatile uint32_t spin = dice >> 20 & 0xff; spin; spin--)
			;
}

#define __atomic_load_n(from, order) (delay(), __atomic_load_n(from, order))
#define __atomic_store_n(to, value, order) (delay(), __atomic_store_n(to, value, order))
#define __atomic_fetch_or(to, value, order) (delay(), __atomic_fetch_or(to, value, order))
#define __atomic_compare_exchange_n(...) (delay(), __atomic_compare_exchange_n(__VA_ARGS__))

#endif
