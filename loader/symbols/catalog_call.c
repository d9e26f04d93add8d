/* SPDX-License-Identifier: Apache-2.0 */
/* What the arguments of one call say. They come from the target and are hostile. */
#include <stdio.h>
#include <string.h>

#include "lib/cursor.h"
#include "loader/stream/redact.h"
#include "loader/symbols/catalog.h"
#include "protocols/content/sql.h"
#include "wire/patch.h"

uint64_t catalog_capture(const struct catalog_function *function)
{
	uint64_t capture = 0;

	for (unsigned i = 0; i < function->argument_count; i++) {
		const struct catalog_argument *argument = &function->arguments[i];
		unsigned how = argument->is == CATALOG_NUMBER ? RT_CAPTURE_VALUE
			: argument->is == CATALOG_MEMORY      ? RT_CAPTURE_MEMORY
							      : RT_CAPTURE_TEXT;
		unsigned more = argument->is == CATALOG_MEMORY ? argument->offset
							       : (unsigned)(argument->size_at + 1);

		capture |= (uint64_t)RT_CAPTURE(how, argument->at, more) << 16 * i;
	}
	return function->fixed_count && !capture ? RT_CAPTURE_NOTHING : capture;
}

static void put_text(
	const struct catalog_argument *argument, const uint8_t *bytes, size_t size, struct buf *out)
{
	struct sql_facts facts;

	if (argument->is != CATALOG_SQL) {
		redact_text(
			argument->is == CATALOG_PATH ? REDACT_PATH : REDACT_NAME, bytes, size, out);
		return;
	}
	/* in SQLite too, what stands between double quotes may be a value */
	sql_read(&facts, SQL_MYSQL_PLAIN, (const char *)bytes, size);
	redact_text(REDACT_STATEMENT, facts.text, strlen(facts.text), out);
}

bool catalog_attribute(const struct catalog_function *function, unsigned number,
	const uint8_t *captured, size_t size, struct buf *out)
{
	struct cursor cursor = cursor_over(captured, size);

	if (number < function->fixed_count) {
		buf_puts(out, function->fixed[number]);
		return true;
	}
	number -= function->fixed_count;
	if (number >= function->argument_count)
		return false;
	for (unsigned i = 0; i <= number; i++) {
		const struct catalog_argument *argument = &function->arguments[i];
		bool is_text = argument->is > CATALOG_MEMORY;
		uint64_t value = cursor_le64(&cursor);
		const uint8_t *text = is_text ? cursor_take(&cursor, value) : NULL;

		if (cursor.bad)
			break;
		if (i < number || (is_text && !value))
			continue;
		buf_printf(out, "%s=", argument->as);
		if (is_text)
			put_text(argument, text, value, out);
		else
			buf_printf(out, "%lld",
				argument->bits == 32 ? (long long)(int32_t)value
						     : (long long)value);
	}
	return true;
}
