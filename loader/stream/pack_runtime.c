/* SPDX-License-Identifier: Apache-2.0 */
/* Marks of language runtimes: functions' names, links between spans, calls that were only counted.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "loader/stream/pack_state.h"

#define NAME_SIZE 1100

/* The next of the texts in a tail, each of which ends with a NUL; "" where there is none. */
static const char *next_text(const char **at, const char *end)
{
	const char *text = *at, *stop = text < end ? memchr(text, 0, (size_t)(end - text)) : NULL;

	*at = stop ? stop + 1 : end;
	return stop ? text : "";
}

static void take_function(struct pack *pack, const struct rt_record *record,
	const struct rt_tail *tail, const uint8_t *bytes)
{
	const char *at = (const char *)bytes, *end = at + (tail ? tail->size : 0);
	const char *module = next_text(&at, end), *name = next_text(&at, end);
	struct operation_facts facts = {.module = next_text(&at, end),
		.symbol = module,
		.line = tail ? tail->info : 0,
		.role = (uint32_t)record->result};
	char joined[NAME_SIZE];

	if (!tail || tail->type != RT_TAIL_CODE || record->arg < RT_KIND_RUNTIME ||
		record->arg >= RT_KIND_LIMIT)
		return;
	snprintf(joined, sizeof(joined), "%s%s%s", module,
		record->result & RT_ROLE_IMPORT ? " " : ".", name);
	facts.name = joined;
	if (operations_put(&pack->known.operations, pack->known.texts, (uint32_t)record->arg,
		    &facts) == -ENOMEM)
		pack->totals.error = pack->totals.error ? pack->totals.error : -ENOMEM;
}

static void take_link(struct pack *pack, uint32_t thread, const struct rt_record *record)
{
	Ragtime__Raw__Link row = RAGTIME__RAW__LINK__INIT;

	known_use_thread(&pack->known, thread);
	row.thread = thread;
	row.event = record->kind;
	row.span = record->arg;
	row.parent = (uint64_t)record->result;
	row.ticks = record->start;
	batch_row(&pack->batch, TABLE_LINK, &row);
}

static void take_counted(struct pack *pack, uint32_t thread, const struct rt_record *record)
{
	Ragtime__Raw__Counted row = RAGTIME__RAW__COUNTED__INIT;

	if (record->arg < RT_KIND_RUNTIME || record->arg >= RT_KIND_LIMIT)
		return;
	known_use_thread(&pack->known, thread);
	known_use_operation(&pack->known, (uint32_t)record->arg);
	row.thread = thread;
	row.kind = (uint32_t)record->arg;
	row.calls = (uint64_t)record->result;
	batch_row(&pack->batch, TABLE_COUNTED, &row);
}

static void take_runtime(struct pack *pack, uint32_t thread, const struct rt_record *record,
	const struct rt_tail *tail, const uint8_t *bytes)
{
	const struct known_thread *known = known_thread(&pack->known, thread);
	Ragtime__Raw__Runtime row = RAGTIME__RAW__RUNTIME__INIT;
	const char *version;
	size_t size = 0;

	if (!known)
		return;
	known_use_process(&pack->known, known->facts.process);
	version = texts_clean(pack->known.texts, REDACT_NAME, bytes, tail ? tail->size : 0, &size);
	row.process = known->facts.process;
	row.name = batch_text(&pack->batch, "python", strlen("python"));
	row.version = batch_text(&pack->batch, version, size);
	row.how = (uint32_t)record->result;
	batch_row(&pack->batch, TABLE_RUNTIME, &row);
}

void pack_runtime(struct pack *pack, uint32_t thread, const struct rt_record *record,
	const struct rt_tail *tail, const uint8_t *bytes)
{
	switch (record->kind) {
	case RT_EV_runtime:
		take_runtime(pack, thread, record, tail, bytes);
		break;
	case RT_EV_runtime_function:
		take_function(pack, record, tail, bytes);
		break;
	case RT_EV_runtime_counted:
		take_counted(pack, thread, record);
		break;
	case RT_EV_runtime_link:
	case RT_EV_runtime_thread:
	case RT_EV_runtime_task:
	case RT_EV_runtime_gone:
		take_link(pack, thread, record);
		break;
	}
}
