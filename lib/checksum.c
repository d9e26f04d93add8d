/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/checksum.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t checksum_of(const void *first, size_t first_size, const void *second, size_t second_size)
{
	XXH64_state_t state;

	XXH64_reset(&state, 0);
	XXH64_update(&state, first, first_size);
	XXH64_update(&state, second, second_size);
	return XXH64_digest(&state);
}
