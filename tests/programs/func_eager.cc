/* SPDX-License-Identifier: Apache-2.0 */
/* flags: -shared -fPIC -O2 */
/* A library that starts a thread when it is loaded: who knows what that one executes. */
#include <pthread.h>
#include <unistd.h>

extern "C" __attribute__((noinline, noipa)) int eager_add(int a, int b)
{
	return a * 3 + b * 5;
}

static void *call_on(void *)
{
	for (int i = 0; i < 100; i++) {
		if (eager_add(i, i) != 8 * i)
			_exit(99);
		usleep(1000);
	}
	return nullptr;
}

__attribute__((constructor)) static void start()
{
	pthread_t thread;

	if (!pthread_create(&thread, nullptr, call_on, nullptr))
		pthread_detach(thread);
}
