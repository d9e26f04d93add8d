/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps secrets out of traces: every text that the target chose (paths, host names, thread names,
 * modules) passes here before it is stored. Ordinary text comes out as it went in; what looks like
 * a secret becomes "***", a query string "?***", a hash-like name is shortened.
 *
 * It errs on the side of hiding. It is no proof: a password that is an ordinary word in an ordinary
 * path is not recognised.
 */
#ifndef LOADER_STREAM_REDACT_H
#define LOADER_STREAM_REDACT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"

enum redact_kind {
	REDACT_PATH,	  /* a file, library or program; slashes part it */
	REDACT_HOST,	  /* a host name, an address, or a URL where one was given for it */
	REDACT_NAME,	  /* a thread's, a command's */
	REDACT_STATEMENT, /* SQL without its literals: names may be secrets as well */
	REDACT_KINDS,	  /* those above are remembered by texts.h */
	/* What people and programs say to each other, in full: lines stay, credentials go. */
	REDACT_CONTENT = REDACT_KINDS
};

/* Does a statement name what may be a credential, so that the values beside it may be some? */
bool redact_names_credential(const void *statement, size_t size);

/* Appends the clean text. Bytes that are not UTF-8 and control characters become '?'. */
void redact_text(enum redact_kind kind, const void *bytes, size_t size, struct buf *out);

#endif
