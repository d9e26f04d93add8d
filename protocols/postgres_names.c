/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names in fixed tables, by keyed hash. Unless content is wanted, of
 * parameters only the number of a LIMIT is read.
 */
#include "protocols/postgres_names.h"

#include <stdbool.h>
#include <string.h>

/* Bytes kept of a statement, and of what is bound to one. */
#define KEPT_MOST (32u << 10)

static uint32_t take_be32(struct cursor *cursor)
{
	const uint8_t *bytes = cursor_take(cursor, 4);

	return bytes ? (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
			(uint32_t)bytes[2] << 8 | bytes[3]
		     : 0;
}

static unsigned be16(const uint8_t *bytes)
{
	return (unsigned)bytes[0] << 8 | bytes[1];
}

const char *postgres_text(struct cursor *cursor, size_t *size)
{
	const uint8_t *end = memchr(cursor->at, 0, cursor_left(cursor));
	const char *text = (const char *)cursor->at;

	*size = end ? (size_t)(end - cursor->at) : cursor_left(cursor);
	cursor_take(cursor, *size + (end != NULL));
	return text;
}

static uint64_t hash_of(const struct postgres_names *names, const char *name, size_t size)
{
	return names->host->hash(names->host->context, name, size) | 1;
}

static uint64_t take_name(const struct postgres_names *names, struct cursor *cursor)
{
	size_t size;
	const char *name = postgres_text(cursor, &size);

	return hash_of(names, name, size);
}

static struct postgres_statement *find_statement(struct postgres_names *names, uint64_t name)
{
	for (unsigned i = 0; i < POSTGRES_STATEMENTS; i++) {
		if (names->statements[i].name == name)
			return &names->statements[i];
	}
	return NULL;
}

static struct postgres_statement *oldest_statement(struct postgres_names *names)
{
	struct postgres_statement *oldest = names->statements;

	for (unsigned i = 1; i < POSTGRES_STATEMENTS; i++) {
		if (names->statements[i].serial < oldest->serial)
			oldest = &names->statements[i];
	}
	return oldest;
}

static void wipe(struct buf *said)
{
	if (said->data)
		explicit_bzero(said->data, said->capacity);
	buf_free(said);
}

/* The beginning of what is said, where that is wanted. */
static void keep(
	const struct postgres_names *names, struct buf *said, const void *bytes, size_t size)
{
	wipe(said);
	if (names->host->keeps_content)
		buf_append(said, bytes, size < KEPT_MOST ? size : KEPT_MOST);
}

void postgres_names_free(struct postgres_names *names)
{
	for (unsigned i = 0; i < POSTGRES_STATEMENTS; i++)
		wipe(&names->statements[i].text);
	for (unsigned i = 0; i < POSTGRES_PORTALS; i++)
		wipe(&names->portals[i].bind);
}

/* name, statement, types */
void postgres_parse(struct postgres_names *names, struct cursor *cursor)
{
	uint64_t name = take_name(names, cursor);
	size_t size;
	const char *text = postgres_text(cursor, &size);
	struct postgres_statement *statement = find_statement(names, name);

	if (!statement)
		statement = oldest_statement(names);
	statement->name = name;
	statement->serial = ++names->serial;
	sql_read(&statement->facts, SQL_POSTGRES, text, size);
	keep(names, &statement->text, text, size);
}

static int64_t parameter_number(const uint8_t *bytes, size_t size, bool is_binary)
{
	int64_t number = 0;

	if (!size || (is_binary && (size > 8 || *bytes & 0x80)))
		return -1;
	for (size_t i = 0; i < size; i++) {
		if (is_binary) {
			number = number << 8 | bytes[i];
			continue;
		}
		if (bytes[i] < '0' || bytes[i] > '9' || number > 1000000000)
			return -1;
		number = number * 10 + (bytes[i] - '0');
	}
	return number;
}

/* The formats and parameters of a Bind, one after the other. */
struct parameters {
	struct cursor cursor;
	const uint8_t *format;
	unsigned formats, count, number;
	const uint8_t *bytes; /* NULL: NULL */
	uint32_t size;
	bool is_binary;
};

static struct parameters parameters_over(struct cursor cursor)
{
	const uint8_t *count = cursor_take(&cursor, 2);
	struct parameters all = {.formats = count ? be16(count) : 0};

	all.format = cursor_take(&cursor, (size_t)all.formats * 2);
	count = cursor_take(&cursor, 2);
	all.count = count ? be16(count) : 0;
	all.cursor = cursor;
	return all;
}

static bool next_parameter(struct parameters *all)
{
	unsigned place = all->formats == 1 ? 0 : all->number;

	if (all->number == all->count || all->cursor.bad)
		return false;
	all->number++;
	all->size = take_be32(&all->cursor);
	all->bytes = all->size == UINT32_MAX ? NULL : cursor_take(&all->cursor, all->size);
	all->is_binary = place < all->formats && be16(all->format + place * 2);
	return !all->cursor.bad;
}

/* The value of one parameter, by its number from 1; -1 where it is no small number. */
static int64_t bound_parameter(struct cursor cursor, unsigned wanted)
{
	struct parameters all = parameters_over(cursor);

	while (next_parameter(&all)) {
		if (all.number == wanted)
			return all.bytes ? parameter_number(all.bytes, all.size, all.is_binary)
					 : -1;
	}
	return -1;
}

static struct postgres_portal *find_portal(const struct postgres_names *names, uint64_t name)
{
	for (unsigned i = 0; i < POSTGRES_PORTALS; i++) {
		if (names->portals[i].name == name)
			return (struct postgres_portal *)&names->portals[i];
	}
	return NULL;
}

/* portal, statement, formats, parameters */
void postgres_bind(struct postgres_names *names, struct cursor *cursor)
{
	uint64_t name = take_name(names, cursor);
	struct postgres_portal *portal = find_portal(names, name);
	struct postgres_statement *statement = find_statement(names, take_name(names, cursor));

	if (!portal)
		portal = &names->portals[names->next_portal++ % POSTGRES_PORTALS];
	wipe(&portal->bind);
	*portal = (struct postgres_portal){.name = name, .statement = statement, .limit = -1};
	if (!statement)
		return;
	portal->serial = statement->serial;
	keep(names, &portal->bind, cursor->at, cursor_left(cursor));
	if (statement->facts.limit_parameter > 0)
		portal->limit =
			bound_parameter(*cursor, (unsigned)statement->facts.limit_parameter);
}

/* 'S' or 'P', name */
void postgres_close_name(struct postgres_names *names, struct cursor *cursor)
{
	uint8_t type = cursor_u8(cursor);
	uint64_t name = take_name(names, cursor);
	struct postgres_statement *statement = type == 'S' ? find_statement(names, name) : NULL;
	struct postgres_portal *portal = type == 'P' ? find_portal(names, name) : NULL;

	if (statement) {
		wipe(&statement->text);
		*statement = (struct postgres_statement){0};
	}
	if (portal) {
		wipe(&portal->bind);
		*portal = (struct postgres_portal){0};
	}
}

/* The portal's statement; NULL where it is not known, or another has its name by now. */
static const struct postgres_statement *statement_of(const struct postgres_portal *portal)
{
	const struct postgres_statement *statement = portal ? portal->statement : NULL;

	return statement && statement->serial == portal->serial ? statement : NULL;
}

uint64_t postgres_execute(
	const struct postgres_names *names, struct cursor *cursor, struct exchange *exchange)
{
	const struct postgres_portal *portal = find_portal(names, take_name(names, cursor));
	const struct postgres_statement *statement = statement_of(portal);

	if (!statement) {
		exchange_name(exchange, "EXECUTE");
		return 0;
	}
	sql_put(exchange, &statement->facts);
	if (*statement->facts.vector_operator && portal->limit >= 0)
		exchange_int(exchange, "ragtime.k", portal->limit);
	exchange_bool(exchange, "ragtime.prepared", statement->name != hash_of(names, "", 0));
	return statement->serial;
}

void postgres_say(const struct postgres_names *names, struct cursor cursor,
	struct exchange *exchange, bool is_first)
{
	const struct postgres_portal *portal = find_portal(names, take_name(names, &cursor));
	const struct postgres_statement *statement = statement_of(portal);
	struct parameters all;

	if (!statement || !names->host->keeps_content)
		return;
	if (is_first)
		exchange_say(exchange, SAID_STATEMENT, statement->text.data, statement->text.size);
	all = parameters_over(cursor_over(portal->bind.data, portal->bind.size));
	if (!all.count)
		return;
	exchange_say(exchange, SAID_VALUES, is_first ? "(" : ", (", is_first ? 1 : 3);
	while (next_parameter(&all)) {
		if (all.number > 1)
			exchange_say(exchange, SAID_VALUES, ", ", 2);
		exchange_say_value(exchange, SAID_VALUES, all.bytes, all.size);
	}
	exchange_say(exchange, SAID_VALUES, ")", 1);
}
