/* SPDX-License-Identifier: Apache-2.0 */
#include "loader/target/find.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader/symbols/elf.h"
#include "loader/target/identity.h"
#include "loader/target/ports.h"
#include "loader/target/procfs.h"
#include "loader/target/rights.h"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

enum where { WHERE_program, WHERE_script, WHERE_library };

static const struct runtime {
	const char *name;
	enum where where;
	const char *pattern;
} runtimes[] = {
#define RUNTIME(name, where, pattern) {#name, WHERE_##where, pattern},
#include "loader/target/runtimes.def"
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The deleted file of a running program keeps its name, with a remark behind. */
static void strip_deleted(char *path)
{
	char *remark = strstr(path, " (deleted)");

	if (remark && !remark[10])
		*remark = '\0';
}

static void add_tls(struct candidate *candidate, const char *path, bool builtin)
{
	for (size_t i = 0; i < candidate->tls_count; i++)
		if (!strcmp(candidate->tls[i].path, path))
			return;
	if (candidate->tls_count == FIND_TLS)
		return;
	snprintf(candidate->tls[candidate->tls_count].path, sizeof(candidate->tls[0].path), "%s",
		path);
	candidate->tls[candidate->tls_count++].builtin = builtin;
}

/* What stands between the name and the first suffix: "libpython3.11.so.1.0" and "python3.11" both
 * say 3.11. */
static void take_version(struct candidate *candidate, const char *base)
{
	const char *digits = strpbrk(base, "0123456789");
	size_t length = digits ? strspn(digits, "0123456789.") : 0;

	while (length && digits[length - 1] == '.')
		length--;
	if (length && length < sizeof(candidate->version) && memchr(digits, '.', length))
		snprintf(candidate->version, sizeof(candidate->version), "%.*s", (int)length,
			digits);
}

static void take_runtime(struct candidate *candidate, enum where where, const char *base)
{
	for (size_t i = 0; i < ARRAY(runtimes) && !candidate->runtime; i++) {
		if (runtimes[i].where != where || fnmatch(runtimes[i].pattern, base, 0))
			continue;
		candidate->runtime = runtimes[i].name;
		take_version(candidate, base);
	}
}

static void read_maps(struct candidate *candidate)
{
	char path[64], line[1024];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)candidate->pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		char *object = strchr(line, '/');
		const char *base;

		if (!object)
			continue;
		object[strcspn(object, "\n")] = '\0';
		strip_deleted(object);
		base = base_name(object);
		take_runtime(candidate, WHERE_library, base);
		if (!fnmatch("libpython*.so*", base, 0) && !*candidate->version)
			take_version(candidate, base);
		if (!fnmatch("libssl*.so*", base, 0) || !fnmatch("libgnutls*.so*", base, 0))
			add_tls(candidate, object, false);
	}
	if (file)
		fclose(file);
}

void find_tls_inside(struct candidate *candidate)
{
	struct elf_symbol symbol;
	struct elf *elf;
	char path[64];
	uint64_t address;
	size_t size;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)candidate->pid);
	elf = elf_open(open(path, O_RDONLY | O_CLOEXEC));
	if (!elf)
		return;
	candidate->go = elf_section(elf, ".note.go.buildid", &address, &size) != NULL;
	if (elf_exported(elf, "SSL_read", &symbol))
		add_tls(candidate, candidate->program, true);
	elf_close(elf);
}

static size_t hex_run(const char *text)
{
	return strspn(text, "0123456789abcdef");
}

/* The innermost group of the unified hierarchy, or of the first. A container's part of it ends in
 * 64 hexadecimal digits, with or without words around them. */
static void read_group(struct candidate *candidate)
{
	char text[4096], *line = text, *best = NULL;

	if (procfs_read(candidate->pid, "cgroup", text, sizeof(text)) <= 0)
		return;
	for (char *next; line && *line; line = next) {
		char *path = strchr(line, ':');

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		path = path ? strchr(path + 1, ':') : NULL;
		if (path && (!best || strlen(path + 1) > strlen(best)))
			best = path + 1;
	}
	if (!best)
		return;
	snprintf(candidate->group, sizeof(candidate->group), "%s", best);
	for (char *at = best; *at;) {
		size_t run = hex_run(at);

		if (run == 64)
			snprintf(candidate->container, 13, "%s", at);
		at += run ? run : 1;
	}
}

struct listening {
	struct candidate *candidate;
	struct ports *ports;
};

static bool take_descriptor(void *context, int fd)
{
	struct listening *listening = context;
	struct candidate *candidate = listening->candidate;
	const struct ports_socket *socket;
	unsigned long long inode;
	char name[32], link[64];

	snprintf(name, sizeof(name), "fd/%d", fd);
	if (procfs_link(candidate->pid, name, link, sizeof(link)) <= 0 ||
		sscanf(link, "socket:[%llu]", &inode) != 1)
		return true;
	socket = ports_find(listening->ports, candidate->pid, inode, false);
	if (!socket || !socket->listens || !socket->local_port)
		return true;
	for (size_t i = 0; i < candidate->port_count; i++)
		if (candidate->ports[i] == socket->local_port)
			return true;
	candidate->ports[candidate->port_count++] = socket->local_port;
	return candidate->port_count < FIND_PORTS;
}

/* What costs little: enough to tell by name. */
static bool describe(pid_t pid, struct candidate *candidate)
{
	char *script;
	uint64_t value;

	memset(candidate, 0, sizeof(*candidate));
	candidate->pid = pid;
	/* a kernel's thread has no program, one that only waits to be reaped neither */
	if (procfs_link(pid, "exe", candidate->program, sizeof(candidate->program)) == -ENOENT)
		return false;
	if (procfs_read(pid, "comm", candidate->name, sizeof(candidate->name)) <= 0)
		return false;
	candidate->name[strcspn(candidate->name, "\n")] = '\0';
	strip_deleted(candidate->program);
	if (procfs_status(pid, "PPid", 10, &value))
		candidate->parent = (pid_t)value;
	if (procfs_status(pid, "Uid", 10, &value))
		candidate->uid = (uid_t)value;
	read_group(candidate);
	script = procfs_script(pid, candidate->program);
	if (script)
		snprintf(candidate->script, sizeof(candidate->script), "%s", script);
	free(script);
	return true;
}

static void complete(struct candidate *candidate, struct ports *ports)
{
	struct listening listening = {candidate, ports};
	const char *base = base_name(candidate->program);

	take_runtime(candidate, WHERE_script, base_name(candidate->script));
	if (*base)
		take_runtime(candidate, WHERE_program, base);
	read_maps(candidate);
	if (candidate->tls_count < FIND_TLS)
		find_tls_inside(candidate);
	if (ports)
		procfs_numbers(candidate->pid, "fd", take_descriptor, &listening);
}

static bool fits(const struct candidate *candidate, const struct find_filter *filter)
{
	if (filter->uid >= 0 && (uid_t)filter->uid != candidate->uid)
		return false;
	if (filter->group && !strstr(candidate->group, filter->group))
		return false;
	return !filter->name || !fnmatch(filter->name, candidate->name, 0) ||
		!fnmatch(filter->name, base_name(candidate->program), 0) ||
		(*candidate->script && !fnmatch(filter->name, base_name(candidate->script), 0));
}

static bool has_port(const struct candidate *candidate, long port)
{
	for (size_t i = 0; i < candidate->port_count; i++)
		if (candidate->ports[i] == port)
			return true;
	return false;
}

struct search {
	struct candidates *found;
	const struct find_filter *filter;
	struct ports *ports;
	pid_t except;
};

static bool take_process(void *context, int pid)
{
	struct search *search = context;
	struct candidates *found = search->found;
	struct candidate candidate, *list;

	if (pid == search->except || !describe(pid, &candidate) ||
		!fits(&candidate, search->filter) || (!*candidate.program && !search->filter->name))
		return true;
	complete(&candidate, search->ports);
	if ((search->filter->known && !candidate.runtime) ||
		(search->filter->port && !has_port(&candidate, search->filter->port)))
		return true;
	list = realloc(found->list, (found->count + 1) * sizeof(*list));
	if (!list) {
		found->failed = true;
		return false;
	}
	found->list = list;
	found->list[found->count++] = candidate;
	return true;
}

static int by_pid(const void *left, const void *right)
{
	const struct candidate *a = left, *b = right;

	return a->pid < b->pid ? -1 : a->pid > b->pid;
}

void find_all(struct candidates *found, const struct find_filter *filter, pid_t except)
{
	struct search search = {found, filter, ports_new(), except};

	memset(found, 0, sizeof(*found));
	if (!search.ports) {
		found->failed = true;
		return;
	}
	procfs_numbers(0, "", take_process, &search);
	if (found->count)
		qsort(found->list, found->count, sizeof(*found->list), by_pid);
	ports_free(search.ports);
}

void find_free(struct candidates *found)
{
	free(found->list);
	memset(found, 0, sizeof(*found));
}

bool find_one(pid_t pid, struct candidate *candidate)
{
	struct ports *ports = ports_new();
	bool known = ports && describe(pid, candidate);

	if (known)
		complete(candidate, ports);
	ports_free(ports);
	return known;
}

bool find_tls(pid_t pid, struct candidate *candidate)
{
	memset(candidate, 0, sizeof(*candidate));
	candidate->pid = pid;
	if (procfs_link(pid, "exe", candidate->program, sizeof(candidate->program)) < 0)
		return false;
	read_maps(candidate);
	return true;
}

const char *find_obstacle_bpf(void)
{
	if (procfs_namespace(getpid(), "pid") != PROCFS_FIRST_PID_SPACE)
		return "ragtime runs in a PID namespace of its own: start the container with --pid=host";
	return rights_bpf_obstacle();
}

/* What the process's status says against stopping it for a moment. */
static const char *judge_status(const struct candidate *candidate)
{
	uint64_t value;

	if (procfs_status(candidate->pid, "TracerPid", 10, &value) && value)
		return "a debugger or tracer holds it";
	if (procfs_status(candidate->pid, "Seccomp", 10, &value) && value == 1)
		return "it may make four system calls only (strict seccomp)";
	if (geteuid() != 0 && candidate->uid != geteuid())
		return "it belongs to another user";
	return NULL;
}

const char *find_obstacle_inject(const struct candidate *candidate)
{
	const char *obstacle = judge_status(candidate);
	char path[64], scope[8];

	if (obstacle)
		return obstacle;
	if (geteuid() != 0 &&
		procfs_read(getpid(), "../sys/kernel/yama/ptrace_scope", scope, sizeof(scope)) >
			0 &&
		*scope != '0')
		return "Yama forbids it (kernel.yama.ptrace_scope)";
	snprintf(path, sizeof(path), "/proc/%d/exe", (int)candidate->pid);
	return identity_obstacle(path);
}
