/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz_protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_protocol(&protocol_jsonrpc, data, size);
}
