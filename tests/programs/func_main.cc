/* SPDX-License-Identifier: Apache-2.0 */
/* flags: -rdynamic -O2 */
/*
 * func_main [FOLDER]: loads func_lib and func_user and calls what is in them, in every way that a
 * hook may break. What it prints is the same with and without hooks.
 */
#include <atomic>
#include <complex>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <pthread.h>
#include <stdexcept>
#include <string>
#include <unistd.h>

#define NOINLINE __attribute__((noinline, noipa))

namespace probe
{
struct big {
	long v[6];
};

struct pair {
	double a;
	long b;
};

struct shape {
	virtual ~shape() = default;
	virtual double area(double scale) const = 0;
};

typedef float eight __attribute__((vector_size(32)));
} // namespace probe

static void *library;

template <typename Function> static Function *find(const char *symbol)
{
	void *found = dlsym(library, symbol);

	if (!found) {
		printf("missing %s\n", symbol);
		exit(1);
	}
	return (Function *)found;
}

extern "C" NOINLINE long main_own(long n)
{
	return n > 0 ? main_own(n - 1) + 2 : 0;
}

static long twice(long n)
{
	return 2 * n;
}

static void throw_int(int n)
{
	throw n;
}

static void test_plain()
{
	auto *nine = find<long(long, long, long, long, long, long, long, long, long)>(
		"_ZN5probe4nineElllllllll");
	auto *tail = find<long(long, long, long, long, long, long, long, long, long)>(
		"_ZN5probe9tail_nineElllllllll");
	auto *mixed = find<double(double, double, double, double, double, double, double, double,
		double, double, int, int, int, int, int, int, short, char)>(
		"_ZN5probe5mixedEddddddddddiiiiiisc");
	auto *pointer = find<long(long (*)(long), long)>("_ZN5probe12tail_pointerEPFllEl");
	auto *variadic = find<int(char *, size_t, const char *, ...)>("_ZN5probe8variadicEPcmPKcz");
	auto *chooses = find<int(int, int, int)>("_ZN5probe7choosesEiii");
	char text[128];

	printf("nine %ld\n", nine(1, 2, 3, 4, 5, 6, 7, 8, 9));
	printf("tail_nine %ld\n", tail(1, 2, 3, 4, 5, 6, 7, 8, 9));
	printf("mixed %.1f\n", mixed(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1, 2, 3, 4, 5, 6, 7, 8));
	printf("tail_pointer %ld\n", pointer(twice, 20));
	printf("tail_unknown %ld\n", find<long(long (*)(long), long)>("tail_unknown")(twice, 20));
	variadic(text, sizeof(text), "%d %s %.2f %ld %c %d %d %d %.1f", 1, "two", 3.0, 4l, '5', 6,
		7, 8, 9.0);
	printf("variadic %s\n", text);
	for (int i = 0; i < 9; i++)
		printf("chooses %d\n", chooses(i, 7, 3));
	printf("outer %ld\n", find<long(long)>("_ZN5probe5outerEl")(5));
	printf("fibonacci %ld\n", find<long(long)>("_ZN5probe9fibonacciEl")(15));
	printf("own %ld\n", main_own(50));
}

static void test_values()
{
	auto *out = find<probe::big(long)>("_ZN5probe7big_outEl");
	auto *in = find<long(probe::big, long)>("_ZN5probe6big_inENS_3bigEl");
	auto *both = find<probe::big(int, probe::big)>("_ZN5probe8big_bothEiNS_3bigE");
	auto *pair = find<probe::pair(probe::pair)>("_ZN5probe9pair_bothENS_4pairE");
	auto *longer = find<long double(long double, long double)>("_ZN5probe11long_doubleEee");
	auto *complex =
		find<std::complex<double>(std::complex<double>)>("_ZN5probe7complexESt7complexIdE");
	auto *complex_long =
		find<_Complex long double(_Complex long double)>("_ZN5probe12complex_longECe");
	probe::big big = both(3, out(10));
	probe::pair two = pair({1.5, 41});
	std::complex<double> turned = complex({3, 4});
	_Complex long double wide = complex_long(1.5L + 2.5Li);

	printf("big %ld %ld %ld\n", big.v[0], big.v[3], in(big, 2));
	printf("pair %.1f %ld\n", two.a, two.b);
	printf("long_double %.3Lf\n", longer(1.25L, 2));
	printf("complex %.1f %.1f\n", turned.real(), turned.imag());
	printf("complex_long %.1Lf %.1Lf\n", __real__ wide, __imag__ wide);
	if (__builtin_cpu_supports("avx"))
		[]() __attribute__((target("avx")))
		{
			auto *wide = find<probe::eight(probe::eight, probe::eight)>(
				"_ZN5probe4wideEDv8_fS0_");
			probe::eight a = {1, 2, 3, 4, 5, 6, 7, 8};
			/* More calls than a chunk has records: the long way is taken too. */
			for (int i = 0; i < 5000; i++) {
				probe::eight r = wide(a, a);

				for (int k = 0; k < 8; k++)
					if (r[k] != a[k] * a[k] + a[k]) {
						printf("wide is wrong\n");
						return;
					}
			}
		}
	();
	probe::shape *shape = find<probe::shape *(double)>("_ZN5probe11make_squareEd")(3);

	printf("area %.1f\n", shape->area(2));
	delete shape;
}

static void test_leaving()
{
	auto *throws = find<int(int)>("_ZN5probe6throwsEi");
	auto *calls = find<void(void (*)(int), int)>("_ZN5probe5callsEPFviEi");
	auto *jumps = find<void(jmp_buf *, int)>("_ZN5probe5jumpsEPA1_13__jmp_buf_tagi");
	auto *first = find<int(int)>("calls_first");
	static jmp_buf where;
	static volatile int round;

	for (int i = 0; i < 6; i++) {
		try {
			printf("throws %d\n", throws(i));
		} catch (const std::runtime_error &error) {
			printf("caught %s\n", error.what());
		}
		try {
			printf("first %d\n", first(i));
		} catch (const std::runtime_error &error) {
			printf("first caught %s\n", error.what());
		}
		try {
			calls(throw_int, i);
		} catch (int n) {
			printf("through %d\n", n);
		}
	}
	for (round = 0; round < 4; round = round + 1)
		if (!setjmp(where))
			jumps(&where, round);
	printf("jumps %d\n", round);
}

static void *wait_in(void *)
{
	int ends[2];

	if (pipe(ends))
		abort();
	find<void(int)>("_ZN5probe5waitsEi")(ends[0]);
	return NULL;
}

static void *exit_in(void *)
{
	find<void(long)>("_ZN5probe13leaves_threadEl")(77);
	return NULL;
}

static void test_threads()
{
	pthread_t thread;
	void *result;

	pthread_create(&thread, NULL, wait_in, NULL);
	usleep(20000);
	pthread_cancel(thread);
	pthread_join(thread, &result);
	printf("cancelled %d\n", result == PTHREAD_CANCELED);
	pthread_create(&thread, NULL, exit_in, NULL);
	pthread_join(thread, &result);
	printf("left with %ld\n", (long)result);
}

static std::atomic<bool> stop;
static std::atomic<long> wrong;

static void *call_on(void *)
{
	auto *outer = find<long(long)>("_ZN5probe5outerEl");
	auto *nine = find<long(long, long, long, long, long, long, long, long, long)>(
		"_ZN5probe4nineElllllllll");
	long rounds = 0;

	for (; rounds < 500 || !stop; rounds++) {
		if (outer(rounds) != 6 * rounds + 5 || nine(1, 2, 3, 4, 5, 6, 7, 8, 9) != 45)
			wrong++;
		if (main_own(3) != 6)
			wrong++;
		if (rounds % 16 == 15)
			usleep(200);
	}
	return NULL;
}

/* Eight threads call while libraries come and go. */
static void test_loading(const std::string &folder)
{
	pthread_t threads[8];

	for (pthread_t &thread : threads)
		pthread_create(&thread, NULL, call_on, NULL);
	for (int round = 0; round < 5; round++) {
		void *user = dlopen((folder + "/func_user").c_str(), RTLD_LAZY | RTLD_LOCAL);

		if (!user) {
			printf("no func_user: %s\n", dlerror());
			exit(1);
		}
		printf("user %ld\n", ((long (*)(long))dlsym(user, "user_calls"))(100));
		printf("user catches %d\n", ((int (*)(int))dlsym(user, "user_catches"))(7));
		printf("same %d %d\n", ((int (*)())dlsym(user, "probe_same"))(),
			find<int()>("probe_same")());
		dlclose(user);
	}
	stop = true;
	for (pthread_t thread : threads)
		pthread_join(thread, NULL);
	printf("wrong %ld\n", wrong.load());
}

int main(int argc, char **argv)
{
	char self[4096] = "";
	ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);
	std::string folder = argc > 1 ? argv[1] : std::string(self, size > 0 ? size : 0);

	if (argc <= 1)
		folder.resize(folder.rfind('/'));
	library = dlopen((folder + "/func_lib").c_str(), RTLD_NOW | RTLD_GLOBAL);
	if (!library) {
		printf("no func_lib: %s\n", dlerror());
		return 1;
	}
	test_plain();
	test_values();
	test_leaving();
	test_threads();
	test_loading(folder);
	fflush(stdout);
	if (getenv("FUNC_COUNTS"))
		find<void()>("probe_counts")();
	return 0;
}
