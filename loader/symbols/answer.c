/* SPDX-License-Identifier: Apache-2.0 */
#include "loader/symbols/answer.h"

#include <string.h>

#include "lib/log.h"

#define LINKED_MAX 64

static size_t padded(size_t size)
{
	return (size + 7) & ~(size_t)7;
}

static void put(uint8_t **at, const void *bytes, size_t size)
{
	memset(*at, 0, padded(size));
	if (size)
		memcpy(*at, bytes, size);
	*at += padded(size);
}

size_t answer_patch(struct rt_patch patch, const struct relocation *relocation, const char *symbol,
	uint8_t *at, size_t room)
{
	static const struct relocation none;
	size_t fixes;

	if (!relocation)
		relocation = &none;
	patch.window_size = (uint8_t)relocation->window_size;
	patch.code_size = (uint8_t)relocation->code_size;
	patch.fixes = relocation->fix_count;
	patch.symbol_size = (uint32_t)strlen(symbol);
	fixes = patch.fixes * sizeof(struct rt_fix);
	patch.size = (uint32_t)(sizeof(patch) + padded(patch.window_size) +
		padded(patch.code_size) + fixes + padded(patch.symbol_size));
	if (patch.size > room)
		return 0;
	put(&at, &patch, sizeof(patch));
	put(&at, relocation->window, patch.window_size);
	put(&at, relocation->code, patch.code_size);
	put(&at, relocation->fixes, fixes);
	put(&at, symbol, patch.symbol_size);
	return patch.size;
}

size_t answer_linked(struct disasm *disasm, const struct elf *program, struct cursor *question,
	uint32_t count, uint8_t *mail)
{
	struct rt_answer answer = {0, 0};
	struct rt_ask_linked asked[LINKED_MAX];
	size_t size = sizeof(answer);

	for (uint32_t i = 0; i < count && i < LINKED_MAX; i++) {
		asked[i].address = cursor_le64(question);
		asked[i].size = cursor_le64(question);
	}
	for (uint32_t i = 0; i < count && i < LINKED_MAX && !question->bad; i++) {
		struct rt_patch patch = {.address = asked[i].address, .kind = (uint16_t)i};
		struct relocation relocation;
		const char *why = relocate_known(
			disasm, program, asked[i].address, asked[i].size, &relocation);

		patch.flags = RT_PATCH_INLINE;
		if (why)
			log_debug("function %u of the program is not hooked: %s", i, why);
		else
			size += answer_patch(
				patch, &relocation, "", mail + size, RT_MAIL_SIZE - size);
		answer.count += !why;
	}
	memcpy(mail, &answer, sizeof(answer));
	return size;
}
