/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing planted comes through; ordinary text does, to the byte. */
#include "loader/stream/redact.h"
#include "loader/stream/texts.h"
#include "tests/unit/unit.h"

static void check(enum redact_kind kind, const char *text, const char *wanted)
{
	struct buf out = {0};

	redact_text(kind, text, strlen(text), &out);
	CHECK_STR(buf_string(&out), wanted);
	buf_free(&out);
}

TEST(ordinary_paths_stay)
{
	static const char *const paths[] = {"/usr/lib/x86_64-linux-gnu/libstdc++.so.6.0.30",
		"/usr/lib/python3.11/site-packages/sklearn/_cyutility.cpython-311-x86_64-linux-gnu.so",
		"/home/anna/.cache/huggingface/hub/models--sentence-transformers--all-MiniLM-L6-v2",
		"/opt/conda/lib/python3.12/site-packages/nvidia_cublas_cu12-12.1.3.1.dist-info/METADATA",
		"/srv/node_modules/@babel/helper-compilation-targets/lib/index.js",
		"/proc/self/fd/12", "/dev/shm/sem.loky-4711", "/tmp/tmpa8f3k2_x/data.parquet",
		"torch-2.3.1+cu121-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
		"/data/year=2024/month=05/part-00017.snappy.parquet",
		"/usr/share/zoneinfo/America/Argentina/ComodRivadavia", "/etc/ssl/private/key.pem",
		"/var/lib/postgresql/15/main/base/16384/2619",
		"libcublasLtComputeKernelsForTransformer.so", "C:/a file with spaces?.txt",
		"/home/\xc3\xbcnal/\xe6\x96\x87\xe4\xbb\xb6.txt", "./relative/../path", "", "/"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		check(REDACT_PATH, paths[i], paths[i]);
	check(REDACT_HOST, "api.openai.com", "api.openai.com");
	check(REDACT_HOST, "fe80::1ff:fe23:4567:890a", "fe80::1ff:fe23:4567:890a");
	check(REDACT_NAME, "ThreadPoolExecutor-0_3", "ThreadPoolExecutor-0_3");
	check(REDACT_NAME, "asyncio_0", "asyncio_0");
}

TEST(hashes_are_shortened)
{
	check(REDACT_PATH,
		"/hub/blobs/53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
		"/hub/blobs/53aa5117~");
	check(REDACT_PATH, "snapshots/c9745ed1d9f207416be6d2e6f8de32d1f16199bf/model.safetensors",
		"snapshots/c9745ed1~/model.safetensors");
	check(REDACT_PATH, "/tmp/systemd-private-d3c0b0e0f2b64a1ab0c7e9c3a3f2d1e5-ntp.service",
		"/tmp/systemd-private-d3c0b0e0~-ntp.service");
}

TEST(secrets_go)
{
	check(REDACT_PATH, "/tmp/sk-proj-Abc123/x", "/tmp/***/x");
	check(REDACT_PATH, "/run/sk-1234567890abcdef1234567890abcdef.lock", "/run/***");
	check(REDACT_PATH, "cache-ghp_16C7e42F292c6912E7710c838347Ae178B4a", "***");
	check(REDACT_PATH, "/a/AKIAIOSFODNN7EXAMPLE/b", "/a/***/b");
	check(REDACT_PATH,
		"/s/eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmN",
		"/s/***");
	check(REDACT_PATH, "/cfg/api_key=hunter2/x", "/cfg/api_key=***/x");
	check(REDACT_PATH, "/cfg/PASSWORD=hunter2&user=me", "/cfg/PASSWORD=***&user=me");
	check(REDACT_NAME, "worker token:s3cr3t go", "worker token:*** go");
	check(REDACT_NAME, "Authorization: Bearer abc.def", "Authorization: Bearer ***");
	check(REDACT_NAME, "secret=", "secret=");
	check(REDACT_NAME, "pwd='open", "pwd='***");
	check(REDACT_PATH, "/get?user=1&sig=2", "/get?***");
	check(REDACT_PATH, "/lib/a8Kd93jXq0Lm2Nv7Rt5Yw1Zb/x", "/lib/***/x");
	check(REDACT_HOST, "postgresql://rag:pa55@db.internal:5432/rag?sslmode=require",
		"postgresql://***@db.internal:5432/rag?***");
	check(REDACT_HOST, "rag:pa55@db.internal", "***@db.internal");
	check(REDACT_PATH, "redis://:p@ss@cache/0", "redis://***@cache/0");
	check(REDACT_PATH, "/dsn/user:pass@host/db", "/dsn/***@host/db");
	check(REDACT_HOST, "https://example.com?x", "https://example.com?***");
	check(REDACT_PATH, "host=db password='hun ter' x", "host=db password='***' x");
}

TEST(statements_keep_their_shape)
{
	static const char *const statements[] = {"SELECT ? FROM t WHERE a = ? AND b = ? LIMIT ?",
		"SELECT token::uuid, key2 FROM session_2024",
		"UPDATE \"user\" SET password = $1, api_key_v2 = sha256(auth.token) WHERE id = $2",
		"SELECT a.token FROM a JOIN b ON a.token = b.token",
		"INSERT INTO oauth2_tokens VALUES (?)",
		"SELECT id, l2_distance(embedding, ?) FROM sessions_v2", "GRANT SELECT ON t TO u@h",
		""};

	for (size_t i = 0; i < sizeof(statements) / sizeof(*statements); i++)
		check(REDACT_STATEMENT, statements[i], statements[i]);
	check(REDACT_STATEMENT, "SELECT SECRET_x7f3k FROM t", "SELECT *** FROM t");
	check(REDACT_STATEMENT, "select sk-proj-9fK2mQ8xL1 from t", "select *** from t");
	check(REDACT_STATEMENT, "SELECT \"ghp_16C7e42F292c6912E771\".x FROM t",
		"SELECT \"***\".x FROM t");
	check(REDACT_STATEMENT, "DROP TABLE a8Kd93jXq0Lm2Nv7Rt5Yw1Zb", "DROP TABLE ***");
	check(REDACT_STATEMENT, "USE c9745ed1d9f207416be6d2e6f8de32d1f16199bf", "USE c9745ed1~");
}

TEST(content_loses_credentials_alone)
{
	static const char *const texts[] = {"What is a key-value store?\n\tTell me in 3 words.",
		"{\"messages\":[{\"role\":\"user\",\"content\":\"a@b.c: 1 + 1 = 2\"}],\"max_tokens\":7}",
		"SELECT * FROM keeper WHERE name = 'anna' AND token_count > 12",
		"The author says: basic knowledge, by hand. https://example.com/a?b=c#d", ""};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		check(REDACT_CONTENT, texts[i], texts[i]);
	check(REDACT_CONTENT, "my key is sk-proj-9fK2mQ8xL1, keep it", "my key is ***, keep it");
	check(REDACT_CONTENT, "a\\nsk-1234567890abcdefgh b", "a\\n*** b");
	check(REDACT_CONTENT, "{\"api_key\":\"hunter2\",\"q\":\"x\"}",
		"{\"api_key\":\"***\",\"q\":\"x\"}");
	check(REDACT_CONTENT, "\"{\\\"password\\\": \\\"hunter2\\\"}\"",
		"\"{\\\"password\\\": \\\"***\\\"}\"");
	check(REDACT_CONTENT, "\"secret\": \"a\\\"b\" c", "\"secret\": \"***\" c");
	check(REDACT_CONTENT, "Authorization: Bearer abc.def\nx", "Authorization: ***\nx");
	check(REDACT_CONTENT, "Cookie: a=b; c=d\nx", "Cookie: ***\nx");
	check(REDACT_CONTENT, "with Bearer abcdefgh12 sent", "with Bearer *** sent");
	check(REDACT_CONTENT, "postgresql://rag:pa55@db/x and \"a\"",
		"postgresql://***@db/x and \"a\"");
	check(REDACT_CONTENT, "grant_type=password&password=hunter2&x=1",
		"grant_type=password&password=***&x=1");
	check(REDACT_CONTENT, "CREATE ROLE r PASSWORD 'hunter2'", "CREATE ROLE r PASSWORD '***'");
	check(REDACT_CONTENT, "CREATE USER u IDENTIFIED BY 'hunter2'",
		"CREATE USER u IDENTIFIED BY '***'");
	check(REDACT_CONTENT, "\\npassword: x, \\u00e9sk-1234567890abcdefgh",
		"\\npassword: ***, \\u00e9***");
	check(REDACT_CONTENT, "C:\\AKIAIOSFODNN7EXAMPLE", "C:\\***");
	check(REDACT_CONTENT, "C:\\npm_1234567890abcdefghijkl", "C:\\***");
	check(REDACT_CONTENT, "password=", "password=");
	check(REDACT_CONTENT, "secret: \"", "secret: \"");
	check(REDACT_CONTENT, "\\u00", "\\u00");
	check(REDACT_CONTENT, "\\", "\\");
}

TEST(bytes_that_are_no_text)
{
	check(REDACT_PATH, "/a\nb\x1b[31m\xff\xc0\xaf", "/a?b?[31m???");
	check(REDACT_NAME, "\xe2\x82", "??");
}

/* Every planted secret, wherever it stands in a path. */
TEST(planted_keys_never_pass)
{
	static const char *const keys[] = {"sk-proj-9fK2mQ8xL1", "sk-ant-api03-Zz91",
		"ghp_0123456789abcdefABCDEF", "AKIAABCDEFGHIJ234567", "xoxb-123456789012-abc",
		"hf_AbCdEfGhIjKlMnOpQr", "glpat-A1b2C3d4E5",
		"AIzaSyA1234567890abcdefghijklmnopqrst"};
	static const char *const places[] = {"/%s", "/tmp/%s/x", "a-%s", "%s.json", "/x?k=%s",
		"u:%s@h", "key %s", "[%s]", "x=%s"};

	for (size_t key = 0; key < sizeof(keys) / sizeof(*keys); key++) {
		for (size_t place = 0; place < sizeof(places) / sizeof(*places); place++) {
			struct buf out = {0};
			char text[256];

			snprintf(text, sizeof(text), places[place], keys[key]);
			redact_text(REDACT_PATH, text, strlen(text), &out);
			if (strstr(buf_string(&out), keys[key])) {
				printf("'%s' came through as '%s'\n", text, buf_string(&out));
				unit_failures++;
			}
			buf_free(&out);
		}
	}
}

TEST(remembered_texts)
{
	struct texts *texts = texts_new();
	size_t size;

	CHECK_STR(texts_clean(texts, REDACT_PATH, "/x?a=b", 6, &size), "/x?***");
	CHECK_EQ(size, 6);
	CHECK_STR(texts_clean(texts, REDACT_PATH, "/x?a=b", 6, &size), "/x?***");
	CHECK_STR(texts_clean(texts, REDACT_HOST, "u@h", 3, &size), "***@h");
	CHECK_STR(texts_clean(texts, REDACT_PATH, "u@h", 3, &size), "u@h");
	CHECK_STR(texts_clean(texts, REDACT_PATH, "", 0, &size), "");
	for (int i = 0; i < 100000; i++) {
		char text[32];

		snprintf(text, sizeof(text), "/file/%d", i);
		CHECK_STR(texts_clean(texts, REDACT_PATH, text, strlen(text), &size), text);
	}
	texts_free(texts);
}

UNIT_MAIN
