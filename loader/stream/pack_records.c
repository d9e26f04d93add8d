/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a record: from copied ring slots, which the target may have spoilt, into a section. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lib/words.h"
#include "loader/stream/pack_state.h"
#include "loader/symbols/catalog.h"
#include "wire/frame.h"
#include "wire/ring.h"

#define SLICE 256
#define TEXT_BYTES_MAX (4u << 20)
/* How far before the first clock and after the newest a record's times may lie. */
#define SLACK_SECONDS 60
/* Times are kept to 1/32 of what a thread's calls typically take, at best 2 ns, at worst 64 ns. */
#define FINENESS_SHIFT 5
#define COARSER_MAX 5
#define SAMPLES_MIN 128
#define SAMPLES_MAX 4096
#define CHECK_EVERY 512

/* Bytes of an address of the internet; 0: it is none. */
static size_t inet_size(const uint8_t *bytes, size_t size)
{
	sa_family_t family = AF_UNSPEC;

	if (size >= sizeof(family))
		memcpy(&family, bytes, sizeof(family));
	if (family == AF_INET && size >= sizeof(struct sockaddr_in))
		return sizeof(struct sockaddr_in);
	if (family == AF_INET6 && size >= sizeof(struct sockaddr_in6))
		return sizeof(struct sockaddr_in6);
	return 0;
}

/* Two of them, the second one at `second`; 0 where they are not as they should be. */
static uint32_t pair_text(struct pack *pack, const uint8_t *bytes, size_t size, size_t second)
{
	size_t first = inet_size(bytes, size), rest = size > second ? size - second : 0;

	if (!first || first != second || !inet_size(bytes + second, rest))
		return 0;
	return batch_text(&pack->batch, bytes, second + inet_size(bytes + second, rest));
}

/* What of an address may be told: struct sockaddr as it was, a socket's path redacted. */
static uint32_t address_text(struct pack *pack, const uint8_t *bytes, size_t size)
{
	const size_t head = offsetof(struct sockaddr_un, sun_path);
	struct sockaddr_un clean = {0};
	sa_family_t family = AF_UNSPEC;
	const char *text;
	size_t text_size;

	if (size >= sizeof(family))
		memcpy(&family, bytes, sizeof(family));
	if (inet_size(bytes, size))
		return batch_text(&pack->batch, bytes, inet_size(bytes, size));
	clean.sun_family = family;
	if (family != AF_UNIX || size <= head)
		return batch_text(&pack->batch, &clean, head);
	/* A NUL in front marks a name without a file; it stays. */
	bytes += head;
	size -= head;
	if (*bytes == 0) {
		text = texts_clean(pack->known.texts, REDACT_PATH, bytes + 1, size - 1, &text_size);
		if (text_size > sizeof(clean.sun_path) - 1)
			text_size = sizeof(clean.sun_path) - 1;
		memcpy(clean.sun_path + 1, text, text_size++);
	} else {
		text = texts_clean(pack->known.texts, REDACT_PATH, bytes,
			strnlen((const char *)bytes, size), &text_size);
		if (text_size > sizeof(clean.sun_path))
			text_size = sizeof(clean.sun_path);
		memcpy(clean.sun_path, text, text_size);
	}
	return batch_text(&pack->batch, &clean, head + text_size);
}

/* The string for a tail; 0 for what is not for the stream. */
static uint32_t tail_text(struct pack *pack, const struct rt_tail *tail, const uint8_t *bytes)
{
	size_t size = tail->size;
	enum redact_kind kind = REDACT_PATH;
	const char *text;

	switch (tail->type) {
	case RT_TAIL_PATH:
		break;
	case RT_TAIL_HOST:
		kind = REDACT_HOST;
		break;
	case RT_TAIL_NAME:
		kind = REDACT_NAME;
		break;
	case RT_TAIL_TCP:
		return size == sizeof(struct rt_tcp) ? batch_text(&pack->batch, bytes, size) : 0;
	case RT_TAIL_ADDRESS:
		if (tail->info)
			return pair_text(pack, bytes, size, tail->info);
		/* fall through */
	case RT_TAIL_LOCAL:
		return address_text(pack, bytes, size);
	default:
		return 0;
	}
	text = texts_clean(pack->known.texts, kind, bytes, size, &size);
	return batch_text(&pack->batch, text, size);
}

struct run {
	struct pack *pack;
	uint32_t thread;
	uint32_t weight;
	uint64_t earliest, latest; /* no record may begin before or end after */
	const struct rt_record *records;
	size_t left;
	uint64_t digits; /* of the durations of the records that count_plain saw */
};

static void learn(struct typical *typical, uint64_t digits, size_t count)
{
	typical->digits += digits;
	typical->samples += count;
	if (typical->samples > SAMPLES_MAX) {
		typical->digits /= 2;
		typical->samples /= 2;
	}
}

/* Noise of the clock is half of a trace, and the finer part of it says nothing of slow calls. */
static unsigned shift_of(const struct pack *pack, const struct known_thread *thread)
{
	const struct typical *typical =
		thread->typical.samples < SAMPLES_MIN ? &pack->typical : &thread->typical;
	unsigned finest = pack->finest_shift, shift;

	if (typical->samples < SAMPLES_MIN)
		return finest;
	shift = (unsigned)(typical->digits / typical->samples);
	shift -= shift < FINENESS_SHIFT ? shift : FINENESS_SHIFT;
	if (shift < finest)
		return finest;
	return shift < finest + COARSER_MAX ? shift : finest + COARSER_MAX;
}

/*
 * The unit changes only where no call is open: else one could begin, as stored, before the call
 * around it.
 */
static bool is_between(const struct run *run, const struct known_thread *thread)
{
	return !thread->edge || (!thread->last_depth && run->records->start >= thread->edge);
}

/* May the thread's calls go on in the section it has? */
static bool fits(const struct run *run, const struct known_thread *thread, uint32_t weight)
{
	struct section *section = thread->section;

	if (!section || section->weight != weight)
		return false;
	if (section->columns.count - section->checked < CHECK_EVERY || !is_between(run, thread))
		return true;
	section->checked = section->columns.count;
	return thread->shift == shift_of(run->pack, thread);
}

static struct section *section_of(struct run *run, size_t count)
{
	struct pack *pack = run->pack;
	struct known_thread *thread = known_thread(&pack->known, run->thread);
	uint32_t weight;

	if (!thread)
		return NULL;
	learn(&thread->typical, run->digits, count);
	learn(&pack->typical, run->digits, count);
	weight = run->weight ? run->weight : thread->rate;
	known_look_back(thread);
	if (fits(run, thread, weight))
		return thread->section;
	if (is_between(run, thread))
		thread->shift = shift_of(pack, thread);
	thread->section = batch_section(&pack->batch, run->thread, weight);
	if (thread->section)
		columns_start(&thread->section->columns, run->records->start, thread->shift,
			thread->edge);
	return thread->section;
}

static inline uint64_t end_of(const struct rt_record *record)
{
	return record->start + ((uint64_t)record->duration << (record->flags & RT_FLAG_SHIFT));
}

static inline bool in_time(const struct run *run, const struct rt_record *record)
{
	return record->start >= run->earliest && record->start <= run->latest &&
		end_of(record) - record->start <= run->latest - record->start;
}

/* How many records from here on are calls without a tail; notes their times and functions. */
static size_t count_plain(struct run *run, size_t limit)
{
	struct batch *batch = &run->pack->batch;
	uint64_t first = batch->first_ticks, last = batch->last_ticks, digits = 0;
	const struct rt_record *r = run->records, *end = r + limit;

	for (; r < end; r++) {
		uint64_t own_end = end_of(r);

		if (rt_is_told(r->kind) || r->flags & RT_FLAG_TAIL || !in_time(run, r))
			break;
		first = r->start < first ? r->start : first;
		last = own_end > last ? own_end : last;
		digits += 64 - (unsigned)__builtin_clzll((own_end - r->start) | 1);
		if (r->kind >= RT_KIND_FUNCTION)
			known_use_operation(&run->pack->known, r->kind);
	}
	run->digits = digits;
	batch->first_ticks = first;
	batch->last_ticks = last;
	return (size_t)(r - run->records);
}

/* Where memory is out, the calls are lost, and counted. */
static struct section *add(struct run *run, size_t count, bool calls)
{
	struct section *section = section_of(run, count);
	struct batch *batch = &run->pack->batch;

	if (!section || columns_add(&section->columns, run->records, count)) {
		run->pack->totals.unwritten_calls += count;
		pack_loss(run->pack, 0, RT_LOSS_write_failed, count, 0, 0);
		return NULL;
	}
	batch->entries += (uint32_t)count;
	if (calls)
		batch->calls += (uint32_t)count;
	return section;
}

static void damaged(struct run *run)
{
	uint64_t now = pack_last_clock(run->pack)->monotonic_ns;

	pack_loss(run->pack, run->thread, RT_LOSS_damaged, run->left,
		run->pack->clocks[0].monotonic_ns, now);
	run->left = 0;
}

static void advance(struct run *run, size_t slots)
{
	run->records += slots;
	run->left -= slots;
}

/* A note for each attribute that a function pack knows to read from them. */
static void note_arguments(
	struct run *run, struct section *section, const struct rt_tail *tail, const uint8_t *bytes)
{
	const struct pack *pack = run->pack;
	const struct catalog_function *function =
		pack->ask ? pack->ask(pack->ask_context, run->records->kind) : NULL;
	Ragtime__Raw__Note row = RAGTIME__RAW__NOTE__INIT;
	struct buf text = {0};

	row.call = section->columns.count - 1;
	row.type = tail->type;
	for (unsigned i = 0; function && catalog_attribute(function, i, bytes, tail->size, &text);
		i++) {
		row.text = batch_text(&run->pack->batch, text.data, text.failed ? 0 : text.size);
		if (row.text)
			section_note(section, &row);
		buf_clear(&text);
	}
	buf_free(&text);
}

static void note(
	struct run *run, struct section *section, const struct rt_tail *tail, const uint8_t *bytes)
{
	Ragtime__Raw__Note row = RAGTIME__RAW__NOTE__INIT;

	if (tail->type == RT_TAIL_ARGUMENTS) {
		note_arguments(run, section, tail, bytes);
		return;
	}
	row.text = tail_text(run->pack, tail, bytes);
	if (!row.text)
		return;
	row.call = section->columns.count - 1;
	row.type = tail->type;
	row.info = tail->info;
	section_note(section, &row);
}

static bool known_kind(unsigned kind)
{
	return kind >= RT_COUNTED_FIRST || event_info(kind);
}

static bool for_stream(const struct rt_record *record)
{
	return !rt_is_told(record->kind) || record->kind == RT_EV_tls_peer ||
		record->kind == RT_EV_tls_socket || record->kind == RT_EV_allocation ||
		record->kind == RT_EV_data;
}

static bool is_address(unsigned kind)
{
	return kind == RT_EV_connect || kind == RT_EV_accept || kind == RT_EV_bind;
}

static void mark(struct run *run, const struct rt_tail *tail, const uint8_t *bytes)
{
	const struct rt_record *record = run->records;
	struct pack *pack = run->pack;

	if (record->kind == RT_EV_rate) {
		struct known_thread *thread = known_thread(&pack->known, run->thread);

		if (thread)
			thread->rate = record->arg && record->arg <= UINT32_MAX ? record->arg : 1;
	}
	pack_runtime(pack, run->thread, record, tail, bytes);
	pack_told(pack, run->thread, record, tail, bytes);
	if (pack->on_mark)
		pack->on_mark(pack->context, run->thread, record, bytes, tail ? tail->size : 0,
			tail ? tail->type : 0);
}

/* The record as a call of its own, its tail as a note. */
static void take_one(struct run *run, const struct rt_tail *tail, const uint8_t *bytes)
{
	const struct rt_record *record = run->records;
	struct batch *batch = &run->pack->batch;
	uint64_t end = end_of(record);
	struct section *section;

	run->digits = 64 - (unsigned)__builtin_clzll((end - record->start) | 1);
	section = add(run, 1, !rt_is_told(record->kind));
	if (record->start < batch->first_ticks)
		batch->first_ticks = record->start;
	if (end > batch->last_ticks)
		batch->last_ticks = end;
	if (record->kind >= RT_KIND_FUNCTION)
		known_use_operation(&run->pack->known, record->kind);
	if (section && tail)
		note(run, section, tail, bytes);
}

/* A record that is a mark or has a tail. */
static void take_special(struct run *run)
{
	const struct rt_record *record = run->records;
	const struct rt_tail *tail = NULL;
	const uint8_t *bytes = NULL;
	size_t slots = 1;

	if (record->kind == RT_EV_pad) {
		run->left = 0;
		return;
	}
	if (record->flags & RT_FLAG_TAIL && run->left > 1) {
		tail = (const struct rt_tail *)(record + 1);
		slots += RT_TAIL_SLOTS((size_t)tail->size);
		bytes = tail->bytes;
	}
	if (!known_kind(record->kind) || !in_time(run, record) ||
		(record->flags & RT_FLAG_TAIL && !tail) || slots > run->left ||
		(tail && tail->size > RT_TAIL_MAX)) {
		damaged(run);
		return;
	}
	if (rt_is_told(record->kind) || is_address(record->kind))
		mark(run, tail, bytes);
	if (for_stream(record))
		take_one(run, tail, bytes);
	advance(run, slots);
}

void pack_records(struct pack *pack, uint32_t thread, const struct rt_record *records, size_t slots,
	uint32_t weight)
{
	uint64_t slack = pack->start.ticks_per_second * SLACK_SECONDS;
	uint64_t first = pack->first_clock.ticks, now = pack_last_clock(pack)->ticks;
	struct run run = {
		.pack = pack,
		.thread = thread,
		.weight = weight,
		.earliest = first > slack ? first - slack : 0,
		.latest = now && now < UINT64_MAX - slack ? now + slack : UINT64_MAX,
		.records = records,
		.left = slots,
	};

	while (run.left) {
		struct batch *batch = &pack->batch;
		size_t room = RT_BLOCK_CALLS - batch->entries;
		size_t plain;

		if (!room || batch->text_bytes > TEXT_BYTES_MAX) {
			(void)pack_emit(pack); /* a failure is kept in the totals */
			continue;
		}
		room = room < SLICE ? room : SLICE;
		plain = count_plain(&run, run.left < room ? run.left : room);
		if (plain) {
			add(&run, plain, true);
			advance(&run, plain);
		} else {
			take_special(&run);
		}
	}
}
