/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of figures that become text or JSON. */
#include "lib/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/markdown.h"
#include "lib/term.h"
#include "lib/units.h"

/* How far columns stand apart, and what a text column keeps: as it should be, and where the line is
 * too narrow for that. */
struct spacing {
	unsigned gap;
	unsigned text_min;
};
static const struct spacing wide = {2, 18}, narrow = {1, 12};

struct cell {
	bool known;
	int64_t number;
	char *text;
	const char *reason;
};

struct row {
	struct cell *cells;
	size_t order;
};

struct table {
	const struct table_column *columns;
	unsigned column_count;
	struct row *rows;
	size_t row_count;
	size_t capacity;
	size_t top;
	bool failed;
};

struct table *table_new(const struct table_column *columns)
{
	struct table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->columns = columns;
	while (columns[table->column_count].key || columns[table->column_count].heading)
		table->column_count++;
	return table;
}

void table_free(struct table *table)
{
	if (!table)
		return;
	for (size_t i = 0; i < table->row_count; i++) {
		for (unsigned j = 0; j < table->column_count; j++)
			free(table->rows[i].cells[j].text);
		free(table->rows[i].cells);
	}
	free(table->rows);
	free(table);
}

void table_row(struct table *table)
{
	struct cell *cells = calloc(table->column_count, sizeof(*cells));

	if (cells && table->row_count == table->capacity) {
		size_t capacity = table->capacity ? table->capacity * 2 : 16;
		struct row *rows = realloc(table->rows, capacity * sizeof(*rows));

		if (rows) {
			table->rows = rows;
			table->capacity = capacity;
		}
	}
	if (!cells || table->row_count == table->capacity) {
		free(cells);
		table->failed = true;
		return;
	}
	table->rows[table->row_count] = (struct row){.cells = cells, .order = table->row_count};
	table->row_count++;
}

static struct cell *last_cell(struct table *table, unsigned column)
{
	return table->failed || !table->row_count
		? NULL
		: &table->rows[table->row_count - 1].cells[column];
}

void table_set(struct table *table, unsigned column, int64_t value)
{
	struct cell *cell = last_cell(table, column);

	if (!cell)
		return;
	cell->known = true;
	cell->number = value;
}

void table_set_text(struct table *table, unsigned column, const char *text)
{
	struct cell *cell = last_cell(table, column);

	if (!cell || !text)
		return;
	free(cell->text);
	cell->text = strdup(text);
	cell->known = cell->text != NULL;
	table->failed |= !cell->text;
}

void table_set_reason(struct table *table, unsigned column, const char *reason)
{
	struct cell *cell = last_cell(table, column);

	if (cell)
		cell->reason = reason;
}

bool table_failed(const struct table *table)
{
	return table->failed;
}

size_t table_rows(const struct table *table)
{
	return table->row_count;
}

const struct table_column *table_columns(const struct table *table)
{
	return table->columns;
}

static int compare_rows(const void *left, const void *right, void *context)
{
	const struct row *a = left, *b = right;
	unsigned column = *(const unsigned *)context;
	const struct cell *x = &a->cells[column], *y = &b->cells[column];

	if (x->known != y->known)
		return x->known ? -1 : 1;
	if (x->known && x->number != y->number)
		return x->number > y->number ? -1 : 1;
	return a->order < b->order ? -1 : 1;
}

void table_sort(struct table *table, unsigned column)
{
	if (table->row_count > 1)
		qsort_r(table->rows, table->row_count, sizeof(*table->rows), compare_rows, &column);
}

void table_limit(struct table *table, size_t top)
{
	table->top = top;
}

/* Bytes of the character at `text` that continue it; malformed bytes stand alone. */
static size_t character_size(const char *text)
{
	const unsigned char *at = (const unsigned char *)text;
	size_t size = *at >= 0xf0 ? 4 : *at >= 0xe0 ? 3 : *at >= 0xc2 ? 2 : 1;

	for (size_t i = 1; i < size; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 1;
	}
	return size;
}

size_t table_text_width(const char *text)
{
	size_t width = 0;

	for (; *text; text += character_size(text))
		width++;
	return width;
}

static const char *put_characters(struct buf *out, const char *text, size_t count)
{
	while (count-- && *text) {
		size_t size = character_size(text);
		unsigned char first = (unsigned char)*text;
		/* U+0080 to U+009F are control characters too */
		bool control = size == 1 ? first < 0x20 || first >= 0x7f
					 : first == 0xc2 && (unsigned char)text[1] < 0xa0;

		if (control)
			buf_append(out, "?", 1);
		else
			buf_append(out, text, size);
		text += size;
	}
	return text;
}

static const char *skip(const char *text, size_t count)
{
	while (count-- && *text)
		text += character_size(text);
	return text;
}

/* Of a C++ name neither the arguments nor the outermost scopes say most. */
static void put_scoped(struct buf *out, const char *text, size_t width)
{
	char name[256];
	const char *start = name, *scope;
	size_t size = strcspn(text, "(");

	snprintf(name, sizeof(name), "%.*s", (int)size, text);
	while (table_text_width(start) + (start > name ? 3 : 0) > width &&
		(scope = strstr(start, "::")))
		start = scope + 2;
	if (start > name && table_text_width(start) + 3 <= width)
		buf_puts(out, "...");
	put_characters(out, start, width);
}

/* Of a path the last part says most, then what stands before it; of other names both ends do. */
void table_put_text(struct buf *out, const char *text, size_t width)
{
	size_t have = table_text_width(text), head;
	const char *last = strrchr(text, '/');

	if (have <= width || width < 8) {
		put_characters(out, text, width);
		return;
	}
	if (strstr(text, "::")) {
		put_scoped(out, text, width);
		return;
	}
	if (last && table_text_width(last) + 3 <= width) {
		text = skip(text, have - (width - 3));
		buf_puts(out, "...");
		put_characters(out, strchr(text, '/'), width - 3);
		return;
	}
	if (last) {
		buf_puts(out, "...");
		text = last + 1;
		have = table_text_width(text);
		width -= 3;
	}
	head = (width - 3) * 2 / 3;
	put_characters(out, text, head);
	buf_puts(out, "...");
	put_characters(out, skip(text, have - (width - 3 - head)), width);
}

static const char *cell_text(enum table_kind kind, const struct cell *cell, char *out)
{
	if (!cell->known)
		return cell->reason ? cell->reason : "-";
	if (!cell->number && kind != TABLE_TEXT && kind != TABLE_BOOL && kind != TABLE_SHARE)
		return "0";
	switch (kind) {
	case TABLE_TEXT:
		return cell->text;
	case TABLE_NUMBER:
		snprintf(out, UNITS_SIZE, "%lld", (long long)cell->number);
		return out;
	case TABLE_COUNT:
		return units_count(out, cell->number);
	case TABLE_DURATION:
		return units_duration(out, cell->number);
	case TABLE_BYTES:
		return units_bytes(out, cell->number);
	case TABLE_SHARE:
		return units_share(out, cell->number);
	case TABLE_BOOL:
		return cell->number ? "yes" : "no";
	case TABLE_DOLLARS:
		snprintf(out, UNITS_SIZE, "$%.6f", (double)cell->number / 1e9);
		return out;
	}
	return "-";
}

static size_t rows_shown(const struct table *table)
{
	return table->top && table->top < table->row_count ? table->top : table->row_count;
}

/* Figures that are 0 or unknown in every row are no news. */
static bool is_empty(const struct table *table, unsigned column)
{
	enum table_kind kind = table->columns[column].kind;

	if (kind == TABLE_TEXT || kind == TABLE_NUMBER || kind == TABLE_BOOL)
		return false;
	for (size_t i = 0; i < rows_shown(table); i++) {
		const struct cell *cell = &table->rows[i].cells[column];

		if (cell->reason || (cell->known && cell->number))
			return false;
	}
	return true;
}

/* 0: the column is not shown. What the content wants. */
static size_t wanted_widths(const struct table *table, size_t *widths, unsigned gap)
{
	char space[UNITS_SIZE];
	size_t total = 0;

	for (unsigned i = 0; i < table->column_count; i++) {
		const struct table_column *column = &table->columns[i];

		widths[i] = 0;
		if (!column->heading || is_empty(table, i))
			continue;
		widths[i] = table_text_width(column->heading);
		for (size_t j = 0; j < rows_shown(table); j++) {
			size_t width = table_text_width(
				cell_text(column->kind, &table->rows[j].cells[i], space));

			if (width > widths[i])
				widths[i] = width;
		}
		total += widths[i] + (total ? gap : 0);
	}
	return total;
}

/* Text columns give way, the widest first. False where that is not enough. */
static bool fit_widths(
	const struct table *table, size_t *widths, const struct spacing *spacing, size_t room)
{
	size_t total = wanted_widths(table, widths, spacing->gap);

	while (total > room) {
		unsigned widest = table->column_count;

		for (unsigned i = 0; i < table->column_count; i++) {
			if (table->columns[i].kind == TABLE_TEXT && widths[i] > spacing->text_min &&
				(widest == table->column_count || widths[i] > widths[widest]))
				widest = i;
		}
		if (widest == table->column_count)
			return false;
		widths[widest]--;
		total--;
	}
	return true;
}

static void put_cell(struct buf *out, const char *text, size_t width, bool left, bool last)
{
	size_t have = table_text_width(text), from = out->size;

	if (!left && have < width)
		buf_printf(out, "%*s", (int)(width - have), "");
	table_put_text(out, text, width);
	have = table_text_width(
		buf_string(out) + from); /* shortening may leave less than the width */
	if (left && !last && have < width)
		buf_printf(out, "%*s", (int)(width - have), "");
}

static void put_line(const struct table *table, const size_t *widths, unsigned gap, unsigned indent,
	const struct row *row, struct buf *out)
{
	char space[UNITS_SIZE];
	unsigned last = 0;
	bool first = true;

	for (unsigned i = 0; i < table->column_count; i++) {
		if (widths[i])
			last = i;
	}
	buf_printf(out, "%*s%s", (int)indent, "", row ? "" : term_start(TERM_DIM));
	for (unsigned i = 0; i <= last; i++) {
		const struct table_column *column = &table->columns[i];

		if (!widths[i])
			continue;
		if (!first)
			buf_printf(out, "%*s", (int)gap, "");
		first = false;
		put_cell(out,
			row ? cell_text(column->kind, &row->cells[i], space) : column->heading,
			widths[i], column->kind == TABLE_TEXT, i == last);
	}
	buf_printf(out, "%s\n", row ? "" : term_end());
}

void table_text(const struct table *table, unsigned indent, unsigned width, struct buf *out)
{
	size_t *widths = calloc(table->column_count + 1, sizeof(*widths));
	size_t room = width > indent ? width - indent : 1;
	const struct spacing *spacing = &wide;
	char space[UNITS_SIZE];

	if (!widths) {
		out->failed = true;
		return;
	}
	if (!fit_widths(table, widths, spacing, room)) {
		spacing = &narrow;
		fit_widths(table, widths, spacing, room);
	}
	put_line(table, widths, spacing->gap, indent, NULL, out);
	for (size_t i = 0; i < rows_shown(table); i++)
		put_line(table, widths, spacing->gap, indent, &table->rows[i], out);
	if (rows_shown(table) < table->row_count)
		buf_printf(out, "%*s%s%s more%s\n", (int)indent, "", term_start(TERM_DIM),
			units_count(space, (int64_t)(table->row_count - rows_shown(table))),
			term_end());
	free(widths);
}

static void put_markdown_row(
	const struct table *table, const struct row *row, const size_t *widths, struct buf *out)
{
	char space[UNITS_SIZE];

	for (unsigned i = 0; i < table->column_count; i++) {
		if (!widths[i])
			continue;
		buf_puts(out, "| ");
		markdown_text(out,
			row ? cell_text(table->columns[i].kind, &row->cells[i], space)
			    : table->columns[i].heading);
		buf_puts(out, " ");
	}
	buf_puts(out, "|\n");
}

void table_markdown(const struct table *table, struct buf *out)
{
	size_t *widths = calloc(table->column_count + 1, sizeof(*widths));
	char space[UNITS_SIZE];

	if (!widths) {
		out->failed = true;
		return;
	}
	wanted_widths(table, widths, 1);
	put_markdown_row(table, NULL, widths, out);
	for (unsigned i = 0; i < table->column_count; i++) {
		if (widths[i])
			buf_puts(out, table->columns[i].kind == TABLE_TEXT ? "| --- " : "| ---: ");
	}
	buf_puts(out, "|\n");
	for (size_t i = 0; i < rows_shown(table); i++)
		put_markdown_row(table, &table->rows[i], widths, out);
	if (rows_shown(table) < table->row_count)
		buf_printf(out, "\n%s more\n",
			units_count(space, (int64_t)(table->row_count - rows_shown(table))));
	free(widths);
}

static void put_json_cell(enum table_kind kind, const struct cell *cell, struct json *json)
{
	if (!cell->known)
		json_null(json);
	else if (kind == TABLE_TEXT)
		json_string(json, cell->text);
	else if (kind == TABLE_SHARE)
		json_double(json, (double)cell->number / 1000);
	else if (kind == TABLE_DOLLARS)
		json_double(json, (double)cell->number / 1e9);
	else if (kind == TABLE_BOOL)
		json_bool(json, cell->number != 0);
	else
		json_int(json, cell->number);
}

void table_json(const struct table *table, struct json *json)
{
	json_open(json, '[');
	for (size_t i = 0; i < table->row_count; i++) {
		json_open(json, '{');
		for (unsigned j = 0; j < table->column_count; j++) {
			if (!table->columns[j].key)
				continue;
			json_key(json, table->columns[j].key);
			put_json_cell(table->columns[j].kind, &table->rows[i].cells[j], json);
		}
		json_close(json, '}');
	}
	json_close(json, ']');
}
