/* SPDX-License-Identifier: Apache-2.0 */
#include "preload/child.h"
#include "preload/environment.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SCRIPTS 4 /* #! on #! on #!: as deep as the kernel goes */
#define SCRIPT_LINE 256
#define SEGMENTS_MAX 24 /* of some stack, which may be small */
#define CHAIN_MAX 64

/* Why the shim does not follow into a program. */
enum refusal {
	PROGRAM_FOLLOWED = 0,
	PROGRAM_STATIC,
	PROGRAM_FOREIGN, /* not an ELF file of our kind, or unreadable */
	PROGRAM_PRIVILEGED,
	PROGRAM_SANITIZED, /* AddressSanitizer refuses to start behind another library */
	PROGRAM_UNKNOWN,   /* no format that execve knows */
};

extern char **environ __attribute__((weak));

struct elf {
	int fd;
	unsigned segments;
	Elf64_Phdr segment[SEGMENTS_MAX];
};

static bool read_at(int fd, void *to, size_t size, __u64 offset)
{
	return raw4(pread64, fd, to, size, offset) == (long)size;
}

/* Offset in the file of an address in the program. */
static __u64 elf_offset(const struct elf *elf, __u64 address)
{
	for (unsigned index = 0; index < elf->segments; index++) {
		const Elf64_Phdr *segment = &elf->segment[index];

		if (segment->p_type == PT_LOAD && address - segment->p_vaddr < segment->p_filesz)
			return address - segment->p_vaddr + segment->p_offset;
	}
	return 0;
}

static const Elf64_Phdr *elf_segment(const struct elf *elf, unsigned type)
{
	for (unsigned index = 0; index < elf->segments; index++)
		if (elf->segment[index].p_type == type)
			return &elf->segment[index];
	return NULL;
}

struct dynamic {
	__u64 strings; /* file offsets; 0 where there is none */
	__u64 symbols;
	__u64 hash;
};

/* The entry at `index`; false at the end. */
static bool dynamic_entry(const struct elf *elf, unsigned index, Elf64_Dyn *entry)
{
	const Elf64_Phdr *segment = elf_segment(elf, PT_DYNAMIC);
	__u64 at = index * sizeof(*entry);

	return segment && at < segment->p_filesz &&
		read_at(elf->fd, entry, sizeof(*entry), segment->p_offset + at) &&
		entry->d_tag != DT_NULL;
}

static void dynamic_read(const struct elf *elf, struct dynamic *dynamic)
{
	Elf64_Dyn entry;

	*dynamic = (struct dynamic){.strings = 0};
	for (unsigned index = 0; dynamic_entry(elf, index, &entry); index++) {
		if (entry.d_tag == DT_STRTAB)
			dynamic->strings = elf_offset(elf, entry.d_un.d_ptr);
		else if (entry.d_tag == DT_SYMTAB)
			dynamic->symbols = elf_offset(elf, entry.d_un.d_ptr);
		else if (entry.d_tag == DT_GNU_HASH)
			dynamic->hash = elf_offset(elf, entry.d_un.d_ptr);
	}
}

static bool string_begins(int fd, __u64 offset, const char *prefix)
{
	char text[32] = "";

	raw4(pread64, fd, text, sizeof(text) - 1, offset);
	return text_after(text, prefix) != NULL;
}

static __u32 gnu_hash(const char *name)
{
	__u32 hash = 5381;

	while (*name)
		hash = hash * 33 + (unsigned char)*name++;
	return hash;
}

/* Does the program define `name`, by its DT_GNU_HASH table? */
static bool defines(int fd, const struct dynamic *dynamic, const char *name)
{
	struct {
		__u32 buckets, first, bloom_words, shift;
	} head;
	__u32 hash = gnu_hash(name), index, entry;
	__u64 buckets, chains;
	Elf64_Sym symbol;

	if (!dynamic->hash || !read_at(fd, &head, sizeof(head), dynamic->hash) || !head.buckets)
		return false;
	buckets = dynamic->hash + sizeof(head) + head.bloom_words * 8ull;
	chains = buckets + head.buckets * 4ull;
	if (!read_at(fd, &index, 4, buckets + hash % head.buckets * 4ull) || index < head.first)
		return false;
	for (unsigned step = 0; step < CHAIN_MAX; step++, index++) {
		if (!read_at(fd, &entry, 4, chains + (index - head.first) * 4ull))
			return false;
		if ((entry | 1) == (hash | 1) &&
			read_at(fd, &symbol, sizeof(symbol),
				dynamic->symbols + index * sizeof(symbol)) &&
			string_begins(fd, dynamic->strings + symbol.st_name, name))
			return true;
		if (entry & 1)
			return false;
	}
	return false;
}

static bool is_sanitized(const struct elf *elf)
{
	struct dynamic dynamic;
	Elf64_Dyn entry;

	dynamic_read(elf, &dynamic);
	for (unsigned index = 0; dynamic_entry(elf, index, &entry); index++) {
		__u64 name = dynamic.strings + entry.d_un.d_val;

		if (entry.d_tag == DT_NEEDED &&
			(string_begins(elf->fd, name, "libasan.so") ||
				string_begins(elf->fd, name, "libclang_rt.asan")))
			return true;
	}
	return defines(elf->fd, &dynamic, "__asan_init");
}

static enum refusal elf_check(int fd, const Elf64_Ehdr *header)
{
	struct elf elf = {.fd = fd, .segments = header->e_phnum};

	if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_machine != EM_X86_64 ||
		header->e_phentsize != sizeof(Elf64_Phdr) || elf.segments > SEGMENTS_MAX ||
		!read_at(fd, elf.segment, elf.segments * sizeof(Elf64_Phdr), header->e_phoff))
		return PROGRAM_FOREIGN;
	if (!elf_segment(&elf, PT_INTERP))
		return PROGRAM_STATIC;
	return is_sanitized(&elf) ? PROGRAM_SANITIZED : PROGRAM_FOLLOWED;
}

/* The interpreter named by a #! line, cut out in place. */
static char *script_interpreter(char *line)
{
	char *name = line + 2, *end;

	while (*name == ' ' || *name == '\t')
		name++;
	for (end = name; *end && *end != ' ' && *end != '\t' && *end != '\n'; end++)
		;
	*end = 0;
	return name;
}

static bool is_privileged(int fd, const struct stat *status)
{
	char value[64];

	return status->st_mode & (S_ISUID | S_ISGID) ||
		raw4(fgetxattr, fd, "security.capability", value, sizeof(value)) > 0;
}

/* One file. PROGRAM_UNKNOWN, with the interpreter in `line`, where it is a script. */
static enum refusal file_check(int fd, char *line, char **interpreter)
{
	struct stat status;
	long size;

	*interpreter = NULL;
	if (raw2(fstat, fd, &status) || !S_ISREG(status.st_mode))
		return PROGRAM_FOREIGN;
	if (is_privileged(fd, &status))
		return PROGRAM_PRIVILEGED;
	size = raw4(pread64, fd, line, SCRIPT_LINE - 1, 0);
	if (size < 0)
		return PROGRAM_FOREIGN;
	line[size] = 0;
	if (size >= (long)sizeof(Elf64_Ehdr) && text_after(line, ELFMAG))
		return elf_check(fd, (const Elf64_Ehdr *)line);
	if (size > 2 && line[0] == '#' && line[1] == '!')
		*interpreter = script_interpreter(line);
	return PROGRAM_UNKNOWN;
}

static long file_open(int dir, const char *path)
{
	return raw4(openat, dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
}

static const char *search_path(void)
{
	for (char **variable = environ; variable && *variable; variable++) {
		const char *value = text_after(*variable, "PATH=");

		if (value)
			return value;
	}
	return "/bin:/usr/bin";
}

/* As execvp finds it: the first that may be executed. */
static long file_search(const char *name)
{
	char path[PATH_MAX];
	size_t length = text_length(name);
	const char *folder = search_path();

	if (!length)
		return -ENOENT;
	for (;;) {
		size_t size = 0;

		while (folder[size] && folder[size] != ':')
			size++;
		if (size + length + 2 <= sizeof(path)) {
			memcpy(path, folder, size);
			path[size] = '/';
			memcpy(path + size + (size != 0), name, length + 1);
			if (!raw3(faccessat, AT_FDCWD, path, X_OK))
				return file_open(AT_FDCWD, path);
		}
		if (!folder[size])
			return -ENOENT;
		folder += size + 1;
	}
}

static bool has_slash(const char *path)
{
	while (*path && *path != '/')
		path++;
	return *path;
}

/* Descriptors are duplicated so that one close serves all. */
static long program_open(const struct program *program)
{
	if (!program->path)
		return raw3(fcntl, program->dir, F_DUPFD_CLOEXEC, 0);
	if (program->search && !has_slash(program->path))
		return file_search(program->path);
	return file_open(program->dir, program->path);
}

int program_check(const struct program *program)
{
	_Alignas(Elf64_Ehdr) char line[SCRIPT_LINE];
	char *interpreter;
	long fd = program_open(program);
	enum refusal refusal = PROGRAM_UNKNOWN;

	for (unsigned depth = 0; depth < SCRIPTS; depth++) {
		if (fd < 0)
			return (int)fd;
		refusal = file_check((int)fd, line, &interpreter);
		raw1(close, fd);
		if (refusal != PROGRAM_UNKNOWN)
			break;
		if (!interpreter && !program->shell)
			break;
		fd = file_open(AT_FDCWD, interpreter ? interpreter : SHELL);
	}
	return refusal;
}

/* Both files by which the child finds us must be there for it too: it may live in a chroot. */
static bool shim_is_visible(void)
{
	return !raw3(faccessat, AT_FDCWD, environment.region_path, R_OK) &&
		(!has_slash(environment.shim) ||
			!raw3(faccessat, AT_FDCWD, environment.shim, R_OK));
}

bool child_follows(const struct program *program)
{
	int refusal;

	if (!region_mapped() || !environment.shim[0] || rt_region->flags & RT_REGION_NO_FOLLOW)
		return false;
	refusal = program_check(program);
	if (refusal < 0)
		return false; /* it will not start, or cannot be looked at: not for us to say */
	if (!refusal && shim_is_visible())
		return true;
	__atomic_fetch_add(&rt_region->untraced_exec, 1, __ATOMIC_RELAXED);
	return false;
}

/*
 * Other threads may be reading `environ` while it is lent, and may still read it a moment later: so
 * it lies in memory that stays. One loan at a time; a shell started meanwhile profits from it.
 */
static char *loan_memory;
static __u32 loan_taken;

static bool loan_memory_make(void)
{
	long at;

	if (loan_memory)
		return true;
	at = raw6(mmap, 0, ENVIRONMENT_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		0);
	if (at < 0 && at > -4096)
		return false;
	loan_memory = (char *)at;
	return true;
}

void environment_lend(struct environment_loan *loan)
{
	const struct program shell = {.dir = AT_FDCWD, .path = SHELL};

	loan->lent = NULL;
	if (!child_follows(&shell) || !environment_size(environ) ||
		__atomic_exchange_n(&loan_taken, 1, __ATOMIC_ACQUIRE))
		return;
	if (!loan_memory_make()) {
		__atomic_store_n(&loan_taken, 0, __ATOMIC_RELEASE);
		return;
	}
	loan->before = environ;
	loan->lent = environment_make(environ, loan_memory);
	environ = loan->lent;
}

void environment_return(const struct environment_loan *loan)
{
	if (!loan->lent)
		return;
	if (environ != loan->lent) {
		/* Somebody set a variable: theirs holds ours too, and refers to the memory. */
		environment_take();
		return;
	}
	environ = loan->before;
	__atomic_store_n(&loan_taken, 0, __ATOMIC_RELEASE);
}
