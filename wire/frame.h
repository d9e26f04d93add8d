/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The .rtrace stream: one file header, then blocks until the end of the stream.
 *
 *   rt_file_header | rt_block_header zstd-frame | rt_block_header zstd-frame | ...
 *
 * A zstd frame holds one protobuf Batch (trace.proto) that needs no other block to be understood,
 * so a torn or damaged block loses itself only. The last block of a finished stream carries
 * RT_BLOCK_LAST. All numbers are little-endian.
 */
#ifndef WIRE_FRAME_H
#define WIRE_FRAME_H

#include <linux/types.h>

#define RT_FILE_MAGIC "RTRACE\r\n" /* a text-mode copy spoils it visibly */
#define RT_FILE_VERSION 1
#define RT_BLOCK_MAGIC 0x4b4c4252u /* "RBLK" */

#define RT_BLOCK_LAST 1
#define RT_BLOCK_CONTENT 2 /* recorded --with-content */

/* No honest block is larger; readers refuse what claims to be. */
#define RT_BLOCK_PACKED_MAX (32u << 20)
#define RT_BLOCK_RAW_MAX (64u << 20)

/* Calls in a full block. */
#define RT_BLOCK_CALLS 8192

struct rt_file_header {
	char magic[8];
	__u32 version;
	__u32 header_size;
	__u8 run[16]; /* random; the run's identity, the same in each part of a rotated trace */
	__u32 part;   /* 0, then 1, 2... in a rotated trace */
	__u32 flags;
	__u8 pad[24];
};

_Static_assert(sizeof(struct rt_file_header) == 64, "wire layout");

struct rt_block_header {
	__u32 magic;
	__u16 flags;
	__u16 version;
	__u32 packed_size; /* of the zstd frame that follows */
	__u32 raw_size;	   /* of the Batch in it */
	__u64 first_ns;	   /* CLOCK_MONOTONIC of the earliest and latest moment inside */
	__u64 last_ns;
	__u32 calls;
	__u32 sequence; /* counts up from 0 over all parts: a gap is a lost block */
	__u64 checksum; /* XXH64 of this header up to here, then of the zstd frame */
};

_Static_assert(sizeof(struct rt_block_header) == 48, "wire layout");

#endif
