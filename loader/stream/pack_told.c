/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program itself tells of its spans, as rows of a Batch. Names and facts are chosen by the
 * program: they pass the same gate as all its texts, and of a request's target the template stays.
 */
#include <stdio.h>
#include <string.h>

#include "loader/stream/pack_state.h"
#include "protocols/http_url.h"

#define TEXT_SIZE 1100

static uint32_t clean_text(struct pack *pack, const char *text, size_t size)
{
	const char *clean = texts_clean(pack->known.texts, REDACT_NAME, text, size, &size);

	return batch_text(&pack->batch, clean, size);
}

/* "METHOD target" with its identifiers taken out: "GET /users/{id}". */
static uint32_t request_text(struct pack *pack, const char *text, size_t size)
{
	char target[TEXT_SIZE], name[TEXT_SIZE];
	size_t method = strcspn(text, " ");

	if (method > 16 || method >= size)
		return clean_text(pack, text, size);
	text[method + 1] == '/' ? http_url_template(text + method + 1, target, sizeof(target))
				: (void)strcpy(target, "*");
	target[strcspn(target, "?#")] = '\0';
	snprintf(name, sizeof(name), "%.*s %s", (int)method, text, target);
	return clean_text(pack, name, strlen(name));
}

static void take_begin(struct pack *pack, Ragtime__Raw__Told *row, const struct rt_record *record,
	const struct rt_tail *tail, const uint8_t *bytes)
{
	char text[TEXT_SIZE];

	row->parent = (uint64_t)record->result;
	if (!tail || tail->type != RT_TAIL_SPAN || tail->size >= sizeof(text))
		return;
	memcpy(text, bytes, tail->size);
	text[tail->size] = '\0';
	row->what = tail->info;
	if (row->what == RT_TOLD_PLAIN)
		row->text = clean_text(pack, text, tail->size);
	else
		row->text = request_text(pack, text, strlen(text));
}

static void take_fact(struct pack *pack, Ragtime__Raw__Told *row, const struct rt_tail *tail,
	const uint8_t *bytes)
{
	const char *key = (const char *)bytes;
	size_t size = tail ? tail->size : 0, length = tail ? strnlen(key, size) : 0;

	if (!tail || tail->type != RT_TAIL_FACT || length >= size)
		return;
	row->text = clean_text(pack, key, length);
	row->value = clean_text(pack, key + length + 1, size - length - 1);
	row->number = tail->info == 1;
}

static bool take_place(Ragtime__Raw__Told *row, const struct rt_record *record,
	const struct rt_tail *tail, const uint8_t *bytes)
{
	if (!tail || tail->type != RT_TAIL_NUMBER || tail->size != sizeof(row->span))
		return false;
	memcpy(&row->span, bytes, sizeof(row->span));
	row->connection = (uint32_t)(record->arg >> 32);
	if (record->result & 1)
		row->stream = (uint32_t)(record->result >> 1);
	else
		row->position = (uint64_t)record->result >> 1;
	return true;
}

void pack_told(struct pack *pack, uint32_t thread, const struct rt_record *record,
	const struct rt_tail *tail, const uint8_t *bytes)
{
	Ragtime__Raw__Told row = RAGTIME__RAW__TOLD__INIT;

	row.thread = thread;
	row.event = record->kind;
	row.span = record->arg;
	row.ticks = record->start;
	switch (record->kind) {
	case RT_EV_span_begin:
		take_begin(pack, &row, record, tail, bytes);
		break;
	case RT_EV_maker:
		break;
	case RT_EV_span_end:
		row.failed = record->result != 0;
		break;
	case RT_EV_span_fact:
		take_fact(pack, &row, tail, bytes);
		break;
	case RT_EV_owner:
	case RT_EV_answer:
		if (!take_place(&row, record, tail, bytes))
			return;
		break;
	default:
		return;
	}
	known_use_thread(&pack->known, thread);
	batch_row(&pack->batch, TABLE_TOLD, &row);
}
