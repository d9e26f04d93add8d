/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder/answers.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "lib/map.h"

/* Words, and exchanges, that wait for one another. */
#define KEPT 65536
/* As many are looked at on one connection: those under way at a time, and those that nobody asks
 * for. */
#define LOOKS 64

/* A word stands at one moment, and with turn 0 for whatever was under way then. */
struct sight {
	uint32_t connection, stream;
	uint64_t turn; /* on its connection, from 1 */
	uint64_t begin, end;
	uint64_t what;	 /* a word's span, an exchange's row; 0: found */
	uint64_t before; /* number of the one before of its connection; 0: none */
};

/* A ring, and of each connection the number of the latest. */
struct sights {
	struct sight *items;
	uint64_t count;
	struct map latest;
};

struct answers {
	struct sights words, exchanges;
};

struct answers *answers_new(void)
{
	struct answers *answers = calloc(1, sizeof(*answers));

	if (!answers)
		return NULL;
	answers->words.items = calloc(KEPT, sizeof(struct sight));
	answers->exchanges.items = calloc(KEPT, sizeof(struct sight));
	if (answers->words.items && answers->exchanges.items)
		return answers;
	answers_free(answers);
	return NULL;
}

void answers_free(struct answers *answers)
{
	if (!answers)
		return;
	map_free(&answers->words.latest);
	map_free(&answers->exchanges.latest);
	free(answers->words.items);
	free(answers->exchanges.items);
	free(answers);
}

static bool is_about(const struct sight *word, const struct sight *exchange)
{
	if (word->stream || exchange->stream)
		return word->stream == exchange->stream;
	if (word->turn && word->turn != exchange->turn)
		return false;
	return word->begin >= exchange->begin && (!exchange->end || word->begin <= exchange->end);
}

static struct sight *sight_at(const struct sights *sights, uint32_t connection, uint64_t number)
{
	struct sight *sight = &sights->items[number % KEPT];

	return number && number + KEPT > sights->count && sight->connection == connection ? sight
											  : NULL;
}

/* The latest one that belongs to `own`, which is a word or, for words, an exchange. */
static uint64_t find(const struct sights *sights, const struct sight *own, bool own_is_word)
{
	const uint64_t *latest = map_find(&sights->latest, own->connection);
	struct sight *each = latest ? sight_at(sights, own->connection, *latest) : NULL;

	for (int i = 0; each && i < LOOKS; i++) {
		uint64_t what = each->what;

		if (what && (own_is_word ? is_about(own, each) : is_about(each, own))) {
			each->what = 0;
			return what;
		}
		each = sight_at(sights, own->connection, each->before);
	}
	return 0;
}

/* Who was there longest makes room; of a connection that has no other nothing is left. */
static void make_room(struct sights *sights)
{
	uint64_t number = ++sights->count - KEPT;
	uint32_t connection = sights->items[sights->count % KEPT].connection;
	const uint64_t *latest =
		sights->count > KEPT ? map_find(&sights->latest, connection) : NULL;

	if (latest && *latest == number)
		map_remove(&sights->latest, connection);
}

static int keep(struct sights *sights, const struct sight *sight)
{
	uint64_t *latest;

	make_room(sights);
	latest = map_at(&sights->latest, sight->connection);
	if (!latest)
		return -ENOMEM;
	sights->items[sights->count % KEPT] = *sight;
	sights->items[sights->count % KEPT].before = *latest;
	*latest = sights->count;
	return 0;
}

int64_t answers_word(struct answers *answers, const Ragtime__Raw__Told *word)
{
	struct sight own = {.connection = word->connection,
		.stream = word->stream,
		.turn = word->position,
		.begin = word->ticks,
		.what = word->span};
	uint64_t row = find(&answers->exchanges, &own, true);

	return row ? (int64_t)row : keep(&answers->words, &own);
}

uint64_t answers_exchange(
	struct answers *answers, const Ragtime__Raw__Exchange *exchange, int64_t row)
{
	struct sight own = {.connection = exchange->connection,
		.stream = exchange->stream,
		.turn = (uint64_t)exchange->sequence + 1,
		.begin = exchange->begin_ticks,
		.end = exchange->end_ticks,
		.what = (uint64_t)row};
	uint64_t span = find(&answers->words, &own, false);

	if (!span)
		(void)keep(&answers->exchanges, &own); /* without it a late word stands alone */
	return span;
}
