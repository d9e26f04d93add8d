/* SPDX-License-Identifier: Apache-2.0 */
/* flags: -rdynamic -O2 */
/*
 * truth_shapes LOG [SEED [CALLS]]: random trees of functions that are hard to hook (exceptions and
 * jumps through them, nine arguments, structures by value, tail calls, pointers, callbacks of
 * qsort, signal handlers, pthread_exit, threads and forks in the middle of a call), in several
 * threads. Each writes down its own call from inside. LOG: one line a call: number parent pid tid
 * name start_ns end_ns 0.
 */
#include <csetjmp>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <pthread.h>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SHAPE extern "C" __attribute__((noinline, noipa))

namespace
{
constexpr unsigned ENTRIES_MAX = 1 << 18;
constexpr int DEPTH_MAX = 40;
constexpr int THREADS = 4;

struct entry {
	int parent; /* -1: none */
	int pid, tid;
	const char *name; /* the same text in all our processes: they are forks */
	long long start, end;
};

/* Shared with children, so that one log holds all. */
struct log {
	unsigned count;
	int forks, threads;
	entry entries[ENTRIES_MAX];
};

struct big {
	long v[6];
};

log *area;
int own_pid;
thread_local int own_tid;
thread_local int current = -1;
thread_local int depth;
thread_local uint64_t random_state;
thread_local long budget;

long long now()
{
	timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ll + time.tv_nsec;
}

int begin(const char *name)
{
	unsigned number = __atomic_fetch_add(&area->count, 1, __ATOMIC_RELAXED);

	if (number >= ENTRIES_MAX)
		abort();
	entry *own = &area->entries[number];

	own->parent = current;
	own->pid = own_pid;
	own->tid = own_tid;
	own->name = name;
	own->start = now();
	current = (int)number;
	return (int)number;
}

void end(int number)
{
	area->entries[number].end = now();
	current = area->entries[number].parent;
}

/* Also ends the call when an exception leaves it. */
class noted
{
	int number;

      public:
	explicit noted(const char *name) : number(begin(name))
	{
		depth++;
	}
	noted(const noted &) = delete;
	~noted()
	{
		depth--;
		end(number);
	}
};

unsigned pick(unsigned limit)
{
	random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(random_state >> 33) % limit;
}

void step(unsigned tries);
} // namespace

SHAPE int shape_leaf(int n)
{
	noted call("shape_leaf");

	return n + 1;
}

SHAPE long shape_busy(long loops)
{
	noted call("shape_busy");

	for (long i = 0; i < loops; i++)
		asm volatile("" : "+r"(i));
	return loops;
}

SHAPE long shape_nine(long a, long b, long c, long d, long e, long f, long g, long h, long i)
{
	noted call("shape_nine");

	step(3);
	return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i;
}

SHAPE big shape_value(big value, long factor)
{
	noted call("shape_value");

	step(2);
	value.v[0] *= factor;
	value.v[5] *= factor;
	return value;
}

SHAPE double shape_float(double a, float b, long c, double d)
{
	noted call("shape_float");

	step(1);
	return a + (double)b + (double)c + d;
}

SHAPE void shape_throw(unsigned tries)
{
	noted call("shape_throw");

	step(tries);
	throw std::runtime_error("as planned");
}

SHAPE void shape_catch(unsigned tries)
{
	noted call("shape_catch");

	try {
		step(tries);
		shape_throw(tries);
	} catch (const std::runtime_error &) {
		step(1);
	}
}

SHAPE long shape_pointed(unsigned tries)
{
	noted call("shape_pointed");

	step(tries);
	return tries;
}

long (*volatile pointer)(unsigned) = shape_pointed;

/* What is open when it jumps to its end goes on in there. */
SHAPE long shape_tail(unsigned tries)
{
	{
		noted call("shape_tail_head");
	}
	return shape_pointed(tries);
}

SHAPE int shape_compare(const void *one, const void *two)
{
	noted call("shape_compare");

	return *(const int *)one - *(const int *)two;
}

SHAPE void shape_sort(unsigned count)
{
	noted call("shape_sort");
	int numbers[16];

	for (int &number : numbers)
		number = (int)pick(100);
	qsort(numbers, count < 16 ? count : 16, sizeof numbers[0], shape_compare);
}

SHAPE void shape_handler(int)
{
	noted call("shape_handler");

	shape_leaf(1);
}

SHAPE void shape_raise(int signal)
{
	noted call("shape_raise");

	raise(signal);
}

SHAPE long shape_recurse(unsigned n)
{
	noted call("shape_recurse");

	if (n)
		shape_recurse(n - 1);
	if (n % 4 == 0)
		step(1);
	return n;
}

extern void (*volatile leap)(jmp_buf *, unsigned);

/* Leaves itself and its likes by a jump: the deepest ends them all before. */
SHAPE void shape_leap(jmp_buf *where, unsigned frames)
{
	const char *name = "shape_leap";

	begin(name);
	shape_leaf(3);
	if (frames)
		leap(where, frames - 1);
	while (area->entries[current].name == name)
		end(current);
	longjmp(*where, 1);
}

void (*volatile leap)(jmp_buf *, unsigned) = shape_leap;

SHAPE void shape_jump(unsigned frames)
{
	noted call("shape_jump");
	jmp_buf here;

	if (!setjmp(here))
		shape_leap(&here, frames);
	shape_leaf(4);
}

SHAPE void shape_leave(void)
{
	end(begin("shape_leave"));
	pthread_exit(nullptr);
}

struct start {
	uint64_t seed;
	long calls;
};

SHAPE void *shape_thread(void *argument)
{
	start *given = (start *)argument;

	own_tid = gettid();
	random_state = given->seed;
	budget = given->calls;
	noted call("shape_thread");

	while (budget > 0)
		try {
			step(4);
		} catch (const std::runtime_error &) {
			shape_leaf(0);
		}
	if (pick(2))
		shape_leave();
	return nullptr;
}

/* What it began is over before it is, also where an exception leaves it: nothing outlives the log.
 */
class joined
{
	pthread_t thread;
	start given;

      public:
	explicit joined(start how) : given(how)
	{
		if (pthread_create(&thread, nullptr, shape_thread, &given))
			abort();
	}
	joined(const joined &) = delete;
	~joined()
	{
		pthread_join(thread, nullptr);
	}
};

class awaited
{
	pid_t child;

      public:
	explicit awaited(pid_t pid) : child(pid)
	{
	}
	awaited(const awaited &) = delete;
	~awaited()
	{
		waitpid(child, nullptr, 0);
	}
};

SHAPE void shape_spawn(unsigned seed)
{
	noted call("shape_spawn");
	joined thread({seed, 50});

	step(2);
}

SHAPE void shape_fork(unsigned seed)
{
	noted call("shape_fork");
	pid_t child = fork();

	if (!child) {
		own_pid = own_tid = getpid();
		current = -1;
		random_state = seed;
		budget = 50;
		shape_leaf(2);
		/* no frame of the parent's is to end here: the log is shared */
		try {
			shape_catch(5);
			shape_recurse(5);
		} catch (const std::runtime_error &) {
		}
		_exit(0);
	}
	awaited process(child);

	step(1);
}

namespace
{
void choose()
{
	switch (pick(20)) {
	case 0:
		shape_nine(1, 2, 3, 4, 5, 6, 7, 8, 9);
		break;
	case 1: {
		big value = shape_value({{1, 2, 3, 4, 5, 6}}, 2);

		if (value.v[5] != 12)
			abort();
		break;
	}
	case 2:
		if (shape_float(1, 2, 3, 4) != 10)
			abort();
		break;
	case 3:
	case 4:
		shape_catch(pick(3));
		break;
	case 5:
		if (pick(4) == 0)
			shape_throw(pick(2));
		break;
	case 6:
	case 7:
		pointer(pick(4));
		break;
	case 8:
		shape_tail(pick(3));
		break;
	case 9:
		shape_sort(pick(16));
		break;
	case 10:
		shape_raise(SIGUSR1);
		break;
	case 11:
		shape_recurse(pick(12));
		break;
	case 15:
		shape_jump(pick(4));
		break;
	case 12:
		shape_busy((long)pick(20000));
		break;
	case 13:
		if (pick(20) == 0 && __atomic_fetch_add(&area->threads, 1, __ATOMIC_RELAXED) < 20)
			shape_spawn(pick(1000));
		break;
	case 14:
		if (pick(20) == 0 && __atomic_fetch_add(&area->forks, 1, __ATOMIC_RELAXED) < 20)
			shape_fork(pick(1000));
		break;
	default:
		shape_leaf(1);
	}
}

void step(unsigned tries)
{
	for (unsigned i = 0; i < tries && depth < DEPTH_MAX && budget-- > 0; i++)
		choose();
}
} // namespace

int main(int count, char **arguments)
{
	unsigned seed = count > 2 ? (unsigned)atoi(arguments[2]) : 1;
	long calls = count > 3 ? atol(arguments[3]) : 4000;
	pthread_t threads[THREADS];
	start given[THREADS];

	area = (log *)mmap(
		nullptr, sizeof *area, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED || count < 2)
		return 2;
	own_pid = getpid();
	signal(SIGUSR1, shape_handler);
	for (int i = 0; i < THREADS; i++) {
		given[i] = {seed * 100 + (unsigned)i, calls};
		pthread_create(&threads[i], nullptr, shape_thread, &given[i]);
	}
	for (pthread_t thread : threads)
		pthread_join(thread, nullptr);

	FILE *file = fopen(arguments[1], "w");

	if (!file)
		return 1;
	for (unsigned i = 0; i < area->count; i++) {
		const entry *at = &area->entries[i];

		fprintf(file, "%u %d %d %d %s %lld %lld 0\n", i, at->parent, at->pid, at->tid,
			at->name, at->start, at->end);
	}
	return fclose(file) ? 1 : 0;
}
