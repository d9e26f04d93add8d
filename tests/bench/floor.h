/* SPDX-License-Identifier: Apache-2.0 */
/* The ring between the floor shim and the reference drain: one file a thread. */
#ifndef TESTS_BENCH_FLOOR_H
#define TESTS_BENCH_FLOOR_H

#include <stdint.h>

#define FLOOR_RECORDS (1u << 17) /* 4 MiB */
#define FLOOR_HEADER 4096

struct floor_record {
	uint64_t start;
	uint32_t duration;
	uint16_t kind, flags;
	int64_t result;
	uint64_t arg;
};

_Static_assert(sizeof(struct floor_record) == 32, "the floor stores 32 bytes");

struct floor_ring {
	uint64_t head; /* written by the shim */
	uint64_t lost;
	uint8_t pad[48];
	uint64_t tail; /* written by the drain */
};

#define FLOOR_BYTES (FLOOR_HEADER + FLOOR_RECORDS * sizeof(struct floor_record))

#endif
