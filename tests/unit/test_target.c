/* SPDX-License-Identifier: Apache-2.0 */
/* Before a program is started: which file it is, whether the shim can enter, how much memory. */
#include "tests/unit/unit.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "loader/target/identity.h"
#include "loader/target/limits.h"

static char folder[256];

static const char *in_folder(const char *name)
{
	static char path[512];

	if (!folder[0]) {
		snprintf(folder, sizeof(folder), "%s/target.XXXXXX",
			getenv("TMP") ? getenv("TMP") : "/tmp");
		if (!mkdtemp(folder))
			abort();
	}
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void put(const char *name, const void *bytes, size_t size, mode_t mode)
{
	int fd = open(in_folder(name), O_CREAT | O_TRUNC | O_WRONLY, 0700);

	CHECK(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
	CHECK_EQ(fchmod(fd, mode), 0);
	close(fd);
}

static void put_text(const char *name, const char *text)
{
	put(name, text, strlen(text), 0755);
}

TEST(commands_are_found_as_a_shell_finds_them)
{
	char path[512], expected[600];

	put_text("tool", "#!/bin/sh\n");
	put("data", "x", 1, 0644);
	setenv("PATH", "/nonexistent", 1);
	CHECK_EQ(identity_find("tool", path, sizeof(path)), -ENOENT);
	snprintf(expected, sizeof(expected), "/nonexistent:%s", folder);
	setenv("PATH", expected, 1);
	CHECK_EQ(identity_find("tool", path, sizeof(path)), 0);
	CHECK_STR(path, in_folder("tool"));
	CHECK_EQ(identity_find("data", path, sizeof(path)), -EACCES);
	CHECK_EQ(identity_find("", path, sizeof(path)), -ENOENT);
	CHECK_EQ(identity_find(folder, path, sizeof(path)), -EACCES);
	CHECK_EQ(chdir(folder), 0);
	setenv("PATH", "/nonexistent:", 1);
	CHECK_EQ(identity_find("tool", path, sizeof(path)), 0);
	CHECK_EQ(identity_find("./tool", path, sizeof(path)), 0);
}

TEST(programs_that_the_shim_cannot_enter_are_named)
{
	Elf64_Ehdr elf = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64}, .e_machine = EM_X86_64};
	char script[600];

	CHECK(!identity_obstacle("/bin/sh"));
	CHECK(!identity_obstacle("/nonexistent"));
	put("static", &elf, sizeof(elf), 0755);
	CHECK(strstr(identity_obstacle(in_folder("static")), "statically"));
	elf.e_machine = EM_AARCH64;
	put("arm", &elf, sizeof(elf), 0755);
	CHECK(strstr(identity_obstacle(in_folder("arm")), "another processor"));
	elf.e_ident[EI_CLASS] = ELFCLASS32;
	put("small", &elf, sizeof(elf), 0755);
	CHECK(strstr(identity_obstacle(in_folder("small")), "32-bit"));
	snprintf(script, sizeof(script), "#! %s arg\n", in_folder("small"));
	put_text("script", script);
	CHECK(strstr(identity_obstacle(in_folder("script")), "32-bit"));
	put_text("loop", "#!");
	snprintf(script, sizeof(script), "#!%s\n", in_folder("loop"));
	put_text("loop", script);
	CHECK(!identity_obstacle(in_folder("loop")));
}

TEST(a_damaged_program_is_no_reason_to_crash)
{
	uint8_t bytes[4096];
	int fd = open("/proc/self/exe", O_RDONLY);
	unsigned seed = 1;

	CHECK(read(fd, bytes, sizeof(bytes)) == sizeof(bytes));
	close(fd);
	for (int round = 0; round < 2000; round++) {
		uint8_t copy[sizeof(bytes)];

		memcpy(copy, bytes, sizeof(copy));
		for (int i = 0; i < 6; i++) {
			seed = seed * 1103515245 + 12345;
			copy[seed >> 8 & 127] = (uint8_t)(seed >> 16);
		}
		put("broken", copy, sizeof(copy) - (seed >> 4) % 4000, 0755);
		identity_obstacle(in_folder("broken"));
	}
}

TEST(the_least_limit_of_all_levels_counts)
{
	in_folder("");
	CHECK_EQ(chdir(folder), 0);
	mkdir("a", 0700);
	mkdir("a/b", 0700);
	put_text("memory.max", "max\n");
	put_text("a/memory.max", "5000000\n");
	put_text("a/b/memory.max", "7000000\n");
	CHECK_EQ(limits_of_cgroup(folder, "/a/b", "memory.max"), 5000000);
	put_text("a/b/memory.max", "3000000\n");
	CHECK_EQ(limits_of_cgroup(folder, "/a/b", "memory.max"), 3000000);
	CHECK(limits_of_cgroup(folder, "/", "memory.max") == UINT64_MAX);
	CHECK(limits_of_cgroup(folder, "/none", "memory.max") == UINT64_MAX);
}

TEST(the_address_space_limit_counts)
{
	struct rlimit space = {.rlim_cur = 512u << 20, .rlim_max = RLIM_INFINITY};

	CHECK_EQ(setrlimit(RLIMIT_AS, &space), 0);
	CHECK(limits_memory() <= 512u << 20);
}

UNIT_MAIN
