/* SPDX-License-Identifier: Apache-2.0 */
/* Socket addresses as text. The bytes come from the traced process: nothing in them is believed. */
#ifndef DECODER_ADDRESS_H
#define DECODER_ADDRESS_H

#include <stddef.h>
#include <stdint.h>

struct address {
	char text[160]; /* 127.0.0.1:80, [::1]:80, unix:/run/x, unix:@abstract */
	char host[136]; /* without the port; of a Unix socket its path */
	int32_t port;	/* -1: has none */
};

/* 0, or -EINVAL for bytes that are no address we know. */
int address_parse(struct address *address, const void *bytes, size_t size);

/* Of two addresses one behind the other, as connect calls carry them, the second. */
int address_parse_second(struct address *address, const void *bytes, size_t size);

#endif
