/* SPDX-License-Identifier: Apache-2.0 */
/* Five hundred threads at once on the smallest stacks, then five hundred short ones after another.
 */
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define COUNT 500

static pthread_barrier_t barrier;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static atomic_long total;
static long counted;

static void *work(void *arg)
{
	long number = (long)arg;
	char text[32];
	int fd;

	snprintf(text, sizeof(text), "worker-%ld", number);
	pthread_setname_np(pthread_self(), text);
	pthread_barrier_wait(&barrier);
	fd = open("/proc/self/comm", O_RDONLY);
	total += read(fd, text, sizeof(text));
	close(fd);
	pthread_mutex_lock(&mutex);
	counted++;
	pthread_mutex_unlock(&mutex);
	pthread_barrier_wait(&barrier);
	if (number % 3 == 0)
		pthread_exit(arg);
	return arg;
}

static void *brief(void *arg)
{
	total += write(1, "", 0) + 1;
	return arg;
}

int main(void)
{
	pthread_t threads[COUNT];
	pthread_attr_t small;
	long sum = 0;
	void *result;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, PTHREAD_STACK_MIN);
	pthread_barrier_init(&barrier, NULL, COUNT);
	for (long i = 0; i < COUNT; i++)
		if (pthread_create(&threads[i], &small, work, (void *)i))
			return 1;
	for (long i = 0; i < COUNT; i++) {
		pthread_join(threads[i], &result);
		sum += (long)result;
	}
	for (long i = 0; i < COUNT; i++) {
		if (pthread_create(&threads[0], &small, brief, NULL))
			return 2;
		pthread_join(threads[0], NULL);
	}
	printf("sum %ld, counted %ld, total %ld\n", sum, counted, total);
	return 0;
}
