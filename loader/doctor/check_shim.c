/* SPDX-License-Identifier: Apache-2.0 */
/* Launching under trace: the libraries, and one real run. */
#include <errno.h>
#include <gnu/libc-version.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "loader/doctor/doctor.h"
#include "loader/target/identity.h"
#include "wire/frame.h"

static void check_libc(struct doctor *doctor)
{
	static const char musl[] = "/lib/ld-musl-x86_64.so.1";

	doctor_add(doctor, "libc", VERDICT_YES, NULL, "glibc %s%s", gnu_get_libc_version(),
		access(musl, X_OK) ? "" : ", and musl is installed beside it");
}

/* A program that prints its own mappings, under trace: the shim must stand among them, and the
 * trace must have been written to its end. */
static void check_run(struct doctor *doctor)
{
	static const char advice[] = "run `ragtime run -v -- /bin/cat /proc/self/maps` to see why";
	char output[32], printed[65536];
	char *argv[] = {
		"/proc/self/exe", "run", "-o", output, "--", "/bin/cat", "/proc/self/maps", NULL};
	int trace = memfd_create("ragtime-doctor", MFD_CLOEXEC);
	struct rt_file_header header = {0};
	int status;

	if (trace < 0) {
		doctor_add_result(doctor, "run", -errno, advice, "a memory file for the trace");
		return;
	}
	snprintf(output, sizeof(output), "fd:%d", trace);
	status = run_program(argv, trace, 20, printed, sizeof(printed));
	if (status)
		doctor_add(doctor, "run", VERDICT_NO, advice, "a traced /bin/cat %s %d",
			status < 0 ? "did not end: error" : "ended with status",
			status < 0 ? -status : status);
	else if (!strstr(printed, "libragtime.so"))
		doctor_add(doctor, "run", VERDICT_NO, advice,
			"a traced /bin/cat ran, but without the shim in it");
	else if (pread(trace, &header, sizeof(header), 0) != sizeof(header) ||
		memcmp(header.magic, RT_FILE_MAGIC, sizeof(header.magic)) != 0)
		doctor_add(doctor, "run", VERDICT_NO, advice,
			"a traced /bin/cat ran with the shim in it, but left no trace");
	else
		doctor_add(doctor, "run", VERDICT_YES, NULL,
			"LD_PRELOAD works: a traced /bin/cat held the shim and left a trace");
	close(trace);
}

void check_shim(struct doctor *doctor)
{
	char path[PATH_MAX];
	int err = identity_shim(path, sizeof(path));

	check_libc(doctor);
	if (err) {
		doctor_add(doctor, "shim", VERDICT_NO,
			"build or install it: `make`, or `make install`",
			"libragtime.so is neither beside this program nor in ../lib/ragtime");
		return;
	}
	doctor_add(doctor, "shim", VERDICT_YES, NULL, "%s", path);
	check_run(doctor);
}
