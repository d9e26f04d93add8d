/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A main for fuzz targets that replays files: every file of the folders and files named, each also
 * truncated and with bytes flipped, in memory that ends at an unreadable page.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned long runs;

/* One run with the bytes right before an unmapped page. */
static void run_guarded(const uint8_t *data, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t room = (size + page - 1) / page * page;
	uint8_t *map =
		mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED || mprotect(map + room, page, PROT_NONE))
		exit(2);
	memcpy(map + room - size, data, size);
	LLVMFuzzerTestOneInput(map + room - size, size);
	munmap(map, room + page);
	runs++;
}

static void run_mutations(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size + 1);
	uint32_t seed = 12345;
	size_t step = size / 64 + 1;

	run_guarded(data, size);
	for (size_t cut = 0; cut < size; cut += step)
		run_guarded(data, cut);
	for (int i = 0; i < 200 && size; i++) {
		memcpy(copy, data, size);
		for (int flips = i % 4; flips >= 0; flips--) {
			seed = seed * 1664525 + 1013904223;
			copy[(seed >> 4) % size] ^= (uint8_t)(1u << (seed >> 29));
		}
		run_guarded(copy, size);
	}
	free(copy);
}

static void replay(const char *path)
{
	struct stat info;
	FILE *file;
	uint8_t *data;

	if (stat(path, &info))
		return;
	if (S_ISDIR(info.st_mode)) {
		DIR *folder = opendir(path);

		for (struct dirent *entry; folder && (entry = readdir(folder));) {
			char name[4096];

			if (entry->d_name[0] == '.')
				continue;
			snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
			replay(name);
		}
		if (folder)
			closedir(folder);
		return;
	}
	file = fopen(path, "rb");
	data = malloc((size_t)info.st_size + 1);
	if (file && data && fread(data, 1, (size_t)info.st_size, file) == (size_t)info.st_size)
		run_mutations(data, (size_t)info.st_size);
	if (file)
		fclose(file);
	free(data);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	printf("%lu runs\n", runs);
	return runs == 0;
}
