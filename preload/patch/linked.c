/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks the names up in the program's own hash table, as the dynamic linker does: a program that
 * has none of them pays for one look-up. Where it has, the tracer is asked how their first
 * instructions can be moved.
 */
#include "preload/patch/linked.h"
#include "preload/patch/exports.h"
#include "preload/patch/inline.h"
#include "preload/patch/mail.h"
#include "preload/patch/patch.h"
#include "preload/patch/thunk.h"

static unsigned find(
	const struct loaded *program, struct rt_ask_linked *asked, const struct linked_hook **hooks)
{
	struct exports exports;
	unsigned count = 0;

	if (!exports_find(&exports, program))
		return 0;
	for (unsigned i = 0; i < LINKED_HOOKS; i++) {
		const ElfW(Sym) *symbol = exports_get(&exports, linked_hooks[i].symbol);

		if (!symbol && !i)
			return 0;
		if (!symbol)
			continue;
		asked[count] = (struct rt_ask_linked){symbol->st_value, symbol->st_size};
		hooks[count++] = &linked_hooks[i];
	}
	return count;
}

void linked_open(void)
{
	const struct linked_hook *hooks[LINKED_HOOKS];
	struct rt_ask_linked asked[LINKED_HOOKS];
	struct wanted wanted[LINKED_HOOKS];
	struct loaded program;
	unsigned count, answered;

	if (rt_region->mode == RT_MODE_OFF || !loaded_program(&program))
		return;
	count = find(&program, asked, hooks);
	if (!count || !mail_open())
		return;
	answered = question_linked(&program, asked, count, wanted, LINKED_HOOKS);
	for (unsigned i = 0; i < answered; i++) {
		if (wanted[i].patch->kind >= count)
			answered = i;
		else
			wanted[i].hook = hooks[wanted[i].patch->kind]->hook;
	}
	program.exposed = functions_threads() != 1;
	inline_patch(&program, wanted, answered);
	for (unsigned i = 0; i < answered; i++)
		if (wanted[i].outcome == RT_OUTCOME_INLINE)
			*hooks[wanted[i].patch->kind]->original = wanted[i].thunk->original;
	if (mail_held())
		mail_close();
}
