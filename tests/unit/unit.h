/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests: a file test_X.c defines cases with TEST(name) { ... } and ends with UNIT_MAIN.
 * Each case runs in a child of its own, so that a crash fails one case; CHECK goes on after a
 * failure.
 */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct unit_case {
	const char *name;
	void (*run)(void);
	struct unit_case *next;
};

static struct unit_case *unit_cases;
static int unit_failures;

#define TEST(id)                                                    \
	static void test_##id(void);                                \
	static struct unit_case case_##id = {#id, test_##id, NULL}; \
	__attribute__((constructor)) static void add_##id(void)     \
	{                                                           \
		case_##id.next = unit_cases;                        \
		unit_cases = &case_##id;                            \
	}                                                           \
	static void test_##id(void)

#define CHECK(condition)                                                       \
	do {                                                                   \
		if (!(condition)) {                                            \
			printf("%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			unit_failures++;                                       \
		}                                                              \
	} while (0)

#define CHECK_EQ(left, right)                                                               \
	do {                                                                                \
		long long left_value = (long long)(left), right_value = (long long)(right); \
                                                                                            \
		if (left_value != right_value) {                                            \
			printf("%s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #left,  \
				left_value, right_value);                                   \
			unit_failures++;                                                    \
		}                                                                           \
	} while (0)

#define CHECK_STR(left, right)                                                                 \
	do {                                                                                   \
		const char *left_text = (left), *right_text = (right);                         \
                                                                                               \
		if (!left_text || strcmp(left_text, right_text)) {                             \
			printf("%s:%d: %s is \"%s\", not \"%s\"\n", __FILE__, __LINE__, #left, \
				left_text ? left_text : "(null)", right_text);                 \
			unit_failures++;                                                       \
		}                                                                              \
	} while (0)

static inline int unit_run_case(struct unit_case *item)
{
	int status = 0;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		alarm(60);
		item->run();
		exit(unit_failures != 0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		status = -1;
	if (status)
		printf("FAIL %s (%s %d)\n", item->name, WIFSIGNALED(status) ? "signal" : "status",
			WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return status != 0;
}

static inline int unit_main(void)
{
	int failed = 0, count = 0;

	for (struct unit_case *item = unit_cases; item; item = item->next, count++)
		failed += unit_run_case(item);
	printf("%d cases, %d failed\n", count, failed);
	return failed || !count;
}

#define UNIT_MAIN                   \
	int main(void)              \
	{                           \
		return unit_main(); \
	}

#endif
