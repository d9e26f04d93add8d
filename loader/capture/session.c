/* SPDX-License-Identifier: Apache-2.0 */
/* Opening, the loop, the end. */
#include "loader/capture/session.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/log.h"
#include "loader/capture/ctl_socket.h"
#include "loader/capture/drain.h"
#include "loader/capture/pace.h"
#include "loader/capture/refusals.h"
#include "loader/capture/rings.h"
#include "loader/capture/shim_control.h"
#include "loader/capture/ticks.h"
#include "loader/capture/usage.h"
#include "loader/kernel/kernel.h"
#include "loader/stream/connection.h"
#include "loader/stream/pack.h"
#include "loader/stream/trace_writer.h"
#include "loader/symbols/catalog.h"
#include "loader/symbols/plan.h"
#include "loader/target/limits.h"

#define MS 1000000ull
#define SECOND (1000 * MS)
#define CLOCK_EVERY (100 * MS)
#define CHECK_EVERY (250 * MS)
#define SAMPLE_EVERY SECOND
#define SAMPLE_FIRST (200 * MS) /* something to read soon */
#define DRAIN_AHEAD 10		/* of the target, as nice counts */
#define LINGER (250 * MS)
/*
 * A detached tracer in a service's control group is sent SIGTERM together with the service, whose
 * end is worth seeing. A second signal ends it at once.
 */
#define GRACE (10 * SECOND)
#define METRICS_EVERY (5 * SECOND)
#define WRITER_PATIENCE (2 * SECOND)
#define WRITER_RETRY_US 10000
#define DRAIN_NICE (-10)

struct session {
	struct region region;
	struct ticks ticks;
	struct pace pace;
	struct trace_writer *writer;
	struct pack *pack;
	struct drain *drain;
	struct connections *connections;
	struct kernel *kernel;
	struct plan *plan;
	struct ctl_server ctl;
	struct job *job;
	char region_value[96];
	const char *reason; /* why tracing has been asked to end; NULL: it goes on */
	bool tracing;
	bool follow;
	bool attached;
	bool inside; /* a shim writes into the region */
	uint64_t duration_ns, end_at_ns;
	uint64_t clock_due, check_due, sample_due, metrics_due;
	uint64_t launch_ticks;
	uint64_t linger_ns;
	uint64_t grace_ns;
	size_t functions_told;
	struct pack_totals packed; /* kept when the stream has been closed */
	struct drain_totals drained;
};

/* A service that is started anew may meet the tracer of its last run still finishing the file. */
static struct trace_writer *open_writer(const struct trace_writer_options *options)
{
	uint64_t end = monotonic_ns() + WRITER_PATIENCE;
	struct trace_writer *writer;

	while (!(writer = trace_writer_new(options)) && errno == EBUSY && monotonic_ns() < end)
		usleep(WRITER_RETRY_US);
	return writer;
}

static int open_stream(struct session *session, const struct session_options *options)
{
	struct trace_writer_options sink = {
		.output = options->output, .max_size = options->max_size};
	struct pack_start start = {
		.mode = options->mode, .command = options->command, .content = options->content};

	if (getrandom(sink.run, sizeof(sink.run), 0) != sizeof(sink.run))
		return -EIO;
	memcpy(start.run, sink.run, sizeof(start.run));
	session->writer = open_writer(&sink);
	if (!session->writer) {
		int err = -errno;
		const char *advice = trace_writer_advice(-err);

		log_error("cannot write the trace to '%s': %s%s%s", options->output, strerror(-err),
			*advice ? "; " : "", advice);
		return err;
	}
	ticks_pair(&session->ticks);
	start.ticks_per_second = ticks_per_second(&session->ticks);
	session->pack = pack_new(session->writer, &start, drain_mark, session->drain);
	return session->pack ? 0 : -ENOMEM;
}

static const struct catalog_function *function_known(void *plan, uint32_t kind)
{
	struct plan_function function;

	return kind >= RT_KIND_FUNCTION && plan_function(plan, kind - RT_KIND_FUNCTION, &function)
		? function.known
		: NULL;
}

static int open_plan(struct session *session, const struct session_options *options)
{
	const char *why = "";

	session->plan = plan_new();
	if (!session->plan)
		return -ENOMEM;
	pack_ask(session->pack, function_known, session->plan);
	if (!options->no_packs && plan_catalog(session->plan))
		return -ENOMEM;
	for (char **patterns = options->patterns; patterns && *patterns; patterns++) {
		if (plan_pattern(session->plan, *patterns, &why) < 0) {
			log_error("--func '%s': %s", *patterns, why);
			return -EINVAL;
		}
	}
	return plan_start(session->plan, session->region.head);
}

static int open_rules(struct session *session, const struct runtime_rules *rules)
{
	struct rt_region *head = session->region.head;
	int err;

	if (!rules || rules->off) {
		head->flags |= RT_REGION_NO_RUNTIME;
		return 0;
	}
	err = runtime_rules_write(rules, head->runtime_rules, sizeof(head->runtime_rules));
	if (err == -E2BIG)
		log_error("--py, --py-exclude and --root: more patterns than there is room for");
	return err;
}

static void steer(void *context, uint32_t number, unsigned how)
{
	struct session *session = context;

	if (!kernel_steer(session->kernel, number, how))
		shim_steer(&session->region, number, how);
}

static int make_region(struct session *session, const struct session_options *options)
{
	uint64_t limit = limits_memory() / MEMORY_SHARE;

	if (options->region >= 0)
		return region_make_in(&session->region, limit, options->region);
	/* where no shim writes into it, the least there can be */
	return region_make(&session->region, options->attached ? 0 : limit);
}

static int open_all(struct session *session, const struct session_options *options)
{
	int err;

	ticks_start(&session->ticks, options->slow_clock);
	err = make_region(session, options);
	if (err) {
		log_error("cannot make the shared memory of the trace: %s", strerror(-err));
		return err;
	}
	snprintf(session->region_value, sizeof(session->region_value), "/proc/%d/fd/%d:%llx",
		(int)getpid(), session->region.fd, (unsigned long long)session->region.cookie);
	session->drain = drain_new(&session->region, &session->ticks);
	if (!session->drain)
		return -ENOMEM;
	err = open_stream(session, options);
	if (err)
		return err;
	drain_set_pack(session->drain, session->pack);
	session->connections = connections_new(session->pack, steer, session);
	if (!session->connections)
		return -ENOMEM;
	connections_force(session->connections, options->forced);
	if (options->content)
		connections_keep_content(session->connections);
	drain_set_connections(session->drain, session->connections);
	shim_start(&session->region, &session->ticks, options->follow);
	if (options->no_node)
		session->region.head->flags |= RT_REGION_NO_NODE;
	err = open_rules(session, options->rules);
	if (err)
		return err;
	return open_plan(session, options);
}

struct session *session_open(const struct session_options *options)
{
	struct session *session = calloc(1, sizeof(*session));
	int err;

	if (!session) {
		log_error("out of memory");
		return NULL;
	}
	session->region.fd = -1;
	session->ctl.listening[0] = session->ctl.listening[1] = session->ctl.client = -1;
	session->follow = options->follow;
	session->duration_ns = options->duration_ns;
	session->kernel = options->kernel;
	session->attached = options->attached;
	session->inside = !options->kernel || options->region >= 0;
	err = open_all(session, options);
	if (err) {
		if (err == -ENOMEM)
			log_error("out of memory");
		session_close(session);
		return NULL;
	}
	log_debug("region %llu KiB: %u slots, %u chunks; clock: %s",
		(unsigned long long)session->region.size / 1024, session->region.slots,
		session->region.chunks, session->ticks.slow ? "monotonic" : "tsc");
	return session;
}

uint64_t session_cookie(const struct session *session)
{
	return session->region.cookie;
}

const char *session_region(const struct session *session)
{
	return session->region_value;
}

uint64_t session_ticks(const struct session *session)
{
	return ticks_now(&session->ticks);
}

static void tell_clock(struct session *session)
{
	struct tick_pair now = ticks_pair(&session->ticks);

	pack_clock(session->pack, now.ticks, now.monotonic_ns, now.realtime_ns);
}

static void sample_last(void *context)
{
	struct session *session = context;

	if (session->tracing)
		drain_sample_last(session->drain, session->job->pid);
}

void session_began(struct session *session, struct job *job, uint64_t ticks)
{
	uint64_t now = monotonic_ns();

	/*
	 * On a machine whose processors are all taken, a drain that waits its turn loses records.
	 * It takes the same time either way; without the right to, it stays as it is.
	 */
	setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) - DRAIN_AHEAD);
	session->job = job;
	job->before_reaping = sample_last;
	job->context = session;
	session->launch_ticks = ticks;
	session->tracing = true;
	drain_set_target(session->drain, job->pid);
	/* into a region that is a process's own, only it writes */
	if (!session->follow && !(session->inside && session->attached))
		drain_follow_only(session->drain, job->pid);
	if (session->duration_ns)
		session->end_at_ns = now + session->duration_ns;
	session->check_due = now + CHECK_EVERY;
	session->sample_due = now + SAMPLE_FIRST;
	session->metrics_due = now + METRICS_EVERY;
	ctl_open(&session->ctl, getpid(), job->pid);
	pace_start(&session->pace, now);
	tell_clock(session);
	if (session->kernel &&
		kernel_begin(session->kernel, session->drain, session->pack, &session->ticks))
		log_error("out of memory: nothing is watched");
	/* Seldom and briefly, but in time, also where all processors are busy; if we may. */
	setpriority(PRIO_PROCESS, 0, DRAIN_NICE);
}

static void tell_functions(struct session *session)
{
	size_t count = plan_functions(session->plan);

	for (; session->functions_told < count; session->functions_told++) {
		struct plan_function function;

		if (plan_function(session->plan, session->functions_told, &function))
			pack_operation(session->pack, function.kind, function.name, function.module,
				function.symbol);
		if (function.known)
			pack_class(session->pack, function.kind, function.known->class);
	}
}

static void tell_metrics(struct session *session)
{
	struct drain_totals totals;

	drain_totals(session->drain, &totals);
	pack_metric(session->pack, "tracer_cpu_ns", (int64_t)usage_own_cpu_ns());
	pack_metric(session->pack, "tracer_peak_rss_bytes", (int64_t)usage_own_peak_rss());
	pack_metric(session->pack, "region_bytes", (int64_t)session->region.size);
	pack_metric(session->pack, "records", (int64_t)totals.records);
	pack_metric(session->pack, "passes", (int64_t)totals.passes);
	pack_metric(session->pack, "bytes_out", (int64_t)trace_writer_bytes(session->writer));
	if (totals.first_ticks > session->launch_ticks && session->launch_ticks) {
		double ticks = (double)(totals.first_ticks - session->launch_ticks);

		pack_metric(session->pack, "startup_ns",
			(int64_t)(ticks / (double)ticks_per_second(&session->ticks) * 1e9));
	}
}

/* What the shim had copied and no parser has seen. */
static void tell_unread_payload(struct session *session)
{
	struct connections_totals totals;

	connections_totals(session->connections, &totals);
	if (totals.dropped_bytes)
		pack_loss(session->pack, 0, RT_LOSS_cut, totals.dropped_bytes, 0,
			session->ticks.last.monotonic_ns);
	connections_tell(session->connections, session->ticks.last.monotonic_ns);
}

static bool is_due(uint64_t *due, uint64_t now, uint64_t every)
{
	if (now < *due)
		return false;
	*due = now + every;
	return true;
}

static void do_housekeeping(struct session *session, uint64_t now)
{
	if (is_due(&session->check_due, now, CHECK_EVERY) || drain_is_tight(session->drain))
		drain_check_threads(session->drain);
	if (is_due(&session->metrics_due, now, METRICS_EVERY))
		tell_metrics(session);
	if (is_due(&session->sample_due, now, SAMPLE_EVERY)) {
		drain_sample(session->drain);
		if (session->kernel)
			kernel_sample(session->kernel);
		tell_clock(session);
		pack_flush(session->pack);
	}
}

static void do_pass(struct session *session)
{
	uint64_t now = monotonic_ns();
	uint64_t records = 0;
	bool hurry;

	shim_beat(&session->region, &session->ticks);
	if (is_due(&session->clock_due, now, CLOCK_EVERY))
		tell_clock(session);
	if (session->kernel)
		records = kernel_pass(session->kernel);
	records += drain_pass(session->drain);
	tell_functions(
		session); /* after it: what was hooked meanwhile may have been called already */
	hurry = drain_is_tight(session->drain);
	do_housekeeping(session, now);
	pace_step(&session->pace, &session->region, now, records, hurry);
	if (session->kernel)
		pace_kernel(&session->pace, &session->region, kernel_patience(session->kernel));
}

static int answer_report(struct session *session, char *reply, size_t size)
{
	struct pack_totals packed;
	struct drain_totals drained;

	drain_pass(session->drain);
	tell_functions(session);
	drain_sample(session->drain);
	tell_metrics(session);
	tell_clock(session);
	pack_flush(session->pack);
	pack_totals(session->pack, &packed);
	drain_totals(session->drain, &drained);
	snprintf(reply, size, "ok %s\n%llu calls of %u threads in %u processes, %llu lost\n",
		trace_writer_name(session->writer), (unsigned long long)packed.calls,
		drained.threads, drained.processes, (unsigned long long)drained.lost);
	return 0;
}

static void set_on(struct session *session, bool on)
{
	if (session->kernel)
		kernel_set_on(session->kernel, on);
	if (session->inside && on)
		shim_set_on(&session->region);
	else if (session->inside)
		shim_set_off(&session->region);
}

/* Asked by `ragtime ctl`; see cmd_ctl.c for what it makes of the replies. */
static int answer_ctl(void *context, const char *request, char *reply, size_t size)
{
	struct session *session = context;
	unsigned rate;

	if (!session->tracing) {
		snprintf(reply, size, "error tracing has ended");
	} else if (!strcmp(request, "on") || !strcmp(request, "off")) {
		set_on(session, !strcmp(request, "on"));
		snprintf(reply, size, "ok tracing is %s", request);
	} else if (sscanf(request, "rate %u", &rate) == 1 && rate > 0) {
		if (!session->inside) {
			snprintf(reply, size, "error from the kernel every call is seen, or none");
			return 0;
		}
		shim_set_rate(&session->region, rate);
		snprintf(reply, size, "ok one call in %u is recorded", rate);
	} else if (!strcmp(request, "report")) {
		return answer_report(session, reply, size);
	} else if (!strcmp(request, "stop")) {
		session->reason = "stop";
		snprintf(reply, size, "ok %s", trace_writer_name(session->writer));
		return 1;
	} else {
		snprintf(reply, size, "error this tracer does not know '%s'", request);
	}
	return 0;
}

/* Waits until something happens or the next pass is due. */
static void wait_for_news(struct session *session, uint64_t until_ns)
{
	struct pollfd polls[2 + CTL_POLLS] = {
		{.fd = session->job->signals, .events = POLLIN},
		{.fd = session->job->ended ? -1 : session->job->pidfd, .events = POLLIN},
	};
	uint64_t now = monotonic_ns();
	uint64_t left = until_ns > now ? until_ns - now : 0;
	struct timespec timeout = {
		.tv_sec = (time_t)(left / SECOND), .tv_nsec = (long)(left % SECOND)};

	ctl_polls(&session->ctl, polls + 2);
	if (ppoll(polls, 2 + CTL_POLLS, until_ns ? &timeout : NULL, NULL) <= 0)
		return;
	if (polls[0].revents)
		job_signals(session->job);
	if (polls[1].revents)
		job_poll_end(session->job);
	if (polls[2].revents || polls[3].revents || polls[4].revents)
		ctl_serve(&session->ctl, monotonic_ns(), answer_ctl, session);
}

static bool has_live(const struct session *session)
{
	return drain_has_live(session->drain) ||
		(session->kernel && kernel_has_live(session->kernel));
}

/*
 * A daemon's launcher ends before the daemon, which may not have been heard of by then; and a
 * forked child may be silent for a moment between two programs that it runs.
 */
static bool is_survived(struct session *session, uint64_t now)
{
	if (!session->job->detached || (!session->follow && !session->attached))
		return false;
	if (!session->linger_ns || has_live(session))
		session->linger_ns = now + LINGER;
	return now < session->linger_ns;
}

static bool must_end(struct session *session, uint64_t now)
{
	const struct job *job = session->job;

	if (job->asked_to_stop && !session->grace_ns)
		session->grace_ns = session->attached ? now : now + GRACE;
	if (!session->reason &&
		(job->asked_to_stop > 1 || (session->grace_ns && now >= session->grace_ns)))
		session->reason = "interrupt";
	if (session->end_at_ns && now >= session->end_at_ns && !session->reason)
		session->reason = "duration";
	if (job->ended && !session->reason && !is_survived(session, now))
		session->reason = "exit";
	return session->reason != NULL;
}

static void note_end_of_target(struct session *session)
{
	const struct job *job = session->job;
	int status = job->wait_status;

	if (job->ended && !job->detached)
		drain_process_ended(session->drain, job->pid,
			WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status));
}

static void end_tracing(struct session *session)
{
	struct pack_end end = {
		.status = job_exit_code(session->job),
		.reason = session->reason,
	};

	shim_set_off(&session->region);
	region_hide(&session->region);
	plan_stop(session->plan);
	tell_functions(session);
	refusals_tell(session->plan, session->pack);
	note_end_of_target(session);
	if (session->kernel)
		kernel_finish(session->kernel);
	drain_finish(session->drain);
	connections_finish(session->connections, ticks_now(&session->ticks));
	region_wipe(&session->region);
	tell_unread_payload(session);
	if (session->job->detached) {
		end.status = drain_target_status(session->drain);
		end.status_unknown = end.status < 0;
	}
	tell_metrics(session);
	tell_clock(session);
	end.monotonic_ns = session->ticks.last.monotonic_ns;
	end.target_alive = !session->job->ended || has_live(session);
	pack_finish(session->pack, &end);
	pack_totals(session->pack, &session->packed);
	drain_totals(session->drain, &session->drained);
	ctl_close(&session->ctl);
	session->tracing = false;
}

void session_run(struct session *session)
{
	while (!must_end(session, monotonic_ns())) {
		do_pass(session);
		wait_for_news(session, pace_next(&session->pace));
	}
	end_tracing(session);
	while (!session->job->ended && !session->job->detached)
		wait_for_news(session, 0);
}

void session_report(const struct session *session, bool say)
{
	const char *name = trace_writer_name(session->writer);

	if (session->packed.error)
		log_error("the trace '%s' is incomplete: %s; %llu calls were not written", name,
			strerror(-session->packed.error),
			(unsigned long long)session->packed.unwritten_calls);
	if (!say)
		return;
	refusals_report(session->plan);
	if (session->drained.lost || session->drained.damaged)
		log_warn("%llu records were lost; 'ragtime info' says where",
			(unsigned long long)session->drained.lost);
	if (!session->packed.error)
		log_note("trace saved to %s (%llu calls); see: ragtime report %s", name,
			(unsigned long long)session->packed.calls, name);
}

void session_close(struct session *session)
{
	if (!session)
		return;
	ctl_close(&session->ctl);
	if (session->plan)
		plan_stop(session->plan);
	plan_free(session->plan);
	connections_free(session->connections);
	pack_free(session->pack);
	trace_writer_free(session->writer);
	drain_free(session->drain);
	region_free(&session->region);
	free(session);
}
