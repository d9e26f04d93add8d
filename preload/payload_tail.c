/* SPDX-License-Identifier: Apache-2.0 */
#include "preload/payload_tail.h"

/* Forgets the oldest `size` bytes. */
static void tail_drop(struct tail *tail, unsigned size)
{
	unsigned gone = 0;

	tail->used = (__u16)(tail->used - size);
	for (unsigned i = 0; i < tail->used; i++)
		tail->bytes[i] = tail->bytes[i + size];
	while (gone < tail->runs && tail->run[gone].size <= size)
		size -= (unsigned)tail->run[gone++].size;
	for (unsigned i = gone; i < tail->runs; i++)
		tail->run[i - gone] = tail->run[i];
	tail->runs = (__u16)(tail->runs - gone);
	if (tail->runs) {
		tail->run[0].position += size;
		tail->run[0].size -= size;
	}
}

__u64 tail_put(struct tail *tail, __u64 position, const __u8 *data, size_t size)
{
	size_t skip = size > PAYLOAD_TAIL ? size - PAYLOAD_TAIL : 0;
	__u64 lost = skip;
	unsigned last;

	data += skip;
	position += skip;
	size -= skip;
	if (tail->used + size > PAYLOAD_TAIL) {
		lost += tail->used + size - PAYLOAD_TAIL;
		tail_drop(tail, (unsigned)(tail->used + size - PAYLOAD_TAIL));
	}
	last = tail->runs - 1u;
	if (tail->runs && tail->run[last].position + tail->run[last].size == position) {
		tail->run[last].size += size;
	} else {
		if (tail->runs == TAIL_RUNS) {
			lost += tail->run[0].size;
			tail_drop(tail, (unsigned)tail->run[0].size);
		}
		tail->run[tail->runs].position = position;
		tail->run[tail->runs++].size = size;
	}
	memcpy(tail->bytes + tail->used, data, size);
	tail->used = (__u16)(tail->used + size);
	return lost;
}
