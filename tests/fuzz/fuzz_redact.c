/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a path, a host or a name: what comes out is text, and no key that says what it is.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "loader/stream/redact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char key[] = "/ghp_0123456789abcdefABCDEF";
	struct buf out = {0}, in = {0};

	enum redact_kind kind = size ? data[0] % (REDACT_CONTENT + 1) : REDACT_PATH;

	if (!size)
		return 0;
	buf_append(&in, data + 1, size - 1);
	buf_puts(&in, key);
	redact_text(kind, in.data, in.size, &out);
	for (size_t i = 0; i < out.size; i++) {
		bool is_line = out.data[i] == '\n' || out.data[i] == '\t';

		if (out.data[i] < ' ' && !(is_line && kind == REDACT_CONTENT))
			abort();
	}
	if (memmem(out.data, out.size, key + 1, sizeof(key) - 2))
		abort();
	buf_free(&in);
	buf_free(&out);
	return 0;
}
