/* SPDX-License-Identifier: Apache-2.0 */
/* A told span and the exchange that it answers find one another, whichever comes first. */
#include "decoder/answers.h"

#include <stdbool.h>
#include <stdint.h>

#include "tests/unit/unit.h"

static Ragtime__Raw__Told word(uint32_t connection, uint64_t turn, uint64_t ticks, uint64_t span)
{
	Ragtime__Raw__Told told = RAGTIME__RAW__TOLD__INIT;

	told.connection = connection;
	told.position = turn;
	told.ticks = ticks;
	told.span = span;
	return told;
}

static Ragtime__Raw__Exchange exchange(
	uint32_t connection, uint32_t sequence, uint64_t begin, uint64_t end)
{
	Ragtime__Raw__Exchange found = RAGTIME__RAW__EXCHANGE__INIT;

	found.connection = connection;
	found.sequence = sequence;
	found.begin_ticks = begin;
	found.end_ticks = end;
	found.server = true;
	return found;
}

static int64_t say(struct answers *answers, Ragtime__Raw__Told told)
{
	return answers_word(answers, &told);
}

static uint64_t see(struct answers *answers, Ragtime__Raw__Exchange found, int64_t row)
{
	return answers_exchange(answers, &found, row);
}

TEST(by_time)
{
	struct answers *answers = answers_new();

	CHECK(say(answers, word(1, 0, 150, 7)) == 0);
	CHECK(see(answers, exchange(1, 0, 100, 140), 50) == 0);
	CHECK(see(answers, exchange(2, 0, 100, 200), 51) == 0);
	CHECK(see(answers, exchange(1, 1, 145, 200), 52) == 7);
	CHECK(see(answers, exchange(1, 2, 145, 200), 53) == 0); /* once */
	answers_free(answers);
}

TEST(late)
{
	struct answers *answers = answers_new();

	CHECK(see(answers, exchange(3, 0, 100, 140), 60) == 0);
	CHECK(see(answers, exchange(3, 1, 150, 190), 61) == 0);
	CHECK(say(answers, word(3, 0, 195, 8)) == 0);
	CHECK(say(answers, word(3, 0, 120, 9)) == 60);
	CHECK(say(answers, word(3, 0, 120, 10)) == 0); /* once */
	CHECK(say(answers, word(3, 0, 151, 11)) == 61);
	answers_free(answers);
}

/* Several at a time: the turn decides. */
TEST(pipelined)
{
	struct answers *answers = answers_new();

	CHECK(say(answers, word(4, 2, 103, 20)) == 0);
	CHECK(say(answers, word(4, 1, 101, 21)) == 0);
	CHECK(see(answers, exchange(4, 0, 100, 200), 70) == 21);
	CHECK(see(answers, exchange(4, 1, 100, 300), 71) == 20);
	CHECK(see(answers, exchange(4, 2, 100, 0), 72) == 0);
	CHECK(say(answers, word(4, 4, 105, 22)) == 0);
	CHECK(say(answers, word(4, 3, 105, 23)) == 72);
	answers_free(answers);
}

TEST(streams)
{
	struct answers *answers = answers_new();
	Ragtime__Raw__Told told = word(5, 0, 0, 30);
	Ragtime__Raw__Exchange found = exchange(5, 0, 100, 0);

	told.stream = 3;
	found.stream = 5;
	CHECK(say(answers, told) == 0);
	CHECK(see(answers, found, 80) == 0);
	found.stream = 3;
	CHECK(see(answers, found, 81) == 30);
	answers_free(answers);
}

/* What has left the ring is not found, and nothing is written behind it. */
TEST(many)
{
	struct answers *answers = answers_new();

	for (uint32_t i = 0; i < 200000; i++)
		CHECK_EQ(see(answers, exchange(6 + i % 3, i, i * 10, i * 10 + 5), i + 1), 0);
	CHECK(say(answers, word(6, 0, 3, 40)) == 0);
	CHECK(say(answers, word(6 + 199999 % 3, 0, 1999993, 41)) == 200000);
	answers_free(answers);
}

UNIT_MAIN
