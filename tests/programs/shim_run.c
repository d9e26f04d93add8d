/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shim_run OUTPUT PRELOAD PROGRAM ARGS: runs a program under the shim, behind the libraries of
 * PRELOAD where it is not empty, and passes its status on. OUTPUT gets a line for each kind of
 * record with its count, the number of programs that were not followed and of records lost.
 */
#include "tests/unit/shim_region.h"

static const struct {
	unsigned number;
	const char *name;
} kinds[] = {
#define EVENT(number, name, family, wait, arg) {number, #name},
#include "wire/event.def"
#undef EVENT
};

static void report(const struct shim_region *region, const char *path)
{
	FILE *out = fopen(path, "w");

	if (!out)
		exit(125);
	for (unsigned index = 0; index < sizeof(kinds) / sizeof(*kinds); index++) {
		unsigned number = kinds[index].number;
		uint64_t count = shim_count(region, number, NULL);

		for (unsigned slot = 0; slot < region->map->slots; slot++)
			if (number >= RT_COUNTED_FIRST &&
				number < RT_COUNTED_FIRST + RT_COUNTED_MAX)
				count += shim_slot(region, slot)
						 ->counts[number - RT_COUNTED_FIRST]
						 .calls;
		if (count)
			fprintf(out, "%s %llu\n", kinds[index].name, (unsigned long long)count);
	}
	fprintf(out, "untraced %llu\nlost %llu\n", (unsigned long long)region->map->untraced_exec,
		(unsigned long long)shim_lost(region));
	fclose(out);
}

int main(int argc, char **argv)
{
	struct shim_region region;
	int status;

	if (argc < 4)
		return 2;
	if (shim_region_make(&region, 256, 1024))
		return 125;
	status = shim_wait(shim_start(&region, argv[2][0] ? argv[2] : NULL, argv + 3, NULL));
	report(&region, argv[1]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
