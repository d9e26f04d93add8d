/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/coldstart/page_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"

#define WINDOW ((int64_t)1 << 30) /* bytes looked at in one go */
#define READ_SIZE ((size_t)1 << 20)
#define SPEED_BYTES ((int64_t)256 << 20)

static int64_t resident_in(int fd, int64_t offset, int64_t length, int64_t page)
{
	size_t pages = (size_t)((length + page - 1) / page);
	void *mapped = mmap(NULL, (size_t)length, PROT_NONE, MAP_SHARED, fd, offset);
	unsigned char *present = malloc(pages);
	int64_t resident = -1;

	if (mapped != MAP_FAILED && present && !mincore(mapped, (size_t)length, present)) {
		resident = 0;
		for (size_t i = 0; i < pages; i++)
			resident += present[i] & 1 ? page : 0;
	}
	if (mapped != MAP_FAILED)
		munmap(mapped, (size_t)length);
	free(present);
	return resident > length ? length : resident;
}

static int open_regular(const char *path, int64_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat info;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &info) || !S_ISREG(info.st_mode)) {
		close(fd);
		return -EINVAL;
	}
	*size = info.st_size;
	return fd;
}

int page_cache_look(const char *path, struct page_cache_state *state)
{
	int64_t page = sysconf(_SC_PAGESIZE), size;
	int fd = open_regular(path, &size);

	if (fd < 0)
		return fd;
	*state = (struct page_cache_state){size, 0};
	for (int64_t at = 0; at < size && state->resident >= 0; at += WINDOW) {
		int64_t part = resident_in(fd, at, size - at < WINDOW ? size - at : WINDOW, page);

		state->resident = part < 0 ? -1 : state->resident + part;
	}
	close(fd);
	return 0;
}

int page_cache_drop(const char *path)
{
	int64_t size;
	int fd = open_regular(path, &size), err;

	if (fd < 0)
		return fd;
	(void)fdatasync(fd);
	err = posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	close(fd);
	return -err;
}

double page_cache_disk_speed(const char *path)
{
	char *bytes = malloc(READ_SIZE);
	int64_t size, done = 0;
	int fd = page_cache_drop(path) ? -1 : open_regular(path, &size);
	uint64_t begin = monotonic_ns(), took;

	while (fd >= 0 && bytes && done < SPEED_BYTES) {
		ssize_t got = pread(fd, bytes, READ_SIZE, done);

		if (got <= 0)
			break;
		done += got;
	}
	took = monotonic_ns() - begin;
	if (fd >= 0)
		close(fd);
	free(bytes);
	return done && took ? (double)done * 1e9 / (double)took : 0;
}
