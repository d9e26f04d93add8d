/* SPDX-License-Identifier: Apache-2.0 */
/*
 * insert SOURCE COPY: the bare bulk insert. Holds every row of the database SOURCE in memory, then
 * writes them into a new database COPY of the same tables: one transaction, WAL,
 * synchronous=NORMAL, prepared inserts of 16 rows, the indexes last. Says what that cost, without
 * the reading:
 *
 *   insert rows=500000 insert_ns=412345678 index_ns=98765432
 */
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define GROUP 16 /* rows of one statement */
#define TABLES 32

struct cell {
	int type; /* SQLITE_INTEGER... */
	int size; /* of text or blob */
	union {
		int64_t integer;
		double real;
		char *bytes;
	};
};

struct table {
	char *name, *sql;
	int columns;
	size_t rows, room;
	struct cell *cells;
};

static struct table tables[TABLES];
static int table_count;

static void fail(sqlite3 *db, const char *what)
{
	fprintf(stderr, "insert: %s: %s\n", what, db ? sqlite3_errmsg(db) : "out of memory");
	exit(1);
}

static uint64_t cpu_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return time.tv_sec * 1000000000ull + time.tv_nsec;
}

static void execute(sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL))
		fail(db, sql);
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement;

	if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL))
		fail(db, sql);
	return statement;
}

static struct cell read_cell(sqlite3_stmt *statement, int column)
{
	struct cell cell = {.type = sqlite3_column_type(statement, column)};

	if (cell.type == SQLITE_INTEGER) {
		cell.integer = sqlite3_column_int64(statement, column);
	} else if (cell.type == SQLITE_FLOAT) {
		cell.real = sqlite3_column_double(statement, column);
	} else if (cell.type != SQLITE_NULL) {
		const void *bytes = sqlite3_column_blob(statement, column);

		cell.size = sqlite3_column_bytes(statement, column);
		cell.bytes = malloc(cell.size + 1);
		if (!cell.bytes)
			fail(NULL, "cell");
		memcpy(cell.bytes, bytes ? bytes : "", cell.size);
	}
	return cell;
}

static void read_rows(sqlite3 *db, struct table *table)
{
	char sql[256];
	sqlite3_stmt *statement;

	snprintf(sql, sizeof sql, "SELECT * FROM \"%s\"", table->name);
	statement = prepare(db, sql);
	table->columns = sqlite3_column_count(statement);
	while (sqlite3_step(statement) == SQLITE_ROW) {
		if (table->rows == table->room) {
			table->room = table->room ? table->room * 2 : 64;
			table->cells = realloc(
				table->cells, table->room * table->columns * sizeof *table->cells);
			if (!table->cells)
				fail(NULL, table->name);
		}
		for (int i = 0; i < table->columns; i++)
			table->cells[table->rows * table->columns + i] = read_cell(statement, i);
		table->rows++;
	}
	sqlite3_finalize(statement);
}

static void read_tables(sqlite3 *db)
{
	sqlite3_stmt *list = prepare(db,
		"SELECT name, sql FROM sqlite_master WHERE type = 'table' AND "
		"name NOT LIKE 'sqlite_%'");

	while (sqlite3_step(list) == SQLITE_ROW && table_count < TABLES) {
		struct table *table = &tables[table_count++];

		table->name = strdup((const char *)sqlite3_column_text(list, 0));
		table->sql = strdup((const char *)sqlite3_column_text(list, 1));
		read_rows(db, table);
	}
	sqlite3_finalize(list);
}

static sqlite3_stmt *prepare_insert(sqlite3 *db, const struct table *table, int rows)
{
	char sql[16384];
	int size = snprintf(sql, sizeof sql, "INSERT INTO \"%s\" VALUES", table->name);

	for (int row = 0; row < rows; row++) {
		for (int i = 0; i < table->columns; i++)
			size += snprintf(sql + size, sizeof sql - size, "%s?",
				i	      ? ","
					: row ? ",("
					      : "(");
		size += snprintf(sql + size, sizeof sql - size, ")");
	}
	return prepare(db, sql);
}

static void bind_cells(sqlite3_stmt *statement, const struct cell *cells, int count)
{
	for (int i = 0; i < count; i++) {
		const struct cell *cell = &cells[i];

		if (cell->type == SQLITE_INTEGER)
			sqlite3_bind_int64(statement, i + 1, cell->integer);
		else if (cell->type == SQLITE_FLOAT)
			sqlite3_bind_double(statement, i + 1, cell->real);
		else if (cell->type == SQLITE_NULL)
			sqlite3_bind_null(statement, i + 1);
		else if (cell->type == SQLITE_TEXT)
			sqlite3_bind_text(statement, i + 1, cell->bytes, cell->size, SQLITE_STATIC);
		else
			sqlite3_bind_blob(statement, i + 1, cell->bytes, cell->size, SQLITE_STATIC);
	}
}

static void write_rows(sqlite3 *db, const struct table *table, size_t begin, size_t end, int group)
{
	sqlite3_stmt *insert = prepare_insert(db, table, group);

	for (size_t row = begin; row < end; row += group) {
		bind_cells(insert, &table->cells[row * table->columns], group * table->columns);
		if (sqlite3_step(insert) != SQLITE_DONE)
			fail(db, table->name);
		sqlite3_reset(insert);
	}
	sqlite3_finalize(insert);
}

static void copy_indexes(sqlite3 *from, sqlite3 *to)
{
	sqlite3_stmt *list = prepare(
		from, "SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL");

	while (sqlite3_step(list) == SQLITE_ROW)
		execute(to, (const char *)sqlite3_column_text(list, 0));
	sqlite3_finalize(list);
}

int main(int argc, char **argv)
{
	sqlite3 *source, *copy;
	uint64_t begin, inserted, indexed;
	size_t rows = 0;

	if (argc != 3)
		return fprintf(stderr, "usage: insert SOURCE COPY\n"), 2;
	if (sqlite3_open_v2(argv[1], &source, SQLITE_OPEN_READONLY, NULL))
		fail(source, argv[1]);
	read_tables(source);
	unlink(argv[2]);
	begin = cpu_now();
	if (sqlite3_open(argv[2], &copy))
		fail(copy, argv[2]);
	execute(copy,
		"PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-65536; BEGIN");
	for (int i = 0; i < table_count; i++) {
		const struct table *table = &tables[i];
		size_t whole = table->rows / GROUP * GROUP;

		execute(copy, table->sql);
		write_rows(copy, table, 0, whole, GROUP);
		write_rows(copy, table, whole, table->rows, 1);
		rows += table->rows;
	}
	execute(copy, "COMMIT");
	inserted = cpu_now();
	copy_indexes(source, copy);
	sqlite3_close(copy);
	indexed = cpu_now();
	sqlite3_close(source);
	fprintf(stderr, "insert rows=%zu insert_ns=%llu index_ns=%llu\n", rows,
		(unsigned long long)(inserted - begin), (unsigned long long)(indexed - inserted));
	return 0;
}
