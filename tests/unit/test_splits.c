/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every protocol, with the conversations of its fuzz corpus: whole, byte by byte, and cut at every
 * place, as a client and as a server, they give the same exchanges. One without a corpus fails.
 */
#include <dirent.h>

#include "tests/unit/proto_host.h"

#define TURNS_MAX 64
#define SIZE_MAX_OF_FILE 4096 /* of longer ones the beginning */

struct talk {
	struct proto_turn turns[TURNS_MAX];
	size_t count;
	char bytes[SIZE_MAX_OF_FILE];
};

struct format {
	size_t head;	/* way, and one byte or two of size */
	uint8_t beside; /* bits of the way that make it no bytes of the stream: none of these talks
			 */
};

/* As tests/fuzz/fuzz_protocol.h has it, and as fuzz_http2.c. */
static const struct format plain = {2, 0x80}, wide = {3, 0x82};

static void talk_read(struct talk *talk, const char *path, const struct format *format)
{
	FILE *file = fopen(path, "rb");
	size_t size = file ? fread(talk->bytes, 1, sizeof(talk->bytes), file) : 0;

	talk->count = 0;
	for (size_t at = 0; at + format->head < size && talk->count < TURNS_MAX;) {
		struct proto_turn *turn = &talk->turns[talk->count];
		const uint8_t *head = (const uint8_t *)talk->bytes + at;
		size_t left = size - at - format->head, length = head[1];

		if (format->head == 3)
			length |= (size_t)head[2] << 8;
		if (*head & format->beside)
			break;
		turn->way = *head & 1 ? PROTO_IN : PROTO_OUT;
		turn->size = length < left ? length : left;
		turn->bytes = talk->bytes + at + format->head;
		at += format->head + turn->size;
		talk->count += turn->size != 0;
	}
	if (file)
		fclose(file);
}

static void check_files(
	const struct protocol *protocol, const char *folder, const struct format *format)
{
	static struct talk talk;
	struct proto_host host = {0};
	DIR *files = opendir(folder);
	unsigned count = 0, exchanges = 0;

	for (struct dirent *entry; files && (entry = readdir(files));) {
		int before = unit_failures;
		char path[512], *whole;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		talk_read(&talk, path, format);
		host.swapped = false;
		whole = strdup(proto_told(&host, protocol, talk.turns, talk.count, 0, 0, 0));
		exchanges += host.exchanges;
		proto_check(protocol, talk.turns, talk.count, whole);
		if (unit_failures > before)
			printf("in %s\n", path);
		free(whole);
		count++;
	}
	if (!count || !exchanges)
		printf("no conversations in %s\n", folder);
	CHECK(count && exchanges);
	buf_free(&host.told);
	if (files)
		closedir(files);
}

static const struct {
	const struct protocol *protocol;
	const char *name;
} all[] = {
#define PROTOCOL(name) {&protocol_##name, #name},
#include "protocols/protocols.def"
#undef PROTOCOL
};

TEST(cuts_change_nothing)
{
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		char folder[256];

		/* its conversations are tests/unit/dialects */
		if (!strcmp(all[i].name, "http1"))
			continue;
		snprintf(folder, sizeof(folder), "tests/fuzz/corpus/%s", all[i].name);
		check_files(all[i].protocol, folder, strcmp(all[i].name, "http2") ? &plain : &wide);
	}
}

UNIT_MAIN
