/* SPDX-License-Identifier: Apache-2.0 */
/* flags: -shared -fPIC -O2 */
/* Calls functions of func_lib by name, and has one of the same name as one of its. */
#include <exception>

#define NOINLINE __attribute__((noinline, noipa))

extern "C" int probe_short();
extern "C" long probe_loop(long n);

namespace probe
{
int throws(int n);
long nine(long a, long b, long c, long d, long e, long f, long g, long h, long i);
} // namespace probe

extern "C" __attribute__((visibility("protected"))) NOINLINE int probe_same()
{
	return 2;
}

extern "C" NOINLINE long user_calls(long n)
{
	long sum = probe_same();

	for (long i = 0; i < n; i++)
		sum += probe_loop(i + 1) + probe_short();
	return sum + probe::nine(1, 2, 3, 4, 5, 6, 7, 8, 9);
}

extern "C" NOINLINE int user_catches(int n)
{
	try {
		return probe::throws(n);
	} catch (const std::exception &error) {
		return -n;
	}
}
