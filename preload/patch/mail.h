/* SPDX-License-Identifier: Apache-2.0 */
/* The target's end of the mailbox (wire/patch.h): one question at a time, waits that end. */
#ifndef PRELOAD_PATCH_MAIL_H
#define PRELOAD_PATCH_MAIL_H

#include "preload/emit.h"
#include "wire/patch.h"

/* False where nobody answers: then nothing is to be asked. */
COLD bool mail_open(void);

/* Puts the question in rt_region->mail, of that size; the answer is there afterwards. Its size; 0
 * where none came: then the mailbox is given up already. */
COLD unsigned mail_ask(unsigned size);

COLD bool mail_held(void);

/* The last word, which has no answer; gives the mailbox up. */
COLD void mail_tell(unsigned size);

/* Gives it up with nothing to say. */
COLD void mail_close(void);

#endif
