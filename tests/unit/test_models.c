/* SPDX-License-Identifier: Apache-2.0 */
/* Exchanges told by those before them come out as they went in: facts, their order, and moments. */
#include "protocols/exchange.h"
#include "tests/unit/trace_fixture.h"

#define EXCHANGES 20000

static struct trace_reader *reader;
static struct trace_batch batch;
static size_t at, fact_at; /* in the batch */
static uint64_t shared;	   /* exchanges that are like another */

static uint64_t hash(void *context, const void *bytes, size_t size)
{
	(void)context;
	(void)bytes;
	return size;
}

static struct pack *pack;

static void done(void *context, const struct exchange *exchange)
{
	(void)context;
	pack_exchange(pack, 3, 7, exchange);
}

static struct exchange_host host = {.done = done, .hash = hash};

static const char *const names[] = {"GET /items/{id}", "POST /orders", "SELECT items", "GET /"};

/* What the number-th exchange is; every third of a name has a value of its own, some a fact more.
 */
static void make(unsigned number)
{
	struct proto_piece piece = {.ticks = 5000000000 + number * 700ull, .thread = 1};
	struct exchange *exchange = exchange_begin(&host, "http1", PROTO_IN, &piece);
	unsigned name = number * 7 % 4;
	char text[32];

	exchange_name(exchange, "%s", names[name]);
	exchange_string(exchange, "http.request.method", name == 1 ? "POST" : "GET");
	exchange_int(exchange, "http.response.status_code", number % 3 ? 200 : 200 + number % 300);
	snprintf(text, sizeof(text), "req %u", number % 11 ? 1 : number);
	exchange_string(exchange, "ragtime.request_id", text);
	exchange_hash(exchange, "ragtime.request_hash", number % 5 ? 9 : number);
	exchange_bool(exchange, "gen_ai.request.stream", number % 13 == 0);
	exchange_double(exchange, "ragtime.x", number % 17 ? 0.5 : number);
	if (number % 19 == 0)
		exchange_int(exchange, "ragtime.k", number);
	exchange->first_byte = number % 23 ? piece.ticks + number : piece.ticks - 1;
	exchange->request_end = piece.ticks;
	exchange_end(exchange, piece.ticks + 2 * number);
}

static const Ragtime__Raw__Fact *next_fact(const char *key)
{
	const Ragtime__Raw__Fact *fact =
		fact_at < batch.tables->n_facts ? batch.tables->facts[fact_at++] : NULL;

	CHECK(fact && fact->exchange == at);
	CHECK_STR(trace_text(&batch, fact->key), key);
	return fact;
}

static const Ragtime__Raw__Exchange *next_exchange(void)
{
	at++;
	while (!batch.tables || at >= batch.tables->n_exchanges) {
		CHECK(!batch.tables || fact_at == batch.tables->n_facts);
		CHECK_EQ(trace_reader_next(reader, &batch), 1);
		at = fact_at = 0;
	}
	shared += batch.tables->exchanges[at]->like != 0;
	return batch.tables->exchanges[at];
}

static void compare(unsigned number)
{
	const Ragtime__Raw__Exchange *exchange = next_exchange();
	uint64_t begin = 5000000000 + number * 700ull;
	unsigned name = number * 7 % 4;
	char text[32];

	CHECK_STR(trace_text(&batch, exchange->name), names[name]);
	CHECK_STR(trace_text(&batch, exchange->protocol), "http1");
	CHECK(exchange->begin_ticks == begin && exchange->request_end_ticks == begin);
	CHECK_EQ(exchange->first_byte_ticks, number % 23 ? begin + number : begin - 1);
	CHECK(exchange->end_ticks == begin + 2 * number && !exchange->first_token_ticks);
	CHECK_STR(trace_text(&batch, next_fact("http.request.method")->text),
		name == 1 ? "POST" : "GET");
	CHECK_EQ(next_fact("http.response.status_code")->number,
		number % 3 ? 200 : 200 + number % 300);
	snprintf(text, sizeof(text), "req %u", number % 11 ? 1 : number);
	CHECK_STR(trace_text(&batch, next_fact("ragtime.request_id")->text), text);
	snprintf(text, sizeof(text), "%016x", number % 5 ? 9 : number);
	CHECK_STR(trace_text(&batch, next_fact("ragtime.request_hash")->text), text);
	CHECK_EQ(next_fact("gen_ai.request.stream")->number, number % 13 == 0);
	CHECK(next_fact("ragtime.x")->real == (number % 17 ? 0.5 : number));
	if (number % 19 == 0)
		CHECK_EQ(next_fact("ragtime.k")->number, number);
}

TEST(what_is_alike_comes_out_whole)
{
	const char *path = fixture_path("models");
	struct pack_process process = {
		.id = 1, .pid = 77, .birth = RT_BIRTH_LAUNCH, .program = "/usr/bin/x"};
	struct pack_thread thread = {.id = 1, .process = 1, .tid = 77, .name = "t"};

	struct trace_writer *writer = fixture_writer(path, 0);

	pack = fixture_pack(writer, NULL, NULL);
	pack_process(pack, &process);
	pack_thread(pack, &thread);
	for (unsigned i = 0; i < EXCHANGES; i++) {
		make(i);
		if (i % 900 == 899)
			CHECK_EQ(pack_flush(pack), 0);
	}
	fixture_finish(pack, writer);
	reader = fixture_open(path);
	for (unsigned i = 0; i < EXCHANGES; i++)
		compare(i);
	CHECK(shared > EXCHANGES / 2);
	trace_reader_free(reader);
	unlink(path);
}

UNIT_MAIN
