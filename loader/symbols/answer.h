/* SPDX-License-Identifier: Apache-2.0 */
/* Answers as wire/patch.h lays them out. */
#ifndef LOADER_SYMBOLS_ANSWER_H
#define LOADER_SYMBOLS_ANSWER_H

#include "lib/cursor.h"
#include "loader/symbols/relocate.h"

/* One function at `at`, its sizes filled in; NULL relocation: no jump at its entry. What it takes;
 * 0 where there is no room for it. */
size_t answer_patch(struct rt_patch patch, const struct relocation *relocation, const char *symbol,
	uint8_t *at, size_t room);

/* Reads the rest of an RT_ASK_LINKED about that program; the answer into mail[RT_MAIL_SIZE]. */
size_t answer_linked(struct disasm *disasm, const struct elf *program, struct cursor *question,
	uint32_t count, uint8_t *mail);

#endif
