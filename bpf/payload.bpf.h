/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Excerpts of what passes over connections: copied from the process's memory when the call is over,
 * so that as much is copied as was moved.
 */
#ifndef BPF_PAYLOAD_BPF_H
#define BPF_PAYLOAD_BPF_H

#include "bpf/core.bpf.h"

/* Of one call. */
#define PIECES_MAX 6
#define S_IFMT 0170000
#define S_IFSOCK 0140000

/* Sockets whose bytes nobody wants any more, by inode. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, __u8);
} muted SEC(".maps");

/*
 * What one call moved, and how far the copy has come. It lives in a map, not on the stack: the
 * verifier does not follow what is stored there, and so every turn of the loop below looks the same
 * to it.
 */
struct moved {
	__u64 ns;
	__u64 a;     /* descriptor or session */
	__u64 inode; /* 0: of TLS */
	__u64 at;    /* of the next piece in the call */
	__u64 left;
	__u64 base, size; /* the part at hand */
	__u64 parts, next, count;
	__u32 total;
	__u32 flags; /* enum rk_data_flags */
};

static __always_inline void note_fill(
	struct rk_note *note, const struct moved *moved, __u32 size, long failed)
{
	note->flags = moved->flags | (failed ? RK_DATA_UNREAD : 0);
	note->low = moved->total;
	note->size = size;
	note->a = moved->a;
	note->b = moved->at;
	note->c = moved->inode;
	note_send(note);
}

/* One size of room: the rest of `size` that fits goes. The verifier wants to see the limit kept
 * where the copy is. */
#define COPY_PIECE(room)                                                                   \
	do {                                                                               \
		struct rk_note *note = note_new(room, RK_DATA, moved->ns);                 \
		__u64 fit = size;                                                          \
		long failed;                                                               \
                                                                                           \
		barrier_var(fit);                                                          \
		if (fit > (room))                                                          \
			fit = (room);                                                      \
		if (!note)                                                                 \
			return 0;                                                          \
		failed = bpf_probe_read_user(note->bytes, (__u32)fit, (const void *)from); \
		note_fill(note, moved, (__u32)fit, failed);                                \
	} while (0)

static __noinline int copy_piece(struct moved *moved, __u64 from, __u32 size)
{
	if (!moved)
		return 0;
	if (size <= RK_ROOM_SMALL)
		COPY_PIECE(RK_ROOM_SMALL);
	else if (size <= RK_ROOM_MEDIUM)
		COPY_PIECE(RK_ROOM_MEDIUM);
	else
		COPY_PIECE(RK_ROOM_LARGE);
	return 0;
}

/* The next part of several. */
static __always_inline int part_next(struct moved *moved)
{
	__u64 part[2];

	if (moved->next >= moved->count ||
		bpf_probe_read_user(part, sizeof(part),
			(const void *)(moved->parts + moved->next * sizeof(part))))
		return -1;
	moved->next++;
	moved->base = part[0];
	moved->size = part[1];
	return 0;
}

/*
 * Copies from `count` parts that stand at `from` in the process; with count 0 from one that is
 * `from` itself. moved holds the rest.
 */
static __always_inline void copy_all(struct moved *moved, __u64 from, __u64 count)
{
	moved->at = 0;
	moved->left = moved->total;
	moved->parts = moved->base = from;
	moved->size = count ? 0 : moved->total;
	moved->next = 0;
	moved->count = count;
	for (int piece = 0; piece < PIECES_MAX && moved->left; piece++) {
		__u64 size;

		if (!moved->size && part_next(moved))
			break;
		size = moved->size < moved->left ? moved->size : moved->left;
		if (size > RK_ROOM_LARGE)
			size = RK_ROOM_LARGE;
		/* what matters of a message stands at both its ends */
		if (piece == PIECES_MAX - 1 && !moved->count) {
			moved->at += moved->left - size;
			moved->base += moved->left - size;
		}
		copy_piece(moved, moved->base, (__u32)size);
		moved->at += size;
		moved->base += size;
		moved->size -= size;
		moved->left -= size;
	}
}

/* Where the kernel lets a task be read as its own type (5.11 on), nothing has to be copied to look.
 */
static __always_inline struct file **descriptor_slot(__u32 fd)
{
	struct task_struct *task;
	struct fdtable *table;

	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf)) {
		task = bpf_get_current_task_btf();
		table = task->files->fdt;
		return fd < table->max_fds ? table->fd + fd : NULL;
	}
	task = (struct task_struct *)bpf_get_current_task();
	table = BPF_CORE_READ(task, files, fdt);
	return fd < BPF_CORE_READ(table, max_fds) ? BPF_CORE_READ(table, fd) + fd : NULL;
}

static __always_inline struct file *descriptor_file(__u32 fd)
{
	struct file **slot = descriptor_slot(fd), *file = NULL;

	if (!slot || bpf_probe_read_kernel(&file, sizeof(file), slot))
		return NULL;
	return file;
}

/* The inode of a descriptor that is a socket; 0 for others. */
static __always_inline __u64 socket_inode(__u32 fd)
{
	struct file *file = descriptor_file(fd);
	struct inode *inode;

	if (!file)
		return 0;
	inode = BPF_CORE_READ(file, f_inode);
	if ((BPF_CORE_READ(inode, i_mode) & S_IFMT) != S_IFSOCK)
		return 0;
	return BPF_CORE_READ(inode, i_ino);
}

static __always_inline int is_muted(__u64 inode)
{
	return bpf_map_lookup_elem(&muted, &inode) != NULL;
}

#endif
