/* SPDX-License-Identifier: Apache-2.0 */
#include "loader/kernel/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/log.h"
#include "lib/map.h"
#include "loader/kernel/programs.h"
#include "loader/symbols/elf.h"
#include "loader/symbols/returns.h"
#include "loader/target/find.h"

#define FIRST_LOOK 500000ull /* ns after a library was opened */
#define LAST_LOOK 2000000000ull

static const struct function {
	const char *symbol;
	const char *program; /* at its entry; NAME_end at its returns */
	bool entry_only;
} functions[] = {
	{"SSL_read", "ssl_read", false},
	{"SSL_write", "ssl_write", false},
	{"SSL_read_ex", "ssl_read_ex", false},
	{"SSL_write_ex", "ssl_write_ex", false},
	{"SSL_do_handshake", "ssl_do_handshake", false},
	{"SSL_free", "ssl_free", true},
	{"gnutls_record_recv", "gnutls_recv", false},
	{"gnutls_record_send", "gnutls_send", false},
	{"gnutls_handshake", "gnutls_handshake", false},
	{"gnutls_deinit", "gnutls_deinit", true},
	{0},
};

static const struct function go_functions[] = {
	{"crypto/tls.(*Conn).Read", "go_read", false},
	{"crypto/tls.(*Conn).Write", "go_write", false},
	{0},
};

/* A process that may load a library, or has just done so. */
struct look {
	struct look *next;
	pid_t pid;
	uint64_t due, wait, until;
};

struct tls {
	struct programs *programs;
	struct map done;   /* of a process and a file: it is attached, or cannot be */
	struct map inside; /* of a program's file: enum inside */
	struct look *looks;
};

struct tls *tls_new(struct programs *programs)
{
	struct tls *tls = calloc(1, sizeof(*tls));

	if (tls)
		tls->programs = programs;
	return tls;
}

void tls_free(struct tls *tls)
{
	if (!tls)
		return;
	while (tls->looks) {
		struct look *look = tls->looks;

		tls->looks = look->next;
		free(look);
	}
	map_free(&tls->done);
	map_free(&tls->inside);
	free(tls);
}

/* Go's are in the program's own table of symbols, where it was not taken away. */
static bool find_symbol(struct elf *elf, const struct function *function, struct elf_symbol *symbol)
{
	const struct elf_symbol *symbols;
	size_t count;

	if (!strchr(function->symbol, '/'))
		return elf_exported(elf, function->symbol, symbol);
	if (elf_load(elf))
		return false;
	symbols = elf_symbols(elf, &count);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(symbols[i].name, function->symbol) != 0)
			continue;
		*symbol = symbols[i];
		return true;
	}
	return false;
}

/* One function of a file. 0, or -errno; -ENOENT where the file has no such. */
static int probe(struct tls *tls, struct elf *elf, const char *path, pid_t pid,
	const struct function *function)
{
	uint64_t offsets[RETURNS_MAX], entry;
	struct programs_site at = {path, &entry, 1, pid}, ends = {path, offsets, 0, pid};
	struct elf_symbol symbol;
	char name[48];
	int count, err;

	if (!find_symbol(elf, function, &symbol) || !elf_offset(elf, symbol.address, &entry))
		return -ENOENT;
	if (function->entry_only)
		return programs_probe(tls->programs, PROGRAMS_tls, function->program, &at);
	count = returns_find(elf, &symbol, offsets);
	if (count < 0)
		return count;
	ends.count = (size_t)count;
	snprintf(name, sizeof(name), "%s_end", function->program);
	err = programs_probe(tls->programs, PROGRAMS_tls, name, &ends);
	return err ? err : programs_probe(tls->programs, PROGRAMS_tls, function->program, &at);
}

/* How many of these functions are seen from now on. */
static unsigned attach(struct tls *tls, const char *path, const char *shown, pid_t pid,
	const struct function *list)
{
	struct elf *elf = elf_open(open(path, O_RDONLY | O_CLOEXEC));
	unsigned done = 0;

	if (!elf) {
		log_warn("process %d: cannot read %s: its TLS is not seen", (int)pid, shown);
		return 0;
	}
	for (const struct function *function = list; function->symbol; function++) {
		int err = probe(tls, elf, path, pid, function);

		if (!err)
			done++;
		else if (err == -ENOTSUP) /* handshakes of OpenSSL 3: the rest is seen */
			log_debug("process %d: %s of %s is left by a jump: not seen", (int)pid,
				function->symbol, shown);
		else if (err != -ENOENT)
			log_warn("process %d: %s of %s is not seen: %s", (int)pid, function->symbol,
				shown, strerror(-err));
	}
	log_debug("process %d: %u functions of %s", (int)pid, done, shown);
	elf_close(elf);
	return done;
}

/* Once for each process and file. */
static bool is_new(struct tls *tls, pid_t pid, const char *path)
{
	struct stat info;
	uint64_t *place;

	if (stat(path, &info))
		return false;
	place = map_at(&tls->done,
		(uint64_t)(uint32_t)pid << 40 ^ info.st_ino ^ (uint64_t)info.st_dev << 28);
	if (!place || *place)
		return false;
	*place = (uint64_t)pid;
	return true;
}

enum inside { INSIDE_UNKNOWN, INSIDE_NOTHING, INSIDE_OPENSSL, INSIDE_GO };

/* A program's file is read once, however many processes run it. */
static void look_inside(struct tls *tls, struct candidate *candidate)
{
	size_t before = candidate->tls_count;
	struct stat info;
	uint64_t *known;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)candidate->pid);
	known = stat(path, &info) ? NULL
				  : map_at(&tls->inside, info.st_ino ^ (uint64_t)info.st_dev << 28);
	if (known && *known == INSIDE_NOTHING)
		return;
	if (before < FIND_TLS)
		find_tls_inside(candidate);
	if (known)
		*known = candidate->tls_count > before ? INSIDE_OPENSSL
			: candidate->go		       ? INSIDE_GO
						       : INSIDE_NOTHING;
}

void tls_look(struct tls *tls, pid_t pid)
{
	struct candidate candidate;
	char path[600];

	if (!find_tls(pid, &candidate))
		return;
	look_inside(tls, &candidate);
	for (size_t i = 0; i < candidate.tls_count; i++) {
		const struct find_tls *library = &candidate.tls[i];

		snprintf(path, sizeof(path), library->builtin ? "/proc/%d/exe" : "/proc/%d/root%s",
			(int)pid, library->path);
		if (is_new(tls, pid, path))
			attach(tls, path, library->path, pid, functions);
	}
	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	if (candidate.go && !candidate.tls_count && is_new(tls, pid, path) &&
		attach(tls, path, candidate.program, pid, go_functions) < 2)
		log_note("process %d: what a Go program says over its own TLS is not seen: it has "
			 "no symbols of crypto/tls",
			(int)pid);
}

static void look_later(struct tls *tls, pid_t pid, uint64_t now_ns)
{
	struct look *look = tls->looks;

	while (look && look->pid != pid)
		look = look->next;
	if (!look) {
		look = calloc(1, sizeof(*look));
		if (!look)
			return;
		look->pid = pid;
		look->next = tls->looks;
		tls->looks = look;
	}
	look->wait = FIRST_LOOK;
	look->due = now_ns;
	look->until = now_ns + LAST_LOOK;
}

void tls_expect(struct tls *tls, pid_t pid, const char *path, uint64_t now_ns)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;

	if (!fnmatch("libssl*.so*", base, 0) || !fnmatch("libgnutls*.so*", base, 0))
		look_later(tls, pid, now_ns);
}

void tls_begun(struct tls *tls, pid_t pid, uint64_t now_ns)
{
	look_later(tls, pid, now_ns);
}

void tls_ended(struct tls *tls, pid_t pid)
{
	/* its number may come back as another's */
	for (size_t i = 0; i < tls->done.capacity; i++) {
		const struct map_entry *entry = &tls->done.entries[i];

		if (!entry->used || entry->value != (uint64_t)pid)
			continue;
		map_remove(&tls->done, entry->key);
		i = (size_t)-1; /* what is removed moves others up */
	}
	programs_unprobe(tls->programs, pid);
	for (struct look **at = &tls->looks; *at; at = &(*at)->next) {
		struct look *look = *at;

		if (look->pid != pid)
			continue;
		*at = look->next;
		free(look);
		return;
	}
}

void tls_pass(struct tls *tls, uint64_t now_ns)
{
	struct look **at = &tls->looks;

	while (*at) {
		struct look *look = *at;

		if (now_ns < look->due) {
			at = &look->next;
			continue;
		}
		tls_look(tls, look->pid);
		look->wait *= 2;
		look->due = now_ns + look->wait;
		if (look->due <= look->until) {
			at = &look->next;
		} else {
			*at = look->next;
			free(look);
		}
	}
}
