/* SPDX-License-Identifier: Apache-2.0 */
#include "loader/stream/columns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/varint.h"

void columns_start(struct columns *columns, uint64_t ticks, unsigned tick_shift, uint64_t edge)
{
	for (int i = 0; i < COLUMN_COUNT; i++)
		columns->column[i].size = 0;
	columns->count = 0;
	columns->tick_shift = tick_shift;
	columns->end = ticks >> tick_shift;
	columns->base_ticks = columns->end << tick_shift;
	columns->edge = edge;
	columns->edge_unit =
		edge >> tick_shift << tick_shift == edge ? UINT64_MAX : edge >> tick_shift;
	columns->depth = 0;
	columns->depths = 0;
	memset(columns->args, 0, sizeof(columns->args));
	memset(columns->results, 0, sizeof(columns->results));
}

uint64_t columns_end(const struct columns *columns)
{
	return columns->end << columns->tick_shift;
}

void columns_free(struct columns *columns)
{
	for (int i = 0; i < COLUMN_COUNT; i++)
		free(columns->column[i].data);
	memset(columns, 0, sizeof(*columns));
}

static int make_room(struct columns *columns, size_t count)
{
	for (int i = 0; i < COLUMN_COUNT; i++) {
		size_t need = columns->column[i].size + count * VARINT_MAX;
		size_t capacity = columns->column[i].capacity;
		uint8_t *data;

		if (need <= capacity)
			continue;
		while (capacity < need)
			capacity = capacity ? capacity * 2 : 1024;
		data = realloc(columns->column[i].data, capacity);
		if (!data)
			return -ENOMEM;
		columns->column[i].data = data;
		columns->column[i].capacity = capacity;
	}
	return 0;
}

/* Numbers below 2^14, nearly all of them, without a jump that depends on their length. */
static inline uint8_t *put(uint8_t *at, uint64_t value)
{
	if (__builtin_expect(value < 1u << 14, 1)) {
		unsigned more = value >= 0x80;

		at[0] = (uint8_t)(value | more << 7);
		at[1] = (uint8_t)(value >> 7);
		return at + 1 + more;
	}
	return varint_put(at, value);
}

int columns_add(struct columns *columns, const struct rt_record *records, size_t count)
{
	uint8_t *kind, *start, *duration, *arg, *result, *depth;
	uint64_t end = columns->end;
	uint32_t last = columns->depth, depths = columns->depths;
	unsigned shift = columns->tick_shift;
	uint64_t near;

	if (make_room(columns, count))
		return -ENOMEM;
#define AT(which) columns->column[which].data + columns->column[which].size
	kind = AT(COLUMN_KIND);
	start = AT(COLUMN_START);
	duration = AT(COLUMN_DURATION);
	arg = AT(COLUMN_ARG);
	result = AT(COLUMN_RESULT);
	depth = AT(COLUMN_DEPTH);
	for (const struct rt_record *r = records; r < records + count; r++) {
		uint64_t ticks = (uint64_t)r->duration << (r->flags & RT_FLAG_SHIFT);
		unsigned slot = r->kind % COLUMNS_PREDICTORS;
		/*
		 * Both ends are rounded down, so that what encloses another still does, and what
		 * follows another does not overlap it. Where the unit has just become coarser,
		 * rounding down could pass the end of the section before: up, there.
		 */
		uint64_t own_start = r->start >> shift;
		uint64_t own_end = (r->start + ticks) >> shift;

		own_start += own_start == columns->edge_unit && r->start >= columns->edge;
		own_end += own_end == columns->edge_unit;
		/* A call that encloses the one before starts long ago but ends soon after. */
		near = r->depth < last ? own_end : own_start;
		kind = put(kind, r->kind);
		start = put(start, zigzag((int64_t)(near - end)));
		duration = put(duration, own_end - own_start);
		arg = put(arg, zigzag((int64_t)(r->arg - columns->args[slot])));
		result = put(
			result, zigzag((int64_t)((uint64_t)r->result - columns->results[slot])));
		depth = put(depth, r->depth);
		columns->args[slot] = r->arg;
		columns->results[slot] = (uint64_t)r->result;
		end = own_end;
		last = r->depth;
		depths |= last;
	}
#define SIZE(which, at) columns->column[which].size = (size_t)(at - columns->column[which].data)
	SIZE(COLUMN_KIND, kind);
	SIZE(COLUMN_START, start);
	SIZE(COLUMN_DURATION, duration);
	SIZE(COLUMN_ARG, arg);
	SIZE(COLUMN_RESULT, result);
	SIZE(COLUMN_DEPTH, depth);
#undef AT
#undef SIZE
	columns->end = end;
	columns->depth = last;
	columns->depths = depths;
	columns->count += (uint32_t)count;
	return 0;
}
