/* SPDX-License-Identifier: Apache-2.0 */
/* Lives near its RLIMIT_AS: takes most of what is left, and must be refused just where it would be.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define MIB (1ul << 20)

static void *thread_work(void *arg)
{
	void *p = malloc(100);

	free(p);
	return write(1, "thread\n", 7) == 7 ? arg : NULL;
}

/* usage: t_memory LIMIT_MIB TAKE_MIB; without TAKE it starts itself anew under the limit. */
int main(int argc, char **argv)
{
	struct rlimit limit = {atol(argv[1]) * MIB, atol(argv[1]) * MIB};
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	if (argc == 2 || strcmp(argv[2], "-")) {
		if (setrlimit(RLIMIT_AS, &limit))
			return 1;
		execl("/proc/self/exe", argv[0], argv[1], "-", argc > 2 ? argv[2] : "0", NULL);
		return 1;
	}
	for (long i = atol(argv[3]); i > 0; i -= 8) {
		void *p = mmap(
			NULL, 8 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED) {
			printf("refused with %ld MiB to go: %s\n", i, strerror(errno));
			return 3;
		}
		memset(p, 1, 4096);
	}
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 << 10);
	err = pthread_create(&thread, &attr, thread_work, NULL);
	if (!err)
		pthread_join(thread, NULL);
	printf("thread: %s\n", strerror(err));
	printf("big malloc: %s\n", malloc(limit.rlim_cur) ? "given" : strerror(errno));
	return 0;
}
