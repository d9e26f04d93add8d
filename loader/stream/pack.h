/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records in, Batches out: turns what the drain copied from the rings into the columns of
 * trace.proto and gives full blocks to a trace_writer. Every Batch is self-contained.
 *
 * Life: pack_new, then per drain pass: pack_clock, pack_records for each thread with news,
 * pack_flush when it is time; at the end pack_finish.
 */
#ifndef LOADER_STREAM_PACK_H
#define LOADER_STREAM_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loader/stream/trace_writer.h"
#include "wire/event.h"

struct catalog_function;
struct pack;

struct pack_process {
	uint32_t id, pid, parent_pid;
	uint32_t birth; /* enum rt_birth */
	const char *program, *script;
	uint64_t start_ticks, end_ticks; /* end 0: runs */
	int64_t status;
	bool status_known;
};

struct pack_thread {
	uint32_t id, process, tid, creator_tid;
	const char *name;
	uint64_t start_ticks, end_ticks;
};

struct pack_start {
	const char *mode, *command;
	bool content; /* --with-content */
	uint64_t ticks_per_second;
	uint8_t run[16];
};

/*
 * What a mark (rt_is_told) or its tail says is for the caller; of marks, the stream takes
 * tls_peer, tls_socket and allocation alone. The callback may call pack_process, pack_thread,
 * pack_operation and the like, not pack_records.
 */
typedef void pack_mark_fn(void *context, uint32_t thread, const struct rt_record *record,
	const uint8_t *tail, size_t tail_size, unsigned tail_type);

struct pack *pack_new(struct trace_writer *writer, const struct pack_start *start,
	pack_mark_fn *on_mark, void *context);
void pack_free(struct pack *pack);

/* Declares or updates; strings are copied. Repeated in each block that has calls of it. */
void pack_process(struct pack *pack, const struct pack_process *process);
void pack_thread(struct pack *pack, const struct pack_thread *thread);
void pack_operation(
	struct pack *pack, uint32_t kind, const char *name, const char *module, const char *symbol);
/* Says what function packs know of a kind, or NULL: its calls may come before pack_operation. */
typedef const struct catalog_function *pack_ask_fn(void *context, uint32_t kind);
void pack_ask(struct pack *pack, pack_ask_fn *ask, void *context);

/* What a function pack says of an operation that was told. */
void pack_class(struct pack *pack, uint32_t kind, uint32_t class);
/* It has ended and its calls have been given. */
void pack_forget_thread(struct pack *pack, uint32_t thread);

void pack_clock(struct pack *pack, uint64_t ticks, uint64_t monotonic_ns, uint64_t realtime_ns);

/*
 * `slots` ring slots of one thread and one chunk in ring order, already copied out of shared memory
 * but not otherwise trusted: from the first record on that cannot be right, the rest is counted as
 * damaged (where a tail has been spoilt, nobody knows where the next record begins). weight: calls
 * each stands for; 0: as the thread's rate marks say, 1 before the first of them.
 */
void pack_records(struct pack *pack, uint32_t thread, const struct rt_record *records, size_t slots,
	uint32_t weight);

void pack_loss(struct pack *pack, uint32_t thread, uint32_t reason, uint64_t count,
	uint64_t from_ns, uint64_t to_ns);
void pack_counter(
	struct pack *pack, uint32_t thread, uint32_t kind, uint64_t calls, uint64_t bytes);
void pack_open_call(struct pack *pack, uint32_t thread, uint32_t kind, uint64_t start_ticks,
	uint64_t arg, uint32_t depth);
void pack_metric(struct pack *pack, const char *name, int64_t value);

/* A function asked for by pattern that is not recorded, or not as fully as others. */
void pack_limit(struct pack *pack, const char *module, const char *function, const char *reason,
	bool recorded);

struct pack_usage {
	uint32_t process, threads;
	uint32_t thread; /* whose alone it is; 0: the whole process's */
	uint64_t at_ns, cpu_ns, runqueue_ns, rss_bytes, minor_faults, major_faults;
	uint64_t read_bytes, written_bytes;
};
void pack_usage(struct pack *pack, const struct pack_usage *usage);

/* Samples. A frame is of the block that pack_samples_begin was called for last: once a sample,
 * before its frames. */
struct pack_frame {
	uint32_t caller;   /* as pack_frame gave it; 0: it is the outermost */
	uint32_t language; /* enum rt_language */
	const char *name, *module;
	uint32_t line;
};
struct pack_sample {
	uint32_t thread, frame;
	uint32_t of; /* enum rt_sampled */
	uint64_t ticks, weight_ns;
};
void pack_samples_begin(struct pack *pack);
uint32_t pack_frame(struct pack *pack, const struct pack_frame *frame);
void pack_sample(struct pack *pack, const struct pack_sample *sample);

/*
 * What the parsers found; the figures of its tokens become facts. fd -1: unknown.
 */
struct exchange;
void pack_exchange(struct pack *pack, uint32_t connection, int fd, const struct exchange *exchange);

struct pack_totals {
	uint64_t calls;
	uint64_t blocks;
	uint64_t unwritten_calls; /* lost because the output failed */
	int error;		  /* 0, or the output's first -errno */
};

/* Writes what is pending, if anything. */
int pack_flush(struct pack *pack);

struct pack_end {
	uint64_t monotonic_ns;
	int status;
	bool status_unknown;
	bool target_alive;
	const char *reason;
};
int pack_finish(struct pack *pack, const struct pack_end *end);

void pack_totals(const struct pack *pack, struct pack_totals *totals);

#endif
