/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of MySQL's protocol. */
#ifndef PROTOCOLS_MYSQL_WIRE_H
#define PROTOCOLS_MYSQL_WIRE_H

#include "lib/cursor.h"

enum {
	CLIENT_DATABASE = 1 << 3,
	CLIENT_COMPRESS = 1 << 5,
	CLIENT_41 = 1 << 9,
	CLIENT_SSL = 1 << 11,
	CLIENT_SHORT_AUTH = 1 << 15,
	CLIENT_LONG_AUTH = 1 << 21,
	CLIENT_NO_EOF = 1 << 24,
	CLIENT_NO_METADATA = 1 << 25,
	CLIENT_ZSTD = 1 << 26
};
enum { STATUS_MORE_RESULTS = 0x8, STATUS_CURSOR = 0x40, STATUS_NO_ESCAPES = 0x200 };
enum { HEAD_OK = 0, HEAD_FILE = 0xfb, HEAD_EOF = 0xfe, HEAD_ERROR = 0xff };
enum {
	COM_QUIT = 0x01,
	COM_INIT_DB = 0x02,
	COM_QUERY = 0x03,
	COM_STATISTICS = 0x09,
	COM_PING = 0x0e,
	COM_PREPARE = 0x16,
	COM_EXECUTE = 0x17,
	COM_LONG_DATA = 0x18,
	COM_CLOSE = 0x19,
	COM_RESET = 0x1a,
	COM_SET_OPTION = 0x1b,
	COM_FETCH = 0x1c,
	COM_RESET_CONNECTION = 0x1f
};

/* Of one to nine bytes. */
static inline uint64_t mysql_number(struct cursor *cursor)
{
	uint8_t first = cursor_u8(cursor);
	uint64_t number;

	if (first < 0xfb)
		return first;
	if (first == 0xfc)
		return cursor_le16(cursor);
	if (first == 0xfd) {
		number = cursor_le16(cursor);
		return number | (uint64_t)cursor_u8(cursor) << 16;
	}
	return cursor_le64(cursor);
}

#endif
