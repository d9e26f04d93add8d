/* SPDX-License-Identifier: Apache-2.0 */
/* Operation classes: patterns, files of rules and their errors, the rules that are built in. */
#include "decoder/class_rules.h"
#include "lib/words.h"
#include "protocols/exchange.h"
#include "tests/unit/decoder_trace.h"

TEST(patterns_fit_as_a_whole)
{
	static const struct {
		const char *glob, *text;
		bool fits;
	} cases[] = {
		{"*", "", true},
		{"", "", true},
		{"", "a", false},
		{"a?c", "abc", true},
		{"a?c", "ac", false},
		{"*/embed", "/v1/embed", true},
		{"*/embed", "/v1/embeddings", false},
		{"*ab*ab", "xabab", true},
		{"*ab*ab", "xab", false},
		{"A*Z", "a-to-z", true},
		{"a*b*c*d", "aXbXcX", false},
		{"**", "x", true},
		{"[ab]", "a", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (class_glob(cases[i].glob, cases[i].text) != cases[i].fits)
			printf("%s against %s\n", cases[i].glob, cases[i].text);
		CHECK_EQ(class_glob(cases[i].glob, cases[i].text), cases[i].fits);
	}
}

/* ---- files ---- */

static int parse_as(struct class_rules *rules, const char *text, bool shipped, char *error)
{
	struct class_rules_error why = {{0}};
	int err = class_rules_parse(rules, "my.yaml", text, strlen(text), shipped, &why);

	strcpy(error, why.text);
	return err;
}

static void check_error(const char *text, const char *expected)
{
	struct class_rules rules = {0};
	char error[512];

	CHECK_EQ(parse_as(&rules, text, false, error), -1);
	if (!strstr(error, expected))
		printf("'%s' is not in '%s'\n", expected, error);
	CHECK(strstr(error, expected) != NULL);
	class_rules_free(&rules);
}

TEST(a_bad_file_is_told_by_line_and_key)
{
	check_error("- id: a\n  path: x\n  class: llm\n",
		"my.yaml:3: key 'class' of rule 'a': there is no class 'llm'; try one of "
		"query_classification");
	check_error("- id: a\n  class: reranking\n  hots: x\n",
		"my.yaml:3: unknown key 'hots'; try id, class, or what to look at: name, function");
	check_error("- path: x\n  class: reranking\n", "my.yaml:1: a rule without the key 'id'");
	check_error("- id: a\n  path: x\n", "my.yaml:1: rule 'a' has no key 'class'");
	check_error("- id: a\n  class: none\n  path: x\n", "there is no class 'none'");
	check_error("- id: a\n  class: reranking\n", "my.yaml:1: rule 'a' would fit everything");
	check_error("- id: a\n  id: b\n", "my.yaml:2: key 'id' stands twice");
	check_error("- id: [a]\n", "my.yaml:1: key 'id' has no word");
	check_error("- id: a\n  class: reranking\n  path: {b: c}\n",
		"key 'path' of rule 'a' needs a pattern");
	check_error("- id: a\n  class: reranking\n  path: []\n",
		"key 'path' of rule 'a' needs a pattern");
	check_error("- id: a\n  class: reranking\n  path: [x, [y]]\n", "needs a pattern");
	check_error("- id: a\n  class: reranking\n  path: x\n- id: a\n  class: reranking\n",
		"my.yaml:4: key 'id': there is a rule 'a' in line 1");
	check_error("a: b\n", "my.yaml:1: not a list of rules");
	check_error("- a\n", "my.yaml:1: not a rule");
	check_error("- id: a\n  path: */b\n", "my.yaml:2: not YAML");
	check_error("- id: a\n  path: \"x\n", "not YAML");
}

TEST(a_file_of_comments_is_none)
{
	struct class_rules rules = {0};
	char error[512];

	CHECK_EQ(parse_as(&rules, "# nothing yet\n", false, error), 0);
	CHECK_EQ(parse_as(&rules, "", false, error), 0);
	CHECK_EQ(rules.count, 0);
	class_rules_free(&rules);
}

/* ---- who decides ---- */

static const char *picked(
	const struct class_rules *rules, const struct class_facts *facts, uint32_t given)
{
	const struct class_rule *rule = class_rules_pick(rules, facts, given);

	return rule ? rule->id : "-";
}

TEST(users_override_parsers_and_shipped_rules_fill_in)
{
	struct class_rules rules = {0};
	struct class_facts facts = {
		.text = {[CLASS_FIELD_path] = "/score", [CLASS_FIELD_host] = "rank.example.com"}};
	char error[512];

	CHECK_EQ(parse_as(&rules,
			 "- id: mine\n  path: ['*/score', '*/rank']\n  host: rank.*\n"
			 "  class: reranking\n",
			 false, error),
		0);
	CHECK_EQ(parse_as(&rules, "- id: theirs\n  path: /s*\n  class: retrieval\n", true, error),
		0);
	CHECK_STR(picked(&rules, &facts, RT_CLASS_none), "mine");
	CHECK_STR(picked(&rules, &facts, RT_CLASS_llm_generation), "mine");
	/* every key must fit */
	facts.text[CLASS_FIELD_host] = NULL;
	CHECK_STR(picked(&rules, &facts, RT_CLASS_none), "theirs");
	CHECK_STR(picked(&rules, &facts, RT_CLASS_api_call), "theirs");
	CHECK_STR(picked(&rules, &facts, RT_CLASS_llm_generation), "-");
	class_rules_free(&rules);
}

TEST(modules_and_files_are_known_by_their_last_part)
{
	struct class_rules rules = {0};
	struct class_facts facts = {.text = {[CLASS_FIELD_module] = "/opt/venv/libfaiss.so"}};
	char error[512];

	CHECK_EQ(parse_as(&rules,
			 "- {id: part, module: libfaiss*, class: vector_search}\n"
			 "- {id: whole, module: /opt/*/other.so, class: vector_search}\n",
			 false, error),
		0);
	CHECK_STR(picked(&rules, &facts, 0), "part");
	facts.text[CLASS_FIELD_module] = "/opt/libfaiss/a.so";
	CHECK_STR(picked(&rules, &facts, 0), "-");
	facts.text[CLASS_FIELD_module] = "/opt/x/other.so";
	CHECK_STR(picked(&rules, &facts, 0), "whole");
	class_rules_free(&rules);
}

/* ---- the rules that are built in ---- */

TEST(built_in_rules_know_their_things)
{
	static const struct {
		enum class_field field;
		const char *text;
		uint32_t class;
	} cases[] = {
		{CLASS_FIELD_path, "/collections/{id}/points/search", RT_CLASS_vector_search},
		{CLASS_FIELD_path, "/collections/{id}/points", RT_CLASS_database_query},
		{CLASS_FIELD_path, "/api/v2/tenants/t/databases/d/collections/{id}/query",
			RT_CLASS_vector_search},
		{CLASS_FIELD_path, "/v2/vectordb/entities/search", RT_CLASS_vector_search},
		{CLASS_FIELD_path, "/v2/vectordb/entities/insert", RT_CLASS_database_query},
		{CLASS_FIELD_path, "/docs/_search", RT_CLASS_retrieval},
		{CLASS_FIELD_path, "/qdrant.Points/Search", RT_CLASS_vector_search},
		{CLASS_FIELD_path, "/milvus.proto.milvus.MilvusService/Search",
			RT_CLASS_vector_search},
		{CLASS_FIELD_path, "/internal/rerank", RT_CLASS_reranking},
		{CLASS_FIELD_path, "/internal/embeddings", RT_CLASS_embedding_generation},
		{CLASS_FIELD_path, "/gateway/chat/completions", RT_CLASS_llm_generation},
		{CLASS_FIELD_path, "/v1/moderations", RT_CLASS_query_classification},
		{CLASS_FIELD_host, "cdn-lfs.huggingface.co", RT_CLASS_model_load},
		{CLASS_FIELD_host, "api.tavily.com", RT_CLASS_retrieval},
		{CLASS_FIELD_function, "faiss::IndexFlat::search(long, float const*)",
			RT_CLASS_vector_search},
		{CLASS_FIELD_function, "hnswlib::HierarchicalNSW<float>::searchKnn(void const*)",
			RT_CLASS_vector_search},
		{CLASS_FIELD_function, "llama_decode", RT_CLASS_llm_generation},
		{CLASS_FIELD_function, "llama_model_load_from_file", RT_CLASS_model_load},
		{CLASS_FIELD_function, "sqlite3_step", RT_CLASS_database_query},
		{CLASS_FIELD_function, "onnxruntime::InferenceSession::Run(OrtRunOptions const&)",
			RT_CLASS_embedding_generation},
		{CLASS_FIELD_file, "/models/tiny.Q4_K_M.gguf", RT_CLASS_model_load},
		{CLASS_FIELD_file, "/models/model-00001-of-00002.safetensors", RT_CLASS_model_load},
		/* and leave others alone */
		{CLASS_FIELD_path, "/v1/users/{id}", RT_CLASS_none},
		{CLASS_FIELD_path, "/health", RT_CLASS_none},
		{CLASS_FIELD_host, "api.example.com", RT_CLASS_none},
		{CLASS_FIELD_function, "research(int)", RT_CLASS_none},
		{CLASS_FIELD_file, "/etc/hosts", RT_CLASS_none},
		{CLASS_FIELD_file, "/usr/lib/python3/site-packages/distutils-precedence.pth",
			RT_CLASS_none},
	};
	struct class_rules rules;
	struct class_rules_error why = {{0}};

	setenv("RAGTIME_CLASSES", "", 1);
	CHECK_EQ(class_rules_load(&rules, &why), 0);
	CHECK_STR(why.text, "");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct class_facts facts = {{NULL}};
		const struct class_rule *rule;

		facts.text[cases[i].field] = cases[i].text;
		rule = class_rules_pick(&rules, &facts, RT_CLASS_none);
		if ((rule ? rule->class : 0) != cases[i].class)
			printf("%s: rule %s\n", cases[i].text, rule ? rule->id : "-");
		CHECK_EQ(rule ? rule->class : 0, cases[i].class);
	}
	class_rules_free(&rules);
}

TEST(the_users_file_stands_before_them)
{
	struct class_rules rules;
	struct class_rules_error why = {{0}};
	char folder[] = "/tmp/classes-XXXXXX", path[64];
	FILE *file;

	CHECK(mkdtemp(folder) != NULL);
	snprintf(path, sizeof(path), "%s/my.yaml", folder);
	file = fopen(path, "w");
	fputs("- {id: mine, path: /x, class: retrieval}\n", file);
	fclose(file);
	setenv("RAGTIME_CLASSES", path, 1);
	CHECK_EQ(class_rules_load(&rules, &why), 0);
	CHECK_EQ(rules.file_count, 2);
	CHECK_STR(rules.rules[0].id, "mine");
	CHECK(!rules.files[0].shipped && rules.files[1].shipped);
	class_rules_free(&rules);
	unlink(path);
	/* named, and not there: an error; in its usual place it may be missing */
	CHECK_EQ(class_rules_load(&rules, &why), -1);
	CHECK(strstr(why.text, "No such file") && strstr(why.text, path));
	unsetenv("RAGTIME_CLASSES");
	setenv("XDG_CONFIG_HOME", folder, 1);
	CHECK_EQ(class_rules_load(&rules, &why), 0);
	CHECK_EQ(rules.file_count, 1);
	class_rules_free(&rules);
	rmdir(folder);
}

/* ---- in a database ---- */

static void put_request(struct trace_maker *maker, uint32_t class, const char *name,
	const char *key, const char *value)
{
	static struct exchange exchange;

	exchange = (struct exchange){.protocol = "http1",
		.class = class,
		.thread = 1,
		.begin = TRACE_START + 100,
		.end = TRACE_START + 200};
	exchange_name(&exchange, "%s", name);
	exchange_string(&exchange, key, value);
	pack_exchange(maker->pack, 1, 5, &exchange);
}

static const char *told(sqlite3 *db, const char *column, const char *name)
{
	char sql[400];

	snprintf(sql, sizeof(sql),
		"SELECT %s FROM span s JOIN operation o ON o.id = s.operation"
		" LEFT JOIN attribute a ON a.span = s.id AND a.key = 'ragtime.class_rule'"
		" LEFT JOIN attribute g ON g.span = s.id AND g.key = 'ragtime.class_given'"
		" WHERE o.name = '%s'",
		column, name);
	return sql_text(db, sql);
}

TEST(requests_say_which_rule_decided)
{
	struct class_rules rules = {0};
	struct trace_maker maker = trace_begin("classes");
	char error[512];
	sqlite3 *db;

	CHECK_EQ(parse_as(&rules,
			 "- {id: mine, model: ranker*, class: reranking}\n"
			 "- {id: embedder, function: embed_*, class: embedding_generation}\n",
			 false, error),
		0);
	CHECK_EQ(
		parse_as(&rules, "- {id: built, path: /rank, class: reranking}\n", true, error), 0);
	maker.rules = &rules;
	put_request(
		&maker, RT_CLASS_llm_generation, "overridden", "gen_ai.request.model", "ranker-2");
	put_request(&maker, RT_CLASS_api_call, "filled", "url.template", "/rank");
	put_request(&maker, RT_CLASS_llm_generation, "dialect", "gen_ai.provider.name", "openai");
	put_request(&maker, RT_CLASS_reranking, "gateway", "gen_ai.operation.name", "rerank");
	put_request(&maker, RT_CLASS_vector_search, "store", "db.system.name", "qdrant");
	put_request(&maker, RT_CLASS_api_call, "plain", "url.template", "/health");
	put_request(&maker, RT_CLASS_none, "nobody", "url.template", "/x");
	pack_operation(maker.pack, RT_KIND_FUNCTION, "embed_all(int)", "/opt/e.so", "embed_all");
	db = trace_decode(&maker, TRACE_ALL);
	CHECK_STR(told(db, "a.value", "overridden"), "mine");
	CHECK_STR(told(db, "g.value", "overridden"), "llm_generation");
	CHECK_STR(told(db, "o.class", "overridden"), "5");
	CHECK_STR(told(db, "a.value", "filled"), "built");
	CHECK_STR(told(db, "o.class", "filled"), "5");
	CHECK_STR(told(db, "a.value", "dialect"), "dialect openai");
	CHECK_STR(told(db, "o.class", "dialect"), "6");
	CHECK_STR(told(db, "a.value", "gateway"), "dialect of an unknown provider");
	CHECK_STR(told(db, "a.value", "store"), "dialect qdrant");
	CHECK_STR(told(db, "a.value", "plain"), "protocol http1");
	CHECK_STR(told(db, "COALESCE(a.value, 'none')", "nobody"), "none");
	CHECK_EQ(sql_number(db, "SELECT class FROM operation WHERE name = 'embed_all(int)'"),
		RT_CLASS_embedding_generation);
	/* and the rules are there to be read again */
	CHECK_EQ(sql_number(db, "SELECT COUNT(*) FROM rule"), 3);
	CHECK_STR(sql_text(db,
			  "SELECT id || ' ' || field || ' ' || pattern FROM rule"
			  " WHERE place = 3"),
		"built path /rank");
	CHECK_STR(sql_text(db, "SELECT path FROM rule_file WHERE shipped = 0"), "my.yaml");
	CHECK_EQ(sql_number(db, "SELECT MIN(LENGTH(hash)) FROM rule_file"), 16);
	trace_end(&maker, db);
	class_rules_free(&rules);
}

UNIT_MAIN
