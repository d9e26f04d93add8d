/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scribbler SEED ROUNDS: a target that finds the shared region in its own memory and writes
 * random words into its heads, slots and chunks, making calls in between. Exit status 11.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wire/ring.h"

static uint64_t seed;

static uint64_t random_number(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	return seed ^= seed << 17;
}

static char *find_region(size_t *size)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long from, to;
	char line[512];

	while (maps && fgets(line, sizeof(line), maps)) {
		if (strstr(line, "memfd:ragtime") && sscanf(line, "%lx-%lx", &from, &to) == 2) {
			fclose(maps);
			*size = to - from;
			return (char *)from;
		}
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int rounds = argc > 2 ? atoi(argv[2]) : 100;
	int null = open("/dev/null", O_WRONLY);
	uint64_t chunks_offset, slots_offset;
	size_t size, slots, chunks;
	char *region = find_region(&size);

	seed = argc > 1 ? strtoull(argv[1], NULL, 10) * 2654435761u + 1 : 1;
	if (!region)
		return 10;
	slots_offset = ((struct rt_region *)region)->header_size;
	slots = ((struct rt_region *)region)->slots;
	chunks_offset = ((struct rt_region *)region)->chunks_offset;
	chunks = (size - chunks_offset) / sizeof(struct rt_chunk);
	for (int i = 0; i < rounds; i++) {
		uint32_t value = (uint32_t)random_number(), *at;

		switch (random_number() % 4) {
		case 0: /* the state, generation, pid... of the first slots */
			at = (uint32_t *)(region + slots_offset +
				     random_number() % (slots < 8 ? slots : 8) * 4096) +
				random_number() % 16;
			break;
		case 1: /* the head of a chunk in use */
			at = (uint32_t *)(region + chunks_offset +
				     random_number() % (chunks < 8 ? chunks : 8) *
					     sizeof(struct rt_chunk)) +
				random_number() % 4;
			break;
		case 2: /* a record */
			at = (uint32_t *)(region + chunks_offset +
				     random_number() % (chunks < 4 ? chunks : 4) *
					     sizeof(struct rt_chunk)) +
				random_number() % 4000;
			break;
		default: /* the bitmap, the mailbox, all of the head */
			at = (uint32_t *)region + random_number() % (slots_offset / 4);
		}
		if (random_number() % 2)
			value %= 70;
		*(volatile uint32_t *)at = value;
		if (random_number() % 10 == 0)
			usleep(1000);
	}
	close(null);
	_exit(11);
}
