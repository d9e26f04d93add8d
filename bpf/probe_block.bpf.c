// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What traced threads ask of disks: what they read, and what they write past the page cache. What
 * the kernel writes later, for all, is not theirs to be told of.
 */
#include "bpf/counts.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define OPERATION 0xff
#define OPERATION_READ 0
#define OPERATION_WRITE 1

struct bvec_iter {
	unsigned int bi_size;
} KERNEL_TYPE;

struct bio {
	unsigned int bi_opf;
	struct bvec_iter bi_iter;
} KERNEL_TYPE;

extern int LINUX_KERNEL_VERSION __kconfig;
#define BEFORE_5_11 (LINUX_KERNEL_VERSION < (5 << 16 | 11 << 8))

SEC("raw_tp/block_bio_queue")
int block_io(struct bpf_raw_tracepoint_args *context)
{
	/* the device's queue came first once */
	struct bio *bio = (struct bio *)context->args[BEFORE_5_11 ? 1 : 0];
	struct rk_counts *counts = counts_of_current();
	struct rk_count *count;
	__u32 operation;

	if (!counts)
		return 0;
	operation = BPF_CORE_READ(bio, bi_opf) & OPERATION;
	if (operation > OPERATION_WRITE)
		return 0;
	count = &counts->of[operation == OPERATION_READ ? RK_COUNT_DISK_READ : RK_COUNT_DISK_WRITE];
	count->calls++;
	count->bytes += BPF_CORE_READ(bio, bi_iter.bi_size);
	return 0;
}
