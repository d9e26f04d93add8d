/* SPDX-License-Identifier: Apache-2.0 */
/* counter FILE SECONDS: two threads write as fast as they can for a while; the number of writes
 * goes to FILE all the time, so that it is known also of a killed program. Exit status 42. */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static atomic_ulong *count;
static double seconds;

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void *work(void *end)
{
	int null = open("/dev/null", O_WRONLY);
	char byte = 0;

	do {
		for (int i = 0; i < 100; i++) {
			if (write(null, &byte, 1) != 1)
				abort();
			atomic_fetch_add(count, 1);
		}
		usleep(200);
	} while (now() < *(double *)end);
	return NULL;
}

int main(int argc, char **argv)
{
	int file = open(argc > 1 ? argv[1] : "", O_RDWR | O_CREAT, 0600);
	pthread_t thread;
	double end;

	seconds = argc > 2 ? atof(argv[2]) : 1;
	if (file < 0 || ftruncate(file, 4096) < 0)
		return 1;
	count = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	end = now() + seconds;
	pthread_create(&thread, NULL, work, &end);
	work(&end);
	pthread_join(thread, NULL);
	return 42;
}
