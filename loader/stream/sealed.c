/* SPDX-License-Identifier: Apache-2.0 */
#include "loader/stream/sealed.h"

#include "wire/event.h"

#define HEAD 5 /* of a record: all that some servers read at first */

enum { HANDSHAKE = 0x16, CLIENT_HELLO = 1 };

bool sealed_begins(const uint8_t *bytes, size_t size)
{
	return size >= HEAD && bytes[0] == HANDSHAKE && bytes[1] == 3 && bytes[2] <= 4 &&
		(size == HEAD || bytes[HEAD] == CLIENT_HELLO);
}

void sealed_begun(struct sealed *sealed, uint32_t process, uint32_t thread)
{
	uint64_t *place = map_at(&sealed->begun, process);

	if (place && !*place)
		*place = (uint64_t)thread << 32;
	if (place)
		++*place;
}

void sealed_known(struct sealed *sealed, uint32_t process)
{
	uint64_t *place = map_at(&sealed->known, process);

	if (place)
		++*place;
}

void sealed_tell(const struct sealed *sealed, struct pack *pack, uint64_t now_ns)
{
	for (size_t i = 0; i < sealed->begun.capacity; i++) {
		const struct map_entry *entry = &sealed->begun.entries[i];
		const uint64_t *known;
		uint32_t begun;

		if (!entry->used)
			continue;
		known = map_find(&sealed->known, entry->key);
		begun = (uint32_t)entry->value;
		if (!known || begun > *known)
			pack_loss(pack, (uint32_t)(entry->value >> 32), RT_LOSS_sealed,
				begun - (known ? *known : 0), 0, now_ns);
	}
}

void sealed_free(struct sealed *sealed)
{
	map_free(&sealed->begun);
	map_free(&sealed->known);
}
