/* SPDX-License-Identifier: Apache-2.0 */
/* Statements without their literals: every quoting, comments, what cannot be known. */
#include "tests/unit/unit.h"

#include "protocols/content/sql.h"

static struct sql_facts facts;

static const char *shown(enum sql_dialect dialect, const char *text)
{
	size_t size = strlen(text);
	char *copy = malloc(size + !size);

	memcpy(copy, text, size);
	sql_read(&facts, dialect, copy, size);
	free(copy);
	return facts.text;
}

#define CHECK_SQL(text, expected) CHECK_STR(shown(SQL_POSTGRES, text), expected)
#define CHECK_MYSQL(text, expected) CHECK_STR(shown(SQL_MYSQL, text), expected)

TEST(literals_become_marks)
{
	CHECK_SQL("SELECT 1, 'two', 3.5e-7, 0x1F, a FROM t", "SELECT ?, a FROM t");
	CHECK_SQL("SELECT  a,\n\tb FROM t WHERE x=-5 AND y='it''s'",
		"SELECT a, b FROM t WHERE x =- ? AND y = ?");
	CHECK_SQL("SELECT * FROM t WHERE id IN (1, 2,3, 'x')", "SELECT * FROM t WHERE id IN(?)");
	CHECK_SQL("SELECT * FROM t WHERE id IN ($1, $2)", "SELECT * FROM t WHERE id IN($1, $2)");
	CHECK_SQL("INSERT INTO t (a, b) VALUES (1, 'x'), (2, NULL)",
		"INSERT INTO t(a, b) VALUES(?), (?, NULL)");
	CHECK_SQL("SELECT '[1,2]'::vector(3), '5'::int", "SELECT ?::vector(?), ?::int");
	CHECK_SQL("SELECT 'a' 'b' \n 'c'", "SELECT ?");
	CHECK_SQL("", "");
	CHECK_SQL("   ", "");
}

TEST(every_quoting_of_postgres)
{
	CHECK_SQL("SELECT E'it\\'s SECRET', x", "SELECT ?, x");
	CHECK_SQL("SELECT e'\\\\', x", "SELECT ?, x");
	CHECK_SQL("SELECT B'01', X'ff', N'SECRET', U&'SECRET'", "SELECT ?, U & ?");
	CHECK_SQL("SELECT $$SECRET's$$, $a1$ $$SECRET$$ $a1$, x", "SELECT ?, x");
	CHECK_SQL("SELECT $tag$SECRET", "SELECT ?");
	CHECK_SQL(
		"SELECT \"Column\" FROM \"My\"\"Table\"", "SELECT \"Column\" FROM \"My\"\"Table\"");
	CHECK_SQL("SELECT a$b, \xc3\xa9t\xc3\xa9 FROM t", "SELECT a$b, \xc3\xa9t\xc3\xa9 FROM t");
}

TEST(where_the_quoting_is_in_doubt_the_rest_is_data)
{
	/* an end of the string, or not: by standard_conforming_strings */
	CHECK_SQL("INSERT INTO t VALUES ('C:\\', 'SECRET')", "INSERT INTO t VALUES(?");
	CHECK_SQL("SELECT 'a\\'' , SECRET, '", "SELECT ?");
	CHECK_SQL("SELECT 'C:\\dir', 'a\\\\', x", "SELECT ?, x");
	CHECK_STR(shown(SQL_MYSQL_PLAIN, "SELECT 'it\\'s SECRET', x"), "SELECT ?");
}

TEST(unterminated_text_is_data)
{
	CHECK_SQL("SELECT 'SECRET", "SELECT ?");
	CHECK_SQL("SELECT E'SECRET\\", "SELECT ?");
	CHECK_SQL("SELECT \"SECRET", "SELECT ?");
	CHECK_SQL("SELECT 1 /* SECRET", "SELECT ?");
	CHECK_SQL("SELECT 1 /* SECRET *", "SELECT ?");
	CHECK_SQL("SELECT 1 -- SECRET", "SELECT ?");
	CHECK_SQL("SELECT E'", "SELECT ?");
	CHECK_SQL("SELECT $", "SELECT $");
	CHECK_SQL("SELECT $1", "SELECT $1");
}

TEST(comments_are_left_out)
{
	CHECK_SQL("SELECT a -- SECRET 'x\n, b", "SELECT a, b");
	CHECK_SQL("SELECT a /* SECRET /* ' */ SECRET */ + b", "SELECT a + b");
	CHECK_SQL("SELECT 1+-- SECRET\n2*/* SECRET */3", "SELECT ? + ? * ?");
	CHECK_SQL("/* SECRET */ SELECT 1", "SELECT ?");
	CHECK_SQL("SELECT a--SECRET\n", "SELECT a");
	CHECK_SQL("SELECT 1e-- SECRET\n, a", "SELECT ?, a");
}

TEST(mysql_has_rules_of_its_own)
{
	CHECK_MYSQL(
		"SELECT \"SECRET\", 'it\\'s SECRET', `col` FROM `t`", "SELECT ?, `col` FROM `t`");
	CHECK_STR(facts.table, "t");
	CHECK_MYSQL("SELECT 1 # SECRET '\n, a", "SELECT ?, a");
	CHECK_MYSQL("SELECT 5--3, 'a\nSECRET'", "SELECT ? -- ?");
	CHECK_MYSQL("SELECT 1 -- SECRET\n, a", "SELECT ?, a");
	CHECK_MYSQL("SELECT 1 /* SECRET /* */, a", "SELECT ?, a");
	CHECK_MYSQL("SELECT $$ 'SECRET $$ SECRET' , a", "SELECT $ $ ?, a");
	CHECK_MYSQL("SELECT * FROM t LIMIT 10, 5", "SELECT * FROM t LIMIT ?");
	CHECK_EQ(facts.limit, 5);
	CHECK_MYSQL("SELECT a FROM t ORDER BY VEC_DISTANCE_COSINE(v, x'00') LIMIT 3",
		"SELECT a FROM t ORDER BY VEC_DISTANCE_COSINE(v, ?) LIMIT ?");
	CHECK_STR(facts.vector_operator, "VEC_DISTANCE_COSINE");
}

TEST(operation_table_and_limit)
{
	shown(SQL_POSTGRES, "select * from public.items i join x on true limit 7");
	CHECK_STR(facts.operation, "SELECT");
	CHECK_STR(facts.table, "items");
	CHECK_EQ(facts.limit, 7);
	shown(SQL_POSTGRES, "SELECT extract(epoch FROM day), (SELECT 1 FROM inner_t) FROM outer_t");
	CHECK_STR(facts.table, "inner_t");
	shown(SQL_POSTGRES, "CREATE TABLE IF NOT EXISTS docs (id int)");
	CHECK_STR(facts.table, "docs");
	shown(SQL_POSTGRES, "CREATE INDEX CONCURRENTLY i ON docs USING hnsw (v)");
	CHECK_STR(facts.table, "docs");
	shown(SQL_POSTGRES, "TRUNCATE TABLE docs");
	CHECK_STR(facts.table, "docs");
	shown(SQL_POSTGRES, "DELETE FROM ONLY docs WHERE id = 1");
	CHECK_STR(facts.table, "docs");
	shown(SQL_POSTGRES, "(SELECT 1) UNION (SELECT 2)");
	CHECK_STR(facts.operation, "SELECT");
	CHECK_STR(facts.table, "");
	CHECK_EQ(facts.limit, -1);
	shown(SQL_POSTGRES, "SELECT a FROM t LIMIT $12");
	CHECK_EQ(facts.limit_parameter, 12);
	shown(SQL_POSTGRES, "SELECT a FROM t LIMIT ALL");
	CHECK_EQ(facts.limit, -1);
}

TEST(vector_operators)
{
	static const char *const operators[] = {"<->", "<=>", "<#>", "<+>", "<~>", "<%>"};
	char text[128];

	for (size_t i = 0; i < sizeof(operators) / sizeof(*operators); i++) {
		snprintf(text, sizeof(text), "SELECT id FROM docs ORDER BY v %s'[1]' LIMIT 5",
			operators[i]);
		shown(SQL_POSTGRES, text);
		CHECK_STR(facts.vector_operator, operators[i]);
		CHECK_EQ(facts.limit, 5);
	}
	shown(SQL_POSTGRES, "SELECT a <> b, '<->' FROM t");
	CHECK_STR(facts.vector_operator, "");
}

TEST(what_is_no_statement_is_not_shown)
{
	CHECK_SQL("sk-SECRET", "?");
	CHECK_SQL("SECRETWORD FROM t", "?");
	CHECK_SQL("'SECRET'", "?");
	CHECK_STR(facts.operation, "");
	CHECK_SQL("SET app.token = SECRET", "SET app.token = ?");
	CHECK_SQL("SET SESSION app.token TO SECRET", "SET SESSION app.token TO ?");
	CHECK_SQL("SELECT * FROM t WHERE name = \"SECRET\"", "SELECT * FROM t WHERE name = ?");
	CHECK_SQL("SELECT * FROM a, b WHERE a.id = \"b\".\"id\"",
		"SELECT * FROM a, b WHERE a.id = \"b\".\"id\"");
	CHECK_SQL("SELECT SECRETSECRETSECRETSECRETSECRETSECRETSECRETSECRETSECRETSECRETSECRETSECRET",
		"SELECT ?");
}

TEST(long_statements_keep_their_limit)
{
	size_t size = 100000, used;
	char *text = malloc(size + 64);

	used = (size_t)sprintf(text, "SELECT id FROM docs ORDER BY v <=> '[");
	while (used < size)
		used += (size_t)sprintf(text + used, "0.123,");
	sprintf(text + used, "1]' LIMIT 4");
	CHECK_SQL(text, "SELECT id FROM docs ORDER BY v <=> ? LIMIT ?");
	CHECK_EQ(facts.limit, 4);
	used = (size_t)sprintf(text, "SELECT id FROM docs WHERE ");
	while (used < size)
		used += (size_t)sprintf(text + used, "a = 'SECRET' OR ");
	shown(SQL_POSTGRES, text);
	CHECK(strlen(facts.text) < SQL_TEXT && strlen(facts.text) > SQL_TEXT - 16);
	free(text);
}

/* Cut anywhere, a statement shows nothing of its literals. */
TEST(no_prefix_leaks)
{
	static const char *const texts[] = {
		"SELECT 'SECRET', E'\\'SECRET', $$SECRET$$, $q$SECRET$q$, X'SECRET' -- SECRET\n"
		"/* SECRET /* SECRET */ SECRET */ , \"col\" FROM t WHERE a='SECRET'::text LIMIT 5",
		"INSERT INTO t VALUES ('SECRET\\\\', 'x''SECRET', '\\'SECRET', SECRET)",
	};

	for (size_t i = 0; i < 2; i++) {
		for (size_t size = 0; size <= strlen(texts[i]); size++) {
			sql_read(&facts, SQL_POSTGRES, texts[i], size);
			CHECK(!strstr(facts.text, "SEC"));
		}
	}
}

UNIT_MAIN
