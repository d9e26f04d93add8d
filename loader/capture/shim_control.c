/* SPDX-License-Identifier: Apache-2.0 */
#include "loader/capture/shim_control.h"

/* Of one message. Whole answers of language models fit; a download does not. */
#define PAYLOAD_CAP (1u << 20)

static void set_mode(struct region *region, uint32_t mode)
{
	__atomic_store_n(&region->head->mode, mode, __ATOMIC_RELEASE);
}

void shim_start(struct region *region, const struct ticks *ticks, bool follow)
{
	struct rt_region *head = region->head;

	head->ticks_per_second = ticks_per_second(ticks);
	head->families = UINT32_MAX;
	head->flags = (follow ? 0 : RT_REGION_NO_FOLLOW) | (ticks->slow ? RT_REGION_SLOW_CLOCK : 0);
	head->rate = 1;
	head->payload_cap = PAYLOAD_CAP;
	shim_beat(region, ticks);
	shim_set_on(region);
}

void shim_set_on(struct region *region)
{
	set_mode(region,
		region->head->flags & RT_REGION_SLOW_CLOCK ? RT_MODE_SLOW_CLOCK : RT_MODE_ON);
}

void shim_set_off(struct region *region)
{
	set_mode(region, RT_MODE_OFF);
}

void shim_set_rate(struct region *region, uint32_t rate)
{
	__atomic_store_n(&region->head->rate, rate, __ATOMIC_RELEASE);
	if (rate > 1)
		set_mode(region, RT_MODE_SAMPLED);
	else
		shim_set_on(region);
}

void shim_steer(struct region *region, uint32_t number, unsigned steer)
{
	uint8_t *place = &region->head->steer[number % RT_CONNECTIONS_MAX];

	if (steer > __atomic_load_n(place, __ATOMIC_RELAXED))
		__atomic_store_n(place, (uint8_t)steer, __ATOMIC_RELAXED);
}

void shim_beat(struct region *region, const struct ticks *ticks)
{
	__atomic_store_n(&region->head->beat, ticks_now(ticks), __ATOMIC_RELAXED);
}
