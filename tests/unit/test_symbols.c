/* SPDX-License-Identifier: Apache-2.0 */
/* Functions by pattern, the loader's half: on functions of this very program, written in assembly
 * so that what they do with the stack is known. */
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>

#include "loader/symbols/demangle.h"
#include "loader/symbols/plan.h"
#include "loader/symbols/relocate.h"
#include "loader/symbols/signature.h"
#include "loader/symbols/stack_proof.h"
#include "tests/unit/unit.h"

#define FUNCTION(name, body)                                                              \
	__asm__(".text\n.p2align 4\n.globl " #name "\n.type " #name ", @function\n" #name \
		":\n.cfi_startproc\n" body "\n.cfi_endproc\n.size " #name ", . - " #name "\n")

FUNCTION(fn_none, "mov %rdi, %rax\nadd %rsi, %rax\nret");
FUNCTION(fn_seventh, "mov 8(%rsp), %rax\nret");
FUNCTION(fn_ninth,
	"sub $24, %rsp\n.cfi_adjust_cfa_offset 24\nmov 48(%rsp), %eax\n"
	"add $24, %rsp\n.cfi_adjust_cfa_offset -24\nret");
FUNCTION(fn_frame,
	"push %rbp\n.cfi_adjust_cfa_offset 8\nmov %rsp, %rbp\n"
	".cfi_def_cfa_register %rbp\nsub $64, %rsp\nmov 32(%rsp), %rcx\n"
	"mov 24(%rbp), %rax\nleave\n.cfi_def_cfa %rsp, 8\nret");
FUNCTION(fn_tail, "mov $5, %edi\njmp fn_ninth");
FUNCTION(fn_variadic, "lea 8(%rsp), %rax\nmov %rax, -8(%rsp)\nret");
FUNCTION(fn_index, "mov 8(%rsp,%rdi,8), %rax\nret");
FUNCTION(fn_caller, "mov (%rsp), %rax\nret");
FUNCTION(fn_pops, "pop %rcx\npush %rcx\nret");
FUNCTION(fn_jumps, "mov 8(%rdi), %rax\njmp *%rax");
FUNCTION(fn_callee_pops, "ret $8");
FUNCTION(fn_switch,
	"cmp $2, %edi\nja 9f\nlea 8f(%rip), %rdx\nmovslq (%rdx,%rdi,4), %rax\n"
	"add %rdx, %rax\njmp *%rax\n"
	"1: mov 16(%rsp), %rax\nret\n2: mov 24(%rsp), %rax\nret\n3: xor %eax, %eax\nret\n"
	"9: mov %rsi, %rax\nret\n"
	".section .rodata\n.p2align 2\n8: .long 1b - 8b, 2b - 8b, 3b - 8b\n.text");
/* Realigned: the arguments are reached by r10 alone. */
FUNCTION(fn_realigned,
	"lea 8(%rsp), %r10\n.cfi_def_cfa %r10, 0\nand $-32, %rsp\npush -8(%r10)\n"
	"push %rbp\nmov %rsp, %rbp\n.cfi_escape 0x10, 6, 2, 0x76, 0\npush %r10\n"
	".cfi_escape 0x0f, 3, 0x76, 0x78, 6\nmov 8(%r10), %rax\nmov -8(%rbp), %r10\n"
	".cfi_def_cfa %r10, 0\nleave\nlea -8(%r10), %rsp\n.cfi_def_cfa %rsp, 8\nret");
/* Two that capstone may not know: vpmovqd %zmm0, %ymm0 and kmovq %k0, 8(%rsp). */
FUNCTION(fn_vector,
	".byte 0x62, 0xf2, 0x7e, 0x48, 0x35, 0xc0\n"
	".byte 0xc4, 0xe1, 0xf8, 0x91, 0x44, 0x24, 0x08\nret");
__asm__(".text\n.globl fn_bare\n.type fn_bare, @function\nfn_bare: mov %rdi, %rax\nret\n"
	".size fn_bare, . - fn_bare\n");

/* For relocation. */
static long fn_value __attribute__((used)) = 40;
FUNCTION(fn_relative, "mov fn_value(%rip), %rax\nadd %rdi, %rax\nret");
FUNCTION(fn_branch, "test %rdi, %rdi\nje 1f\nlea 7(%rdi), %rax\nret\n1: mov $3, %eax\nret");
FUNCTION(fn_marked, "endbr64\nxor %eax, %eax\nadd %rdi, %rax\nret");
FUNCTION(fn_short, "xor %eax, %eax\nret");
FUNCTION(fn_loop, "xor %eax, %eax\n1: add %rdi, %rax\ndec %rdi\njne 1b\nret");
FUNCTION(fn_calls, "call fn_none\nadd $1, %rax\nret");
FUNCTION(fn_calls_pointer, "call *%rax\nmov $1, %eax\nret");
FUNCTION(fn_rcx, "mov %rdi, %rcx\njrcxz 1f\nmov $1, %eax\nret\n1: xor %eax, %eax\nret");

static struct object self;
static struct disasm *disasm;

static void open_self(void)
{
	self.elf = elf_open(open("/proc/self/exe", O_RDONLY));
	disasm = disasm_new();
	if (!self.elf || elf_load(self.elf) || !disasm)
		abort();
	frame_table_of(&self.frames, self.elf);
}

static const struct elf_symbol *symbol_of(const char *name)
{
	size_t count;
	const struct elf_symbol *symbols = elf_symbols(self.elf, &count);

	for (size_t i = 0; i < count; i++) {
		if (!strcmp(symbols[i].name, name))
			return &symbols[i];
	}
	printf("no symbol %s\n", name);
	abort();
}

static const struct object *no_import(void *context, const char *symbol, uint64_t *address)
{
	(void)context;
	(void)symbol;
	(void)address;
	return NULL;
}

static struct stack_proof prove(const char *name)
{
	struct stack_proof proof;

	if (!disasm)
		open_self();
	CHECK_EQ(stack_prove(disasm, &self, symbol_of(name)->address, no_import, NULL, &proof), 0);
	return proof;
}

static void check_size(const char *name, unsigned size)
{
	struct stack_proof proof = prove(name);

	if (proof.unproved || proof.size != size) {
		printf("%s: %s, %u bytes\n", name, proof.unproved ? proof.unproved : "proved",
			proof.size);
		unit_failures++;
	}
}

static void check_unproved(const char *name, const char *why)
{
	struct stack_proof proof = prove(name);

	CHECK_STR(proof.unproved, why);
}

TEST(stack_arguments_are_counted)
{
	check_size("fn_none", 0);
	check_size("fn_seventh", 8);
	check_size("fn_ninth", 24);
	check_size("fn_frame", 16);
	check_size("fn_switch", 24);
	check_size("fn_realigned", 16);
	check_size("fn_vector", 64);
}

TEST(a_tail_jump_counts_too)
{
	check_size("fn_tail", 24);
}

TEST(what_cannot_be_told_is_unproved)
{
	check_unproved("fn_variadic", "it takes the address of its stack arguments");
	check_unproved("fn_index", "it indexes its stack arguments");
	check_unproved("fn_caller", "it looks at its return address");
	check_unproved("fn_pops", "it looks at its return address");
	check_unproved("fn_jumps", "it ends by a jump to an address that it computes");
	check_unproved("fn_callee_pops", "it takes its arguments off the stack");
	check_unproved("fn_bare", "it has no unwind information");
}

/* Makes the relocated entry run: here, within reach of what it refers to. */
static long (*relocated(const char *name, unsigned window))(long, long)
{
	struct stack_proof proof = prove(name);
	const struct elf_symbol *symbol = symbol_of(name);
	uintptr_t base = (uintptr_t)test_stack_arguments_are_counted -
		symbol_of("test_stack_arguments_are_counted")->address;
	struct relocation relocation;
	const char *why = relocate_entry(disasm, &self, symbol, &proof, &relocation);
	static unsigned pages;
	uint8_t *code;

	if (why) {
		printf("%s: %s\n", name, why);
		abort();
	}
	CHECK_EQ(relocation.window_size, window);
	CHECK(!memcmp((void *)(base + symbol->address), relocation.window, window));
	code = mmap((void *)((base & -4096ul) - (64 << 20) + pages++ * 4096), 4096,
		PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (code == MAP_FAILED)
		abort();
	memcpy(code, relocation.code, relocation.code_size);
	for (unsigned i = 0; i < relocation.fix_count; i++) {
		const struct rt_fix *fix = &relocation.fixes[i];
		uint64_t target = base + fix->target;
		int64_t distance = (int64_t)(target - ((uintptr_t)code + fix->end));
		int32_t value = (int32_t)distance;

		if (!fix->end) {
			memcpy(code + fix->at, &target, sizeof(target));
			continue;
		}
		CHECK_EQ(distance, value);
		memcpy(code + fix->at, &value, 4);
	}
	mprotect(code, 4096, PROT_READ | PROT_EXEC);
	return (long (*)(long, long))(uintptr_t)code;
}

TEST(relocated_entries_do_the_same)
{
	CHECK_EQ(relocated("fn_relative", 7)(2, 0), 42);
	CHECK_EQ(relocated("fn_branch", 5)(0, 0), 3);
	CHECK_EQ(relocated("fn_branch", 5)(10, 0), 17);
	CHECK_EQ(relocated("fn_marked", 6)(11, 0), 11);
	CHECK_EQ(relocated("fn_calls", 5)(20, 21), 42);
}

static void check_refused(const char *name, const char *why)
{
	struct stack_proof proof = prove(name);
	struct relocation relocation;
	const char *said = relocate_entry(disasm, &self, symbol_of(name), &proof, &relocation);

	CHECK_STR(said, why);
}

TEST(unsafe_entries_are_refused)
{
	check_refused("fn_short", "it is too short");
	check_refused("fn_loop", "a jump leads into its first bytes");
	check_refused("fn_calls_pointer", "it calls by a pointer in its first bytes");
	check_refused("fn_rcx", "an instruction at its entry cannot be moved");
	check_refused("fn_bare", "it has no unwind information");
}

TEST(names_are_demangled)
{
	char *name = demangle("_ZNK5faiss11IndexFlatIP6searchElPKflPfPl");

	CHECK_STR(
		name, "faiss::IndexFlatIP::search(long, float const*, long, float*, long*) const");
	CHECK_EQ(demangled_name_size(name), strlen("faiss::IndexFlatIP::search"));
	free(name);
	name = demangle("deflate");
	CHECK_STR(name, "deflate");
	CHECK_EQ(demangled_name_size(name), 7);
	free(name);
	name = demangle("_Zbroken");
	CHECK_STR(name, "_Zbroken");
	free(name);
	CHECK_EQ(demangled_name_size("(anonymous namespace)::f(void (*)(int))"),
		strlen("(anonymous namespace)::f"));
}

TEST(signatures)
{
	CHECK_EQ(signature_stack_size("f()"), 0);
	CHECK_EQ(signature_stack_size("a::b::f(long, float const*, double, a::b&) const"), 0);
	CHECK_EQ(signature_stack_size("f(void (*)(int, int), int (&) [3])"), 0);
	CHECK_EQ(signature_stack_size(
			 "f(double, float, double, float, double, float, double, float, double)"),
		8);
	CHECK_EQ(signature_stack_size("f(int, int, int, int, int, char*)"), 16);
	CHECK_EQ(signature_stack_size("f(std::string)"), -1);
	CHECK_EQ(signature_stack_size("f(long double)"), -1);
	CHECK_EQ(signature_stack_size("f(char const*, ...)"), -1);
	CHECK_EQ(signature_stack_size("f(int (a::*)(long))"), -1);
	CHECK_EQ(signature_stack_size("f"), -1);
}

static struct rt_region *mailbox(void)
{
	struct rt_region *region = calloc(1, sizeof(*region));

	if (!region)
		abort();
	region->mail_pid = (uint32_t)getpid();
	return region;
}

/* Asks about this program, which has no path of its own in the dynamic linker's list. */
static void ask_about_self(struct rt_region *region)
{
	struct rt_ask ask = {RT_ASK_OBJECTS, 1};
	struct rt_ask_object object = {.size = sizeof(object), .flags = RT_ASK_NEW};

	memcpy(region->mail, &ask, sizeof(ask));
	memcpy(region->mail + sizeof(ask), &object, sizeof(object));
	region->mail_size = sizeof(ask) + sizeof(object);
	region->mail_state = RT_MAIL_ASKED;
}

static unsigned count_answered(const struct rt_region *region, const char *symbol, unsigned *flags)
{
	struct rt_answer answer;
	size_t at = sizeof(answer);
	unsigned found = 0;

	memcpy(&answer, region->mail, sizeof(answer));
	for (unsigned i = 0; i < answer.count; i++) {
		const struct rt_patch *patch = (const struct rt_patch *)(region->mail + at);
		const char *name =
			(const char *)patch + patch->size - ((patch->symbol_size + 7) & ~7u);

		if (patch->symbol_size == strlen(symbol) &&
			!memcmp(name, symbol, patch->symbol_size)) {
			*flags = patch->flags;
			found++;
		}
		at += patch->size;
	}
	CHECK_EQ(at, region->mail_size);
	return found;
}

TEST(questions_are_answered)
{
	struct rt_region *region = mailbox();
	struct plan *plan = plan_new();
	struct plan_function function;
	const char *why;
	unsigned flags = 0;

	CHECK_EQ(plan_pattern(plan, "test_symbols:fn_*", &why), 0);
	CHECK_EQ(plan_pattern(plan, "nothing:*", &why), 0);
	ask_about_self(region);
	CHECK(plan_answer(plan, region));
	CHECK_EQ(region->mail_state, RT_MAIL_ANSWERED);
	CHECK_EQ(count_answered(region, "fn_ninth", &flags), 1);
	CHECK_EQ(flags, RT_PATCH_INLINE);
	CHECK_EQ(count_answered(region, "fn_variadic", &flags), 1);
	CHECK_EQ(flags, RT_PATCH_INLINE | RT_PATCH_ENTRIES);
	/* Not exported, and too short for a jump. */
	CHECK_EQ(count_answered(region, "fn_short", &flags), 0);
	CHECK(plan_functions(plan) > 10);
	CHECK(plan_function(plan, 0, &function));
	CHECK_EQ(function.kind, RT_KIND_FUNCTION);
	CHECK_STR(function.module, "test_symbols");
	plan_free(plan);
	free(region);
}

TEST(kinds_stay_the_same)
{
	struct rt_region *region = mailbox();
	struct plan *plan = plan_new();
	const char *why;
	size_t count;

	CHECK_EQ(plan_pattern(plan, "test_symbols:fn_*", &why), 0);
	ask_about_self(region);
	plan_answer(plan, region);
	count = plan_functions(plan);
	ask_about_self(region);
	plan_answer(plan, region);
	CHECK_EQ(plan_functions(plan), count);
	plan_free(plan);
	free(region);
}

TEST(patterns_are_checked)
{
	struct plan *plan = plan_new();
	const char *why;

	CHECK_EQ(plan_pattern(plan, "deflate", &why), -22);
	CHECK_EQ(plan_pattern(plan, "faiss::search", &why), -22);
	CHECK_EQ(plan_pattern(plan, "lib:", &why), -22);
	CHECK_EQ(plan_pattern(plan, ":f", &why), -22);
	CHECK(!plan_wanted(plan));
	CHECK_EQ(plan_pattern(plan, "lib*:a::b*", &why), 0);
	CHECK(plan_wanted(plan));
	plan_free(plan);
}

TEST(a_mailbox_full_of_nonsense_is_answered_by_nothing)
{
	struct rt_region *region = mailbox();
	struct plan *plan = plan_new();
	const char *why;

	CHECK_EQ(plan_pattern(plan, "*:*nothing_is_called_so*", &why), 0);
	srand(1);
	for (unsigned round = 0; round < 2000; round++) {
		uint32_t type = round % 4;

		for (unsigned i = 0; i < 256; i++)
			region->mail[i] = (uint8_t)rand();
		memcpy(region->mail, &type, sizeof(type));
		region->mail[5] = region->mail[6] = region->mail[7] = 0;
		region->mail_size = round % 3 ? 200 : (uint32_t)rand();
		region->mail_state = RT_MAIL_ASKED;
		plan_answer(plan, region);
		CHECK(region->mail_state == RT_MAIL_ANSWERED || region->mail_state == RT_MAIL_IDLE);
		region->mail_state = RT_MAIL_IDLE;
	}
	CHECK_EQ(plan_functions(plan), 0);
	plan_free(plan);
	free(region);
}

TEST(a_mailbox_is_taken_from_the_dead)
{
	struct rt_region *region = mailbox();
	struct plan *plan = plan_new();
	pid_t child = fork();

	if (!child)
		_exit(0);
	waitpid(child, NULL, 0);
	region->mail_pid = (uint32_t)child;
	region->mail_state = RT_MAIL_WRITING;
	plan_answer(plan, region);
	CHECK_EQ(region->mail_state, RT_MAIL_IDLE);
	region->mail_pid = (uint32_t)getpid();
	region->mail_state = RT_MAIL_WRITING;
	plan_answer(plan, region);
	CHECK_EQ(region->mail_state, RT_MAIL_WRITING);
	region->mail_state = RT_MAIL_ABANDONED;
	plan_answer(plan, region);
	CHECK_EQ(region->mail_state, RT_MAIL_IDLE);
	plan_free(plan);
	free(region);
}

UNIT_MAIN
