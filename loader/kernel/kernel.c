/* SPDX-License-Identifier: Apache-2.0 */
#include "loader/kernel/kernel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"
#include "loader/capture/drain_outside.h"
#include "loader/capture/thread.h"
#include "loader/kernel/feed.h"
#include "loader/kernel/programs.h"
#include "loader/kernel/samples.h"
#include "loader/kernel/sockets.h"
#include "loader/kernel/tasks.h"
#include "loader/kernel/tls.h"
#include "loader/kernel/uprobe.h"
#include "loader/stream/pack.h"
#include "loader/target/rights.h"

#define PATIENCE 10000000ull
#define PATIENCE_SAMPLES 40000000ull

struct kernel {
	struct programs *programs;
	struct feed *feed;
	struct tasks *tasks;
	struct sockets *sockets;
	struct tls *tls;	 /* NULL: its programs are not there */
	struct samples *samples; /* likewise */
	struct drain *drain;
	struct pack *pack;
	pid_t *pids;
	size_t count;
	bool follow, sample_only, beside;
	unsigned hz;
	unsigned seen; /* families that are loaded */
	uint64_t told_lost, told_cut, told_ns;
};

/* A shim tells calls itself. */
static bool is_wanted(const struct kernel *kernel, int family)
{
	if (family == PROGRAMS_sample)
		return kernel->hz != 0;
	if (kernel->beside && (family == PROGRAMS_syscall || family == PROGRAMS_tls))
		return false;
	return !kernel->sample_only || family == PROGRAMS_process;
}

static int load(struct kernel *kernel)
{
	for (int family = 0; family < PROGRAMS_FAMILIES; family++) {
		int err = 0;

		if (!is_wanted(kernel, family))
			continue;
		err = programs_load(kernel->programs, (enum programs_family)family);
		if (!err) {
			kernel->seen |= 1u << family;
			continue;
		}
		if (family == PROGRAMS_syscall || family == PROGRAMS_process) {
			log_error("cannot watch %s: %s",
				programs_title((enum programs_family)family),
				programs_why(kernel->programs));
			return err;
		}
		log_warn("not seen: %s: %s", programs_title((enum programs_family)family),
			programs_why(kernel->programs));
	}
	return 0;
}

struct kernel *kernel_open(const struct kernel_options *options)
{
	struct kernel *kernel = calloc(1, sizeof(*kernel));

	if (!kernel)
		goto out_of_memory;
	kernel->follow = options->follow;
	kernel->sample_only = options->sample_only;
	kernel->hz = options->hz;
	kernel->beside = options->beside;
	kernel->count = options->count;
	kernel->pids = calloc(options->count, sizeof(*kernel->pids));
	kernel->programs = programs_new();
	if (!kernel->pids || !kernel->programs)
		goto out_of_memory;
	memcpy(kernel->pids, options->pids, options->count * sizeof(*kernel->pids));
	if (load(kernel) < 0) {
		kernel_close(kernel);
		return NULL;
	}
	rights_reduce(!uprobe_has_multi());
	kernel->feed = feed_new(kernel->programs);
	if (kernel->seen & 1u << PROGRAMS_tls)
		kernel->tls = tls_new(kernel->programs);
	if (!kernel->feed)
		goto out_of_memory;
	return kernel;
out_of_memory:
	log_error("out of memory");
	kernel_close(kernel);
	return NULL;
}

void kernel_close(struct kernel *kernel)
{
	if (!kernel)
		return;
	tls_free(kernel->tls);
	samples_free(kernel->samples);
	sockets_free(kernel->sockets);
	tasks_free(kernel->tasks);
	feed_free(kernel->feed);
	programs_free(kernel->programs);
	free(kernel->pids);
	free(kernel);
}

static void on_fork(void *context, pid_t pid)
{
	struct kernel *kernel = context;

	if (kernel->tls)
		tls_look(kernel->tls, pid);
}

static void on_begin(void *context, pid_t pid)
{
	struct kernel *kernel = context;

	if (kernel->tls)
		tls_begun(kernel->tls, pid, monotonic_ns());
	if (kernel->samples)
		samples_forget(kernel->samples, pid);
}

static void on_open(void *context, pid_t pid, const char *path)
{
	struct kernel *kernel = context;

	if (kernel->tls)
		tls_expect(kernel->tls, pid, path, monotonic_ns());
}

static void on_end(void *context, pid_t pid)
{
	struct kernel *kernel = context;

	if (kernel->tls)
		tls_ended(kernel->tls, pid);
	if (kernel->samples)
		samples_forget(kernel->samples, pid);
}

static void watch(struct kernel *kernel, pid_t pid)
{
	uint8_t *traced = programs_traced(kernel->programs);

	__atomic_store_n(&traced[(uint32_t)pid % RK_PIDS],
		(uint8_t)(RK_TRACED | (kernel->follow ? RK_FOLLOW : 0)), __ATOMIC_RELEASE);
}

/* Timers last: what they find is known by then. */
static int begin_samples(struct kernel *kernel)
{
	int err;

	if (!(kernel->seen & 1u << PROGRAMS_sample))
		return 0;
	kernel->samples = samples_new(kernel->programs, kernel->pack);
	if (!kernel->samples)
		return -ENOMEM;
	tasks_set_samples(kernel->tasks, kernel->samples);
	for (size_t i = 0; i < kernel->count; i++)
		samples_look(kernel->samples, kernel->pids[i]);
	err = programs_sample(kernel->programs, kernel->hz);
	if (err)
		log_warn("not seen: %s: %s", programs_title(PROGRAMS_sample), strerror(-err));
	return kernel->sample_only ? err : 0;
}

int kernel_begin(
	struct kernel *kernel, struct drain *drain, struct pack *pack, const struct ticks *ticks)
{
	const struct tasks_observer observer = {on_fork, on_begin, on_open, on_end, kernel};
	struct rk_settings *settings = programs_settings(kernel->programs);
	uint64_t now = monotonic_ns();

	kernel->drain = drain;
	kernel->pack = pack;
	kernel->told_ns = now;
	kernel->tasks = tasks_new(drain, pack, ticks);
	if (!kernel->tasks)
		return -ENOMEM;
	kernel->sockets = sockets_new(kernel->tasks, kernel->programs);
	if (!kernel->sockets)
		return -ENOMEM;
	tasks_set_sockets(kernel->tasks, kernel->sockets);
	tasks_set_programs(kernel->tasks, kernel->programs);
	tasks_observe(kernel->tasks, &observer);
	calls_fill_settings(settings);
	settings->payload = 1;
	tasks_set_beside(kernel->tasks, kernel->beside);
	for (size_t i = 0; i < kernel->count; i++) {
		tasks_adopt(kernel->tasks, kernel->pids[i], now);
		if (!kernel->beside)
			sockets_adopt(kernel->sockets, kernel->pids[i], now);
	}
	tasks_flush(kernel->tasks);
	for (size_t i = 0; i < kernel->count && kernel->tls; i++)
		tls_look(kernel->tls, kernel->pids[i]);
	for (size_t i = 0; i < kernel->count; i++)
		watch(kernel, kernel->pids[i]);
	/* threads that were made meanwhile */
	for (size_t i = 0; i < kernel->count; i++)
		tasks_adopt(kernel->tasks, kernel->pids[i], now);
	if (!kernel->beside)
		outside_settled(drain, tasks_ticks(kernel->tasks, now));
	return begin_samples(kernel);
}

static void unwatch(void *context, pid_t pid)
{
	struct kernel *kernel = context;

	__atomic_store_n(
		&programs_traced(kernel->programs)[(uint32_t)pid % RK_PIDS], 0, __ATOMIC_RELEASE);
}

static void watch_again(void *context, pid_t pid)
{
	watch(context, pid);
}

void kernel_set_on(struct kernel *kernel, bool on)
{
	kernel_pass(kernel);
	tasks_restart(kernel->tasks, monotonic_ns(), on ? watch_again : unwatch, kernel);
}

uint64_t kernel_patience(const struct kernel *kernel)
{
	return kernel->sample_only ? PATIENCE_SAMPLES : PATIENCE;
}

static uint64_t take(struct kernel *kernel, bool last)
{
	const struct feed_taker taker = {tasks_edge, tasks_note, kernel->tasks};
	uint64_t count = feed_pass(kernel->feed, &taker, last);
	uint64_t horizon = tasks_sending_since(kernel->tasks, feed_horizon(kernel->feed));

	tasks_flush(kernel->tasks);
	/* beside a shim no payload is told */
	if (!kernel->beside)
		outside_settled(
			kernel->drain, last ? UINT64_MAX : tasks_ticks(kernel->tasks, horizon));
	return count;
}

uint64_t kernel_pass(struct kernel *kernel)
{
	if (kernel->tls)
		tls_pass(kernel->tls, monotonic_ns());
	return take(kernel, false);
}

static uint64_t ask_drops(void *context, uint32_t tid)
{
	return programs_drops(context, tid);
}

static void tell_losses(struct kernel *kernel)
{
	uint64_t lost = feed_lost(kernel->feed), cut = tasks_cut(kernel->tasks),
		 now = monotonic_ns();
	uint64_t more = lost - kernel->told_lost, told;

	if (more) {
		told = tasks_tell_drops(
			kernel->tasks, ask_drops, kernel->programs, kernel->told_ns, now);
		if (told < more)
			pack_loss(kernel->pack, 0, RT_LOSS_kernel_full, more - told,
				kernel->told_ns, now);
	}
	if (cut > kernel->told_cut)
		pack_loss(
			kernel->pack, 0, RT_LOSS_cut, cut - kernel->told_cut, kernel->told_ns, now);
	kernel->told_lost = lost;
	kernel->told_cut = cut;
	kernel->told_ns = now;
}

void kernel_sample(struct kernel *kernel)
{
	tasks_sample(kernel->tasks);
	tell_losses(kernel);
}

bool kernel_steer(struct kernel *kernel, uint32_t number, unsigned steer)
{
	return kernel && kernel->sockets && !kernel->beside &&
		sockets_steer(kernel->sockets, number, steer);
}

bool kernel_has_live(const struct kernel *kernel)
{
	return tasks_have_live(kernel->tasks);
}

void kernel_finish(struct kernel *kernel)
{
	programs_detach(kernel->programs);
	take(kernel, true);
	kernel_sample(kernel);
	tasks_finish(kernel->tasks);
}

uint64_t kernel_lost(const struct kernel *kernel)
{
	return feed_lost(kernel->feed);
}
