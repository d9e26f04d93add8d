/* SPDX-License-Identifier: Apache-2.0 */
/* Writing protobuf varints. The caller has made room: VARINT_MAX bytes each. */
#ifndef LIB_VARINT_H
#define LIB_VARINT_H

#include <stdint.h>

#define VARINT_MAX 10

static inline uint8_t *varint_put(uint8_t *at, uint64_t value)
{
	while (value >= 0x80) {
		*at++ = (uint8_t)value | 0x80;
		value >>= 7;
	}
	*at++ = (uint8_t)value;
	return at;
}

static inline uint64_t zigzag(int64_t value)
{
	return ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
}

static inline int64_t unzigzag(uint64_t value)
{
	return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

#endif
