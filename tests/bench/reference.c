/* SPDX-License-Identifier: Apache-2.0 */
/* reference OBJECT empty|edge PID: attaches, says so, and stays until its input ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

int main(int argc, char **argv)
{
	struct bpf_object *object = argc == 4 ? bpf_object__open(argv[1]) : NULL;
	struct bpf_program *program;
	struct bpf_map *map;
	unsigned pid;
	char line[16];

	if (!object)
		return 2;
	pid = (unsigned)atoi(argv[3]);
	bpf_object__for_each_program(program, object) bpf_program__set_autoload(
		program, !strncmp(bpf_program__name(program), argv[2], strlen(argv[2])));
	if (bpf_object__load(object))
		return 3;
	/* `wanted` stands first in .bss, whatever else is there */
	bpf_object__for_each_map(map, object)
	{
		unsigned char *bits;

		if (!strstr(bpf_map__name(map), ".bss"))
			continue;
		bits = mmap(NULL, bpf_map__value_size(map), PROT_READ | PROT_WRITE, MAP_SHARED,
			bpf_map__fd(map), 0);
		if (bits == MAP_FAILED)
			return 4;
		bits[pid >> 3] |= (unsigned char)(1 << (pid & 7));
	}
	bpf_object__for_each_program(program, object)
	{
		if (bpf_program__autoload(program) && !bpf_program__attach(program))
			return 5;
	}
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		;
	return 0;
}
