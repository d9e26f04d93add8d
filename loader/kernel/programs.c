/* SPDX-License-Identifier: Apache-2.0 */
#include "loader/kernel/programs.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/perf_event.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "lib/embedded.h"
#include "lib/log.h"
#include "loader/kernel/uprobe.h"

#define LINKS_MAX 4096

/* Shared by all objects: the first that is loaded makes them, the others are given them. */
static const char *const shared_maps[] = {
	"pids", "rings", "notes", "settings", "drops", "muted", "pythons", "counts", NULL};
#define SHARED_MAPS 8

struct mapping {
	void *start;
	size_t size;
};

struct programs {
	struct bpf_object *objects[PROGRAMS_FAMILIES];
	int maps[SHARED_MAPS]; /* descriptors; -1: not made yet */
	struct mapping pids, rings, settings;
	struct ring_buffer *notes;
	struct bpf_link *links[LINKS_MAX];
	size_t link_count;
	struct {
		int fd, pid;
	} multi_links[LINKS_MAX];
	size_t multi_count;
	unsigned processors;
	programs_note_fn *take;
	void *context;
	char why[256];
};

static const struct {
	const char *path;
	const char *title;
} families[] = {
#define PROBE(name, title) {"bpf/probe_" #name ".bpf.o", title},
#include "wire/probes.def"
};

const char *programs_title(enum programs_family family)
{
	return families[family].title;
}

/* libbpf explains at length; that is for -v. */
static int print_debug(enum libbpf_print_level level, const char *format, va_list list)
{
	char line[512];
	size_t length;

	if (level == LIBBPF_DEBUG)
		return 0;
	vsnprintf(line, sizeof(line), format, list);
	length = strlen(line);
	if (length && line[length - 1] == '\n')
		line[length - 1] = '\0';
	log_debug("%s", line);
	return 0;
}

struct programs *programs_new(void)
{
	struct programs *programs = calloc(1, sizeof(*programs));
	int processors;

	if (!programs)
		return NULL;
	libbpf_set_print(print_debug);
	processors = libbpf_num_possible_cpus();
	programs->processors = processors > 0 ? (unsigned)processors : 1;
	for (int i = 0; i < SHARED_MAPS; i++)
		programs->maps[i] = -1;
	return programs;
}

static void unmap(struct mapping *mapping)
{
	if (mapping->start)
		munmap(mapping->start, mapping->size);
	mapping->start = NULL;
}

void programs_detach(struct programs *programs)
{
	while (programs->multi_count)
		close(programs->multi_links[--programs->multi_count].fd);
	while (programs->link_count)
		bpf_link__destroy(programs->links[--programs->link_count]);
}

void programs_free(struct programs *programs)
{
	if (!programs)
		return;
	programs_detach(programs);
	ring_buffer__free(programs->notes);
	unmap(&programs->pids);
	unmap(&programs->rings);
	unmap(&programs->settings);
	for (int i = 0; i < PROGRAMS_FAMILIES; i++)
		bpf_object__close(programs->objects[i]);
	for (int i = 0; i < SHARED_MAPS; i++)
		if (programs->maps[i] >= 0)
			close(programs->maps[i]);
	free(programs);
}

static int shared_index(const char *name)
{
	for (int i = 0; shared_maps[i]; i++)
		if (!strcmp(shared_maps[i], name))
			return i;
	return -1;
}

/* Before the load: sizes that depend on the machine, and maps that are there already. */
static int prepare_maps(struct programs *programs, struct bpf_object *object)
{
	struct bpf_map *map;
	int err = 0;

	bpf_object__for_each_map(map, object)
	{
		int index = shared_index(bpf_map__name(map));

		if (index < 0)
			continue;
		if (programs->maps[index] >= 0)
			err = bpf_map__reuse_fd(map, programs->maps[index]);
		else if (!strcmp(bpf_map__name(map), "rings"))
			err = bpf_map__set_max_entries(map, programs->processors);
		if (err)
			return err;
	}
	return 0;
}

static int keep_maps(struct programs *programs, struct bpf_object *object)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object)
	{
		int index = shared_index(bpf_map__name(map));

		if (index < 0 || programs->maps[index] >= 0)
			continue;
		programs->maps[index] = dup(bpf_map__fd(map));
		if (programs->maps[index] < 0)
			return -errno;
	}
	return 0;
}

static int map_array(
	struct programs *programs, const char *name, struct mapping *mapping, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int fd = programs->maps[shared_index(name)];

	if (mapping->start)
		return 0;
	mapping->size = (size + page - 1) / page * page;
	mapping->start = mmap(NULL, mapping->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mapping->start == MAP_FAILED) {
		mapping->start = NULL;
		return -errno;
	}
	return 0;
}

static int take_note(void *context, void *data, size_t size)
{
	struct programs *programs = context;
	const struct rk_note *note = data;

	if (size >= sizeof(*note) && note->size <= size - sizeof(*note))
		programs->take(programs->context, note);
	return 0;
}

static int open_maps(struct programs *programs)
{
	int err = map_array(programs, "pids", &programs->pids, RK_PIDS);

	if (!err)
		err = map_array(programs, "rings", &programs->rings,
			programs->processors * sizeof(struct rk_ring));
	if (!err)
		err = map_array(
			programs, "settings", &programs->settings, sizeof(struct rk_settings));
	if (!err && !programs->notes) {
		programs->notes = ring_buffer__new(
			programs->maps[shared_index("notes")], take_note, programs, NULL);
		err = programs->notes ? 0 : -errno;
	}
	return err;
}

static int attach_all(struct programs *programs, struct bpf_object *object)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, object)
	{
		struct bpf_link *link;

		if (!strncmp(bpf_program__section_name(program), "uprobe", 6) ||
			!strcmp(bpf_program__section_name(program), "perf_event"))
			continue;
		if (programs->link_count == LINKS_MAX)
			return -ENOSPC;
		link = bpf_program__attach(program);
		if (!link) {
			int err = -errno;

			snprintf(programs->why, sizeof(programs->why), "cannot attach %s: %s",
				bpf_program__name(program), strerror(-err));
			return err;
		}
		programs->links[programs->link_count++] = link;
	}
	return 0;
}

static int load_object(struct programs *programs, struct bpf_object *object)
{
	int err = prepare_maps(programs, object);

	if (!err) {
		uprobe_prepare(object);
		err = bpf_object__load(object);
	}
	if (!err)
		err = keep_maps(programs, object);
	if (!err)
		err = open_maps(programs);
	return err;
}

int programs_load(struct programs *programs, enum programs_family family)
{
	const struct embedded *file = embedded_find(families[family].path);
	LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "ragtime");
	struct bpf_object *object;
	int err;

	if (programs->objects[family])
		return 0;
	programs->why[0] = '\0';
	object = file ? bpf_object__open_mem(file->text, file->size, &options) : NULL;
	if (!object) {
		snprintf(programs->why, sizeof(programs->why), "%s is not in this build",
			families[family].path);
		return -ENOENT;
	}
	programs->objects[family] = object;
	err = load_object(programs, object);
	if (err && !*programs->why)
		snprintf(programs->why, sizeof(programs->why),
			"the kernel refuses to load them: %s", strerror(-err));
	return err ? err : attach_all(programs, object);
}

const char *programs_why(const struct programs *programs)
{
	return programs->why;
}

/* The older way cannot be told all threads of one process: the program asks who it is. */
static int probe_everywhere(struct programs *programs, const struct bpf_program *program,
	const struct programs_site *site)
{
	for (size_t i = 0; i < site->count; i++) {
		struct bpf_link *link;

		if (programs->link_count == LINKS_MAX)
			return -ENOSPC;
		link = bpf_program__attach_uprobe(program, false, -1, site->path, site->offsets[i]);
		if (!link)
			return -errno;
		programs->links[programs->link_count++] = link;
	}
	return 0;
}

int programs_probe(struct programs *programs, enum programs_family family, const char *name,
	const struct programs_site *site)
{
	struct bpf_program *program = programs->objects[family]
		? bpf_object__find_program_by_name(programs->objects[family], name)
		: NULL;
	int fd;

	if (!program)
		return -ENOENT;
	if (!uprobe_has_multi())
		return probe_everywhere(programs, program, site);
	if (programs->multi_count == LINKS_MAX)
		return -ENOSPC;
	fd = uprobe_multi(
		bpf_program__fd(program), site->path, site->offsets, site->count, site->pid);
	if (fd < 0)
		return fd;
	programs->multi_links[programs->multi_count].fd = fd;
	programs->multi_links[programs->multi_count++].pid = site->pid;
	return 0;
}

void programs_unprobe(struct programs *programs, int pid)
{
	for (size_t i = programs->multi_count; i-- > 0;) {
		if (programs->multi_links[i].pid != pid)
			continue;
		close(programs->multi_links[i].fd);
		programs->multi_links[i] = programs->multi_links[--programs->multi_count];
	}
}

/* A timer of one processor that counts while anything but idling runs there. */
static int open_timer(int processor, uint64_t period_ns)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = period_ns,
		.exclude_idle = 1,
	};

	return (int)syscall(SYS_perf_event_open, &attr, -1, processor, -1, PERF_FLAG_FD_CLOEXEC);
}

int programs_sample(struct programs *programs, unsigned hz)
{
	struct bpf_program *program = programs->objects[PROGRAMS_sample]
		? bpf_object__find_program_by_name(programs->objects[PROGRAMS_sample], "sample")
		: NULL;

	for (unsigned i = 0; program && i < programs->processors; i++) {
		int timer = open_timer((int)i, 1000000000 / hz);
		struct bpf_link *link;

		if (timer < 0 && errno == ENODEV) /* that processor is off */
			continue;
		if (timer < 0 || programs->link_count == LINKS_MAX)
			return timer < 0 ? -errno : -ENOSPC;
		link = bpf_program__attach_perf_event(program, timer);
		if (!link) {
			int err = -errno;

			close(timer);
			return err;
		}
		programs->links[programs->link_count++] = link;
	}
	return program ? 0 : -ENOENT;
}

int programs_python(struct programs *programs, uint32_t pid, const struct rk_python *python)
{
	int fd = programs->maps[shared_index("pythons")];
	int err = python ? bpf_map_update_elem(fd, &pid, python, BPF_ANY)
			 : bpf_map_delete_elem(fd, &pid);

	return err ? -errno : 0;
}

struct rk_settings *programs_settings(struct programs *programs)
{
	return programs->settings.start;
}

uint8_t *programs_traced(struct programs *programs)
{
	return programs->pids.start;
}

struct rk_ring *programs_ring(struct programs *programs, unsigned processor)
{
	return (struct rk_ring *)programs->rings.start + processor;
}

unsigned programs_rings(const struct programs *programs)
{
	return programs->processors;
}

int programs_notes(struct programs *programs, programs_note_fn *take, void *context)
{
	programs->take = take;
	programs->context = context;
	return ring_buffer__consume(programs->notes);
}

uint64_t programs_drops(struct programs *programs, uint32_t tid)
{
	int fd = programs->maps[shared_index("drops")];
	uint64_t count = 0;

	if (bpf_map_lookup_elem(fd, &tid, &count))
		return 0;
	bpf_map_delete_elem(fd, &tid);
	return count;
}

bool programs_counts(struct programs *programs, uint32_t tid, struct rk_counts *counts, bool forget)
{
	int fd = programs->maps[shared_index("counts")];
	bool found = fd >= 0 && !bpf_map_lookup_elem(fd, &tid, counts);

	if (found && forget)
		bpf_map_delete_elem(fd, &tid);
	return found;
}

void programs_mute(struct programs *programs, uint64_t inode, bool mute)
{
	int fd = programs->maps[shared_index("muted")];
	uint8_t one = 1;

	if (mute)
		bpf_map_update_elem(fd, &inode, &one, BPF_ANY);
	else
		bpf_map_delete_elem(fd, &inode);
}
