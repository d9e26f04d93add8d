/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the programs in the kernel (bpf/) to the loader, which pairs and names what comes.
 *
 * Edges are small, of one size and frequent: one ring a processor, an mmapped array. The program
 * fills edges[head % RK_EDGES], then raises head; the loader reads up to head, then raises tail.
 * Writers are programs that nothing of ours can interrupt on their processor: system calls and the
 * switch of tasks. All else goes through a BPF ring buffer as struct rk_note.
 *
 * Both are in the order of time per processor, not over all: ns puts them in order. A note belongs
 * to the edge of its thread with the same ns, or stands alone.
 */
#ifndef WIRE_KERNEL_H
#define WIRE_KERNEL_H

#include <linux/types.h>

#define RK_EDGES 32768
#define RK_PIDS (1u << 22) /* as many as the kernel can have */
#define RK_SYSCALLS 512

enum rk_edge_type {
	RK_ENTER = 1, /* of system call `number`; low and value by rk_pick */
	RK_EXIT = 2,  /* value: its result */
	RK_OFF = 3,   /* the thread leaves the processor; low: its state, 0: it would run on */
	RK_ON = 4,    /* it gets one; value: when it was woken last, or 0; low: by which thread */
};

struct rk_edge {
	__u64 ns; /* CLOCK_MONOTONIC */
	__u32 tid;
	__u32 pid;
	__u16 number;
	__u8 type; /* enum rk_edge_type */
	__u8 pad;
	__u32 low;
	__u64 value;
};

_Static_assert(sizeof(struct rk_edge) == 32, "edges are half a cache line");

struct rk_ring {
	__u64 head; /* edges written */
	__u64 lost; /* edges and notes that found no room, on this processor */
	__u64 pad1[6];
	__u64 tail; /* edges read: the loader's */
	__u64 pad2[7];
	struct rk_edge edges[RK_EDGES];
};

_Static_assert(sizeof(struct rk_ring) == 128 + RK_EDGES * 32, "wire layout");

enum rk_note_type {
	RK_PATH = 1,	/* of the system call that ends at ns */
	RK_ADDRESS = 2, /* struct sockaddr, likewise */
	RK_DATA = 3, /* payload: a = descriptor or TLS session, b = position in the call, c = inode
			of the socket (0: TLS) ; low = bytes of the call in all, flags RK_DATA_* */
	RK_CALL =
		4, /* a library's function begins; number: its event; a = handle, b = descriptor */
	RK_RETURN = 5, /* it ends; a = handle; b = result; flags RK_RETURN_* */
	RK_FORK = 6,   /* a = new tid, b = new pid */
	RK_EXEC = 7,   /* bytes: the program's path; a = the thread's id before */
	RK_FREED = 10, /* a library's object is given back; number: its event; a = handle */
	RK_ENDS = 9,   /* of the system call that ends at ns: a, b: two descriptors */
	RK_DIED = 8, /* a thread; a = exit status as wait has it; b = 1 where it was the last one */
	RK_TCP = 12, /* of the system call that begins at ns, on a connection: a = segments sent
			again, b = round trip, microseconds */
	RK_SAMPLE = 11, /* bytes: struct rk_sample; a = ns of processor that it stands for */
};

enum rk_data_flags {
	RK_DATA_IN = 1,
	RK_DATA_TLS = 2,
	RK_DATA_UNREAD = 4, /* the bytes were not in memory */
};

enum rk_return_flags {
	/* it may have begun in another thread, unseen; low = descriptor + 1 and c = inode of the
	 * socket that the handle rides on, where those are known */
	RK_RETURN_APART = 1,
};

struct rk_note {
	__u64 ns;
	__u32 tid;
	__u32 pid;
	__u16 type; /* enum rk_note_type */
	__u16 number;
	__u32 flags;
	__u32 low;
	__u32 size; /* bytes that are valid below */
	__u64 a, b, c;
	__u8 bytes[];
};

_Static_assert(sizeof(struct rk_note) == 56, "wire layout");

/*
 * Where a thread was. The kernel's part is walked already and Python's too; of the native part
 * there are the registers and as much of the stack as was to be had.
 */
#define RK_SAMPLE_KERNEL 48
#define RK_SAMPLE_PYTHON 96
#define RK_SAMPLE_STACK 32768

struct rk_python_frame {
	__u64 code; /* the code object; bit 0: a call of the interpreter's own function began here
		     */
	__u64 name; /* where its name stands: another code object in the same place has another */
};

struct rk_sample {
	__u64 ip, sp, bp;    /* of the program; sp 0: not known */
	__u32 kernel_frames; /* innermost first, all of them */
	__u32 python_frames;
	__u64 kernel[RK_SAMPLE_KERNEL];
	struct rk_python_frame python[RK_SAMPLE_PYTHON];
	__u8 stack[RK_SAMPLE_STACK]; /* from sp on, as many as the note's size says */
};

/* Where an interpreter keeps what its frames are found by; all but `interpreters` are offsets. */
struct rk_python {
	__u64 interpreters; /* address of the pointer to the first */
	__u32 interpreter_next, interpreter_threads;
	__u16 thread_next, thread_id, thread_frame;
	__u16 holder; /* what thread_frame points to has the frame there; RK_PYTHON_NONE: it is it
		       */
	__u16 frame_back, frame_code;
	__u16 frame_entry; /* a byte; RK_PYTHON_NONE: every frame is a call of the interpreter's */
	__u8 entry_from;   /* it begins one where that byte is as much as this, or more */
	__u8 entry_apart; /* such a frame is no function's: the one inside it is the call's first */
	__u16 code_name;
	__u16 pad[3];
};

#define RK_PYTHON_NONE 0xffff

/* What is counted of a thread, not told one by one. */
enum rk_counted {
	RK_COUNT_FAULT,
	RK_COUNT_RECLAIM,
	RK_COUNT_DISK_READ,
	RK_COUNT_DISK_WRITE,
	RK_COUNTS
};

struct rk_count {
	__u64 calls, bytes;
};

struct rk_counts {
	struct rk_count of[RK_COUNTS];
};

/* Rooms that a note may have for its bytes. */
#define RK_ROOM_SMALL 456
#define RK_ROOM_MEDIUM 4040
#define RK_ROOM_LARGE 16384

/* What is copied of one call, at most: the first so many bytes and the last RK_ROOM_MEDIUM. */
#define RK_DATA_PIECES 4

/* What the table of traced processes says of a pid. */
enum rk_traced {
	RK_TRACED = 1,
	RK_FOLLOW = 2, /* its children too */
};

/* How an enter edge is filled: which arguments. */
enum rk_pick {
	RK_PICK_01 = 0, /* low: the first, value: the second */
	RK_PICK_10,
	RK_PICK_02,
	RK_PICK_41,   /* low: the fifth */
	RK_PICK_POLL, /* low: how many are polled, value: the first of them */
};

/* What a system call's exit has to say beyond its result. */
enum rk_extra {
	RK_EXTRA_NONE = 0,
	RK_EXTRA_PATH0, /* the first argument is a path */
	RK_EXTRA_PATH1,
	RK_EXTRA_ADDRESS,     /* second and third: an address and its size */
	RK_EXTRA_ADDRESS_OUT, /* second: an address, third: where its size stands */
	RK_EXTRA_OUT,	      /* descriptor, bytes that were sent */
	RK_EXTRA_IN,	      /* descriptor, bytes that were read */
	RK_EXTRA_RECEIVED,    /* the same, unless the fourth says that it was only a look */
	RK_EXTRA_OUT_PARTS,   /* descriptor, iovec, count */
	RK_EXTRA_IN_PARTS,
	RK_EXTRA_OUT_MESSAGE, /* descriptor, struct msghdr */
	RK_EXTRA_IN_MESSAGE,
	RK_EXTRA_ENDS0,	 /* two descriptors are written to where the first argument says */
	RK_EXTRA_ENDS3,	 /* the fourth */
	RK_EXTRA_CLOSED, /* the descriptor's connection is over, as far as that goes */
};

static inline int rk_moves(unsigned extra)
{
	return extra >= RK_EXTRA_OUT && extra <= RK_EXTRA_IN_MESSAGE;
}

static inline int rk_reads(unsigned extra)
{
	return extra == RK_EXTRA_IN || extra == RK_EXTRA_RECEIVED || extra == RK_EXTRA_IN_PARTS ||
		extra == RK_EXTRA_IN_MESSAGE;
}

/* How the arg of a record is made of an edge. */
enum rk_shape {
	RK_SHAPE_NONE = 0,
	RK_SHAPE_FD,	      /* low */
	RK_SHAPE_LOW,	      /* low, likewise */
	RK_SHAPE_VALUE,	      /* value */
	RK_SHAPE_MADE,	      /* the result is a descriptor */
	RK_SHAPE_SOCKET,      /* the same, with its sort */
	RK_SHAPE_PAIR,	      /* low and value are descriptors */
	RK_SHAPE_PAIR_RESULT, /* low and the result are */
	RK_SHAPE_ENDS,	      /* a note says which two */
	RK_SHAPE_MAPPING,     /* of a file, unless low is no descriptor */
	RK_SHAPE_CONTROL,     /* value says what it is: one makes a descriptor */
	RK_SHAPE_POLLED,      /* how many, and which where it is one */
	RK_SHAPE_FUTEX,	      /* low says whether it waits; value: address */
	RK_SHAPE_BIRTH,	      /* the result is a new thread or process */
	RK_SHAPE_COUNTED,     /* it is counted, not recorded */
};

struct rk_syscall {
	__u8 pick;  /* enum rk_pick */
	__u8 extra; /* enum rk_extra */
};

/* Set before the programs are loaded or, `payload`, at any time. */
struct rk_settings {
	struct rk_syscall syscalls[RK_SYSCALLS];
	__u32 payload; /* 0: copy none */
	__u32 self;    /* the loader's pid: never traced */
};

#endif
