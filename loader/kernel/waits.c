/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time off the processor. Of a wait inside a call the call itself tells what it was for, up to when
 * the thread was ready again; from then on it waited for a processor. Outside of calls there is
 * nothing else to tell it by.
 */
#include "loader/kernel/task_state.h"

#define STATE_UNINTERRUPTIBLE 2u
#define STATE_DEAD (16u | 32u | 64u)

static void put(struct task *task, unsigned kind, uint64_t from, uint64_t to, uint64_t arg)
{
	struct rt_record record = {
		.kind = (uint16_t)kind, .depth = (uint8_t)task->depth, .arg = arg};

	task_times(task, &record, from, to);
	task_put(task, &record, NULL);
}

void task_off(struct task *task, const struct rk_edge *edge)
{
	task->off_ns = edge->ns;
	task->off_state = edge->low;
}

static void put_blocked(struct task *task, uint64_t ready_ns)
{
	/* inside a call that is its own time; one that began before anybody looked is not known */
	if (task->depth || !task->began)
		return;
	put(task, task->off_state & STATE_UNINTERRUPTIBLE ? RT_EV_fault_wait : RT_EV_off_cpu,
		task->off_ns, ready_ns, 0);
}

void task_on(struct task *task, const struct rk_edge *edge)
{
	uint64_t ready_ns = task->off_ns;
	bool woken = edge->value > task->off_ns && edge->value <= edge->ns;

	if (!task->off_ns || task->off_state & STATE_DEAD)
		return;
	if (task->off_state) {
		ready_ns = woken ? edge->value : edge->ns;
		put_blocked(task, ready_ns);
	}
	if (edge->ns > ready_ns)
		put(task, RT_EV_runqueue_wait, ready_ns, edge->ns, woken ? edge->low : 0);
	task->off_ns = 0;
}
