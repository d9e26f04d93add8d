/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/version.h"
#include "loader/stream/pack_model.h"
#include "loader/stream/pack_state.h"
#include "loader/stream/prices.h"
#include "wire/frame.h"

#define FINEST_NS 2

static void fill_start(struct pack *pack, const struct pack_start *start)
{
	Ragtime__Raw__Start *message = &pack->start;

	host_read(&pack->host);
	ragtime__raw__start__init(message);
	message->version = RAGTIME_VERSION;
	message->host = pack->host.name;
	message->kernel = pack->host.kernel;
	message->mode = pack->mode;
	message->command = pack->command;
	message->ticks_per_second = start->ticks_per_second;
	message->processors = pack->host.processors;
	message->cpu_model = pack->host.cpu_model;
	message->run.data = pack->run;
	message->run.len = sizeof(pack->run);
	message->boot_realtime_ns = pack->host.boot_realtime_ns;
	message->tracer_pid = (uint32_t)getpid();
}

static unsigned shift_for(uint64_t ticks_per_second)
{
	unsigned shift = 0;

	while (ticks_per_second * FINEST_NS / 1000000000 >> (shift + 1))
		shift++;
	return shift;
}

struct pack *pack_new(struct trace_writer *writer, const struct pack_start *start,
	pack_mark_fn *on_mark, void *context)
{
	struct pack *pack = calloc(1, sizeof(*pack));
	const char *command = start->command ? start->command : "";
	size_t size;

	if (!pack)
		return NULL;
	pack->writer = writer;
	pack->on_mark = on_mark;
	pack->context = context;
	memcpy(pack->run, start->run, sizeof(pack->run));
	pack->content = start->content;
	pack->finest_shift = shift_for(start->ticks_per_second);
	if (known_init(&pack->known) || batch_init(&pack->batch))
		goto out;
	pack->mode = strdup(start->mode ? start->mode : "");
	pack->command = strdup(
		texts_clean(pack->known.texts, REDACT_NAME, command, strlen(command), &size));
	pack->models = calloc(PACK_MODELS, sizeof(*pack->models));
	if (!pack->mode || !pack->command || !pack->models)
		goto out;
	fill_start(pack, start);
	return pack;
out:
	pack_free(pack);
	errno = ENOMEM;
	return NULL;
}

void pack_free(struct pack *pack)
{
	if (!pack)
		return;
	known_free(&pack->known);
	batch_free(&pack->batch);
	buf_free(&pack->out);
	map_free(&pack->frames);
	prices_free(pack->prices);
	if (pack->models)
		explicit_bzero(pack->models, PACK_MODELS * sizeof(*pack->models));
	free(pack->models);
	free(pack->mode);
	free(pack->command);
	free(pack);
}

void pack_process(struct pack *pack, const struct pack_process *process)
{
	if (known_put_process(&pack->known, process))
		pack->totals.error = pack->totals.error ? pack->totals.error : -ENOMEM;
}

void pack_thread(struct pack *pack, const struct pack_thread *thread)
{
	if (known_put_thread(&pack->known, thread))
		pack->totals.error = pack->totals.error ? pack->totals.error : -ENOMEM;
}

void pack_operation(
	struct pack *pack, uint32_t kind, const char *name, const char *module, const char *symbol)
{
	struct operation_facts facts = {.name = name, .module = module, .symbol = symbol};

	if (operations_put(&pack->known.operations, pack->known.texts, kind, &facts))
		pack->totals.error = pack->totals.error ? pack->totals.error : -ENOMEM;
}

void pack_ask(struct pack *pack, pack_ask_fn *ask, void *context)
{
	pack->ask = ask;
	pack->ask_context = context;
}

void pack_class(struct pack *pack, uint32_t kind, uint32_t class)
{
	operations_class(&pack->known.operations, kind, class);
}

void pack_forget_thread(struct pack *pack, uint32_t thread)
{
	known_forget_thread(&pack->known, thread);
}

void pack_clock(struct pack *pack, uint64_t ticks, uint64_t monotonic_ns, uint64_t realtime_ns)
{
	struct clock clock = {ticks, monotonic_ns, realtime_ns};

	if (!pack->first_clock.ticks)
		pack->first_clock = clock;
	if (pack->clock_count == CLOCKS_MAX) {
		/* Every second one goes, the first and the last stay. */
		for (unsigned i = 1; i < CLOCKS_MAX / 2; i++)
			pack->clocks[i] = pack->clocks[i * 2];
		pack->clocks[CLOCKS_MAX / 2] = pack->clocks[CLOCKS_MAX - 1];
		pack->clock_count = CLOCKS_MAX / 2 + 1;
	}
	pack->clocks[pack->clock_count++] = clock;
}

const struct clock *pack_last_clock(const struct pack *pack)
{
	return pack->clock_count ? &pack->clocks[pack->clock_count - 1] : &pack->first_clock;
}

/* Good enough for block headers, which serve as an index. */
static uint64_t ticks_to_ns(const struct pack *pack, uint64_t ticks)
{
	const struct clock *last = pack_last_clock(pack), *first = &pack->first_clock;
	double ns_per_tick =
		pack->start.ticks_per_second ? 1e9 / (double)pack->start.ticks_per_second : 1;
	double ns;

	if (last->monotonic_ns > first->monotonic_ns + 10000000 && last->ticks > first->ticks)
		ns_per_tick = (double)(last->monotonic_ns - first->monotonic_ns) /
			(double)(last->ticks - first->ticks);
	ns = (double)last->monotonic_ns + (double)(int64_t)(ticks - last->ticks) * ns_per_tick;
	return ns > 0 ? (uint64_t)ns : 0;
}

static void add_clocks(struct pack *pack)
{
	for (unsigned i = 0; i < pack->clock_count; i++) {
		Ragtime__Raw__Clock row = RAGTIME__RAW__CLOCK__INIT;

		row.ticks = pack->clocks[i].ticks;
		row.monotonic_ns = pack->clocks[i].monotonic_ns;
		row.realtime_ns = pack->clocks[i].realtime_ns;
		batch_row(&pack->batch, TABLE_CLOCK, &row);
	}
	if (pack->clock_count) {
		pack->clocks[0] = *pack_last_clock(pack);
		pack->clock_count = 1;
	}
}

static struct trace_block describe(const struct pack *pack)
{
	const struct batch *batch = &pack->batch;
	uint64_t now_ns = pack_last_clock(pack)->monotonic_ns;

	return (struct trace_block){
		.batch = pack->out.data,
		.size = pack->out.size,
		.first_ns = batch->entries ? ticks_to_ns(pack, batch->first_ticks) : now_ns,
		.last_ns = batch->entries ? ticks_to_ns(pack, batch->last_ticks) : now_ns,
		.calls = batch->calls,
		.flags = (uint16_t)((batch->end ? RT_BLOCK_LAST : 0) |
			(pack->content ? RT_BLOCK_CONTENT : 0)),
	};
}

int pack_emit(struct pack *pack)
{
	struct batch *batch = &pack->batch;
	uint32_t calls = batch->calls;
	struct trace_block block;
	int err;

	if (trace_writer_begins_part(pack->writer)) {
		batch->start = &pack->start;
		known_repeat_all(&pack->known);
	}
	known_fill(&pack->known, batch);
	add_clocks(pack);
	err = batch_serialise(batch, pack->sequence, &pack->out);
	block = describe(pack);
	if (!err)
		err = trace_writer_put(pack->writer, &block);
	known_sweep(&pack->known);
	batch_clear(batch);
	pack->emits++;
	if (!err) {
		pack->sequence++;
		pack->totals.blocks++;
		pack->totals.calls += calls;
		return 0;
	}
	pack->totals.unwritten_calls += calls;
	if (!pack->totals.error)
		pack->totals.error = err;
	/* If the output lives on, its reader learns of the hole. */
	if (calls)
		pack_loss(pack, 0, RT_LOSS_write_failed, calls, block.first_ns, block.last_ns);
	return err;
}

int pack_flush(struct pack *pack)
{
	if (batch_is_empty(&pack->batch) && !pack->known.due && pack->sequence)
		return 0;
	return pack_emit(pack);
}

int pack_finish(struct pack *pack, const struct pack_end *end)
{
	Ragtime__Raw__End message = RAGTIME__RAW__END__INIT;

	message.monotonic_ns = end->monotonic_ns;
	message.status = end->status;
	message.status_unknown = end->status_unknown;
	message.target_alive = end->target_alive;
	message.reason = (char *)(end->reason ? end->reason : "");
	pack->batch.end = &message;
	return pack_emit(pack);
}

void pack_totals(const struct pack *pack, struct pack_totals *totals)
{
	*totals = pack->totals;
}

void pack_loss(struct pack *pack, uint32_t thread, uint32_t reason, uint64_t count,
	uint64_t from_ns, uint64_t to_ns)
{
	Ragtime__Raw__Loss row = RAGTIME__RAW__LOSS__INIT;

	known_use_thread(&pack->known, thread);
	row.thread = thread;
	row.reason = reason;
	row.count = count;
	row.from_ns = from_ns;
	row.to_ns = to_ns;
	batch_row(&pack->batch, TABLE_LOSS, &row);
}

void pack_counter(struct pack *pack, uint32_t thread, uint32_t kind, uint64_t calls, uint64_t bytes)
{
	Ragtime__Raw__Counter row = RAGTIME__RAW__COUNTER__INIT;

	known_use_thread(&pack->known, thread);
	row.thread = thread;
	row.kind = kind;
	row.calls = calls;
	row.bytes = bytes;
	batch_row(&pack->batch, TABLE_COUNTER, &row);
}

void pack_open_call(struct pack *pack, uint32_t thread, uint32_t kind, uint64_t start_ticks,
	uint64_t arg, uint32_t depth)
{
	Ragtime__Raw__OpenCall row = RAGTIME__RAW__OPEN_CALL__INIT;

	known_use_thread(&pack->known, thread);
	row.thread = thread;
	row.kind = kind;
	row.start_ticks = start_ticks;
	row.arg = arg;
	row.depth = depth;
	known_use_operation(&pack->known, kind);
	batch_row(&pack->batch, TABLE_OPEN, &row);
}

void pack_metric(struct pack *pack, const char *name, int64_t value)
{
	Ragtime__Raw__Metric row = RAGTIME__RAW__METRIC__INIT;

	row.name = batch_text(&pack->batch, name, strlen(name));
	row.value = value;
	batch_row(&pack->batch, TABLE_METRIC, &row);
}

void pack_limit(struct pack *pack, const char *module, const char *function, const char *reason,
	bool recorded)
{
	Ragtime__Raw__Limit row = RAGTIME__RAW__LIMIT__INIT;

	row.module = batch_text(&pack->batch, module, strlen(module));
	row.function = batch_text(&pack->batch, function, strlen(function));
	row.reason = batch_text(&pack->batch, reason, strlen(reason));
	row.recorded = recorded;
	batch_row(&pack->batch, TABLE_LIMIT, &row);
}

void pack_usage(struct pack *pack, const struct pack_usage *usage)
{
	Ragtime__Raw__Usage row = RAGTIME__RAW__USAGE__INIT;

	known_use_process(&pack->known, usage->process);
	if (usage->thread)
		known_use_thread(&pack->known, usage->thread);
	row.process = usage->process;
	row.thread = usage->thread;
	row.at_ns = usage->at_ns;
	row.cpu_ns = usage->cpu_ns;
	row.runqueue_ns = usage->runqueue_ns;
	row.rss_bytes = usage->rss_bytes;
	row.threads = usage->threads;
	row.minor_faults = usage->minor_faults;
	row.major_faults = usage->major_faults;
	row.read_bytes = usage->read_bytes;
	row.written_bytes = usage->written_bytes;
	batch_row(&pack->batch, TABLE_USAGE, &row);
}
