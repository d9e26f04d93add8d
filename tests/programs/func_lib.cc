/* SPDX-License-Identifier: Apache-2.0 */
/* flags: -shared -fPIC -O2 -fno-semantic-interposition */
/*
 * Functions of every shape that is hard to hook. Each counts its calls, so that the trace can be
 * held against the truth: probe_counts(). -fno-semantic-interposition lets them call each other
 * directly.
 */
#include <complex>
#include <csetjmp>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <pthread.h>
#include <stdexcept>
#include <string>
#include <unistd.h>

#define NOINLINE __attribute__((noinline, noipa))
#define COUNTED(name)                       \
	static counter count_##name(#name); \
	__atomic_fetch_add(&count_##name.calls, 1, __ATOMIC_RELAXED)

namespace
{
struct counter;
counter *counters;

struct counter {
	const char *name;
	unsigned long calls = 0;
	counter *next;

	explicit counter(const char *text) : name(text), next(counters)
	{
		counters = this;
	}
};
} // namespace

extern "C" void probe_counts()
{
	for (const counter *at = counters; at; at = at->next)
		printf("count %s %lu\n", at->name, at->calls);
}

namespace probe
{
struct big {
	long v[6];
};

struct pair {
	double a;
	long b;
};

NOINLINE int throws(int n)
{
	COUNTED(throws);
	if (n % 2)
		throw std::runtime_error("odd " + std::to_string(n));
	return n;
}

/* Begins with its call: the call itself has to move. */
extern "C" NOINLINE int calls_first(int n)
{
	return throws(n) + 1;
}

NOINLINE long nine(long a, long b, long c, long d, long e, long f, long g, long h, long i)
{
	COUNTED(nine);
	return a - 2 * b + 3 * c - 4 * d + 5 * e - 6 * f + 7 * g - 8 * h + 9 * i;
}

NOINLINE double mixed(double a, double b, double c, double d, double e, double f, double g,
	double h, double i, double j, int k, int l, int m, int n, int o, int p, short q, char r)
{
	COUNTED(mixed);
	return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j + k +
		2 * l + 3 * m + 4 * n + 5 * o + 6 * p + 7 * q + 8 * r;
}

NOINLINE big big_out(long from)
{
	COUNTED(big_out);
	big result;

	for (long &value : result.v)
		value = from++;
	return result;
}

NOINLINE long big_in(big value, long extra)
{
	COUNTED(big_in);
	return value.v[0] + value.v[5] * extra;
}

NOINLINE big big_both(int n, big value)
{
	COUNTED(big_both);
	value.v[n] *= 2;
	return value;
}

NOINLINE pair pair_both(pair value)
{
	COUNTED(pair_both);
	return {value.a * 2, value.b + 1};
}

NOINLINE int variadic(char *to, size_t size, const char *format, ...)
{
	COUNTED(variadic);
	va_list list;

	va_start(list, format);
	int result = vsnprintf(to, size, format, list);

	va_end(list);
	return result;
}

NOINLINE long tail_nine(long a, long b, long c, long d, long e, long f, long g, long h, long i)
{
	COUNTED(tail_nine);
	return nine(i, b, c, d, e, f, g, h, a);
}

NOINLINE long tail_pointer(long (*function)(long), long value)
{
	COUNTED(tail_pointer);
	return function(value + 1);
}

/* Nothing tells how many arguments go on to the other function. */
extern "C" NOINLINE long tail_unknown(long (*function)(long), long value)
{
	COUNTED(tail_unknown);
	return function(value + 2);
}

NOINLINE long double long_double(long double a, long double b)
{
	COUNTED(long_double);
	return a * 3 + b;
}

NOINLINE std::complex<double> complex(std::complex<double> value)
{
	COUNTED(complex);
	return value * std::complex<double>(0, 1);
}

NOINLINE _Complex long double complex_long(_Complex long double value)
{
	COUNTED(complex_long);
	return value * 2;
}

/* Without the loop that the compiler would make of half the calls. */
__attribute__((optimize("no-optimize-sibling-calls", "no-inline"))) NOINLINE long fibonacci(long n)
{
	COUNTED(fibonacci);
	if (n < 2)
		return n;
	long one = fibonacci(n - 1);

	asm volatile("" : "+r"(one));
	long two = fibonacci(n - 2);

	asm volatile("" : "+r"(two));
	return one + two;
}

NOINLINE long inner(long n)
{
	COUNTED(inner);
	return n * 3 + 1;
}

NOINLINE long outer(long n)
{
	COUNTED(outer);
	return inner(n) + inner(n + 1);
}

NOINLINE void jumps(jmp_buf *where, int value)
{
	COUNTED(jumps);
	if (value)
		longjmp(*where, value);
}

NOINLINE void calls(void (*function)(int), int n)
{
	COUNTED(calls);
	std::string guard("destroyed while unwinding");

	function(n);
	if (guard.empty())
		puts(guard.c_str());
}

NOINLINE int chooses(int n, int a, int b)
{
	COUNTED(chooses);
	switch (n) {
	case 0:
		return a + b;
	case 1:
		return a * b;
	case 2:
		return a - b;
	case 3:
		return puts("three");
	case 4:
		return a << b;
	case 5:
		return a ^ b;
	case 6:
		return a % b;
	default:
		return -1;
	}
}

NOINLINE void waits(int fd)
{
	COUNTED(waits);
	char byte;

	while (read(fd, &byte, 1) >= 0)
		;
}

NOINLINE void leaves_thread(long value)
{
	COUNTED(leaves_thread);
	pthread_exit((void *)value);
}

typedef float eight __attribute__((vector_size(32)));

NOINLINE __attribute__((target("avx"))) eight wide(eight a, eight b)
{
	COUNTED(wide);
	return a * b + a;
}

struct shape {
	virtual ~shape() = default;
	virtual double area(double scale) const = 0;
};

struct square : shape {
	double side;

	explicit square(double length) : side(length)
	{
	}
	NOINLINE double area(double scale) const override
	{
		COUNTED(area);
		return side * side * scale;
	}
};

shape *make_square(double side)
{
	return new square(side);
}
} // namespace probe

extern "C" int probe_same()
{
	COUNTED(probe_same);
	return 1;
}

/* Entries that admit no jump: one is too short, into the other's first bytes a loop leads. */
extern "C" int probe_short();
extern "C" long probe_loop(long n);
asm(".text\n"
    ".globl probe_short\n.type probe_short, @function\nprobe_short:\n"
    ".cfi_startproc\nxor %eax, %eax\nret\n.cfi_endproc\n.size probe_short, . - probe_short\n"
    ".p2align 4\n"
    ".globl probe_loop\n.type probe_loop, @function\nprobe_loop:\n"
    ".cfi_startproc\nxor %eax, %eax\n1: add %rdi, %rax\ndec %rdi\njne 1b\nret\n"
    ".cfi_endproc\n.size probe_loop, . - probe_loop\n");
