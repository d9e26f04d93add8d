/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The constructor: finds the region that the tracer made, checks and maps it, resolves the
 * originals, and arms the hooks. Whatever fails leaves the process as if the shim were not there.
 */
#include "preload/environment.h"
#include "preload/init.h"
#include "preload/hooks/hook.h"
#include "preload/node/node.h"
#include "preload/patch/linked.h"
#include "preload/patch/patch.h"
#include "preload/payload.h"
#include "preload/process.h"
#include "preload/python/python.h"

#include <fcntl.h>
#include <linux/mman.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW)

/* Mapped ahead at start: the faults of a short program's whole life. */
#define POPULATE_SLOTS 16
#define POPULATE_CHUNKS 16

static bool region_fits(const struct rt_region *region, __u64 size, __u64 cookie)
{
	return region->magic == RT_REGION_MAGIC && region->version == RT_REGION_VERSION &&
		region->cookie == cookie && region->size == size && region->slots &&
		region->slots <= RT_SLOTS_MAX && region->chunks <= RT_CHUNKS_MAX &&
		region->header_size >= sizeof(*region) &&
		region->header_size % sizeof(struct rt_slot) == 0 && region->header_size < size &&
		region->chunks_offset % sizeof(struct rt_slot) == 0 &&
		region->chunks_offset >=
		region->header_size + region->slots * sizeof(struct rt_slot) &&
		region->chunks_offset + (__u64)region->chunks * RT_CHUNK_SIZE <= size;
}

/*
 * A limit on the address space that came after the region was made, as by ulimit in a script: the
 * program shall be refused memory just where it would be without us. The tracer keeps to a 20th.
 */
static bool space_allows(__u64 size)
{
	struct rlimit space;

	return raw4(prlimit64, 0, RLIMIT_AS, NULL, &space) || space.rlim_cur == RLIM_INFINITY ||
		size <= space.rlim_cur / 16;
}

static void populate(const struct rt_region *region, __u64 offset, __u64 size)
{
	if (offset + size > region->size)
		size = region->size - offset;
	raw3(madvise, (char *)region + offset, size, MADV_POPULATE_WRITE);
}

struct rt_region *region_map(int fd, __u64 cookie)
{
	long size = raw3(lseek, fd, 0, SEEK_END), at;
	struct rt_region *region;

	if (size < (long)sizeof(struct rt_region) || !space_allows((__u64)size))
		return NULL;
	/* Sealed against shrinking: no access to it can end in SIGBUS. */
	at = raw2(fcntl, fd, F_GET_SEALS);
	if (at < 0 || (at & SEALS) != SEALS)
		return NULL;
	at = raw6(mmap, 0, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at < 0 && at > -4096)
		return NULL;
	region = (struct rt_region *)at;
	if (!region_fits(region, (__u64)size, cookie)) {
		raw2(munmap, at, size);
		return NULL;
	}
	raw3(madvise, at, size, MADV_DONTDUMP);
	populate(region, 0, offsetof(struct rt_region, runtime_rules));
	populate(region, region->header_size, POPULATE_SLOTS * sizeof(struct rt_slot));
	populate(region, region->chunks_offset, POPULATE_CHUNKS * RT_CHUNK_SIZE);
	return region;
}

static struct rt_region *region_find(void)
{
	struct rt_region *region;
	long fd = raw4(openat, AT_FDCWD, environment.region_path, O_RDWR | O_CLOEXEC, 0);

	if (fd < 0)
		return NULL;
	region = region_map((int)fd, environment.cookie);
	raw1(close, fd);
	return region;
}

__attribute__((constructor)) static void shim_open(void)
{
	struct rt_region *region;

	environment_take();
	if (!originals_resolve() || !environment.region_path[0] || clock_is_forbidden())
		return;
	region = region_find();
	if (!region)
		return;
	if (process_open(region->slots)) {
		raw2(munmap, region, region->size);
		return;
	}
	self_locate();
	process_watch();
	rt_region = region;
	payload_init();
	process_begin(environment.from_exec ? RT_BIRTH_EXEC : RT_BIRTH_LAUNCH);
	if (environment.maker)
		mark_emit(RT_EV_maker, environment.maker, 0, NULL);
	linked_open();
	functions_open();
	python_open();
	node_open();
}
