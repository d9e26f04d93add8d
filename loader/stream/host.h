/* SPDX-License-Identifier: Apache-2.0 */
/* What a trace says of the machine it was made on. */
#ifndef LOADER_STREAM_HOST_H
#define LOADER_STREAM_HOST_H

#include <stdint.h>

struct host {
	char name[256];
	char kernel[256];
	char cpu_model[256];
	uint32_t processors;
	uint64_t boot_realtime_ns; /* CLOCK_REALTIME when CLOCK_MONOTONIC was 0 */
};

void host_read(struct host *host);

#endif
