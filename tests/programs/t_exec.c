/* SPDX-License-Identifier: Apache-2.0 */
/* flags: -w */
/* Starts itself by every function there is, with and without an environment, and under vfork. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static char self[4096];
static char *argv_child[] = {"t_exec", "child", NULL};
static char *envp_child[] = {"ONLY=this", NULL};
static char *envp_none[] = {NULL};

/* What the child has to say: its arguments and its environment as it sees it. */
static int child(int argc, char **argv)
{
	int count = 0;

	printf("   child");
	for (int i = 1; i < argc; i++)
		printf(" %s", argv[i]);
	while (environ[count])
		count++;
	printf(": %s variables, ONLY=%s, LD_PRELOAD=%s\n",
		count > 1	? "many"
			: count ? "one"
				: "no",
		getenv("ONLY") ?: "", getenv("LD_PRELOAD") ?: "");
	return argc;
}

static void reap(const char *what, pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	printf("%s: exited %d with %d\n", what, WIFEXITED(status), WEXITSTATUS(status));
	fflush(stdout);
}

#define FORKED(how, call)                         \
	do {                                      \
		fflush(stdout);                   \
		pid_t pid = how();                \
		if (pid == 0) {                   \
			call;                     \
			_exit(100 + errno % 100); \
		}                                 \
		reap(#how " " #call, pid);        \
	} while (0)

static void spawned(const char *what, int flags, posix_spawn_file_actions_t *actions, char **envp)
{
	posix_spawnattr_t attr;
	sigset_t set;
	pid_t pid;
	int err;

	fflush(stdout);
	sigemptyset(&set);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, flags);
	posix_spawnattr_setsigmask(&attr, &set);
	posix_spawnattr_setsigdefault(&attr, &set);
	err = posix_spawn(&pid, self, actions, &attr, argv_child, envp);
	if (err)
		printf("%s: %s\n", what, strerror(err));
	else
		reap(what, pid);
}

static void *vfork_in_thread(void *arg)
{
	FORKED(vfork, execv(self, argv_child));
	FORKED(vfork, execve("/no/such", argv_child, environ));
	return arg;
}

static void changes_under_vfork(void)
{
	volatile int written = 0;
	pid_t pid = vfork();

	if (pid == 0) {
		written = 7;
		close(open("/dev/null", O_RDONLY));
		_exit(9);
	}
	reap("vfork that writes", pid);
	printf("the parent sees %d\n", written);
}

int main(int argc, char **argv)
{
	posix_spawn_file_actions_t actions;
	pthread_t thread;
	FILE *pipe;
	char text[256];
	int fd;

	if (argc > 1 && strcmp(argv[1], "start"))
		return child(argc, argv);
	snprintf(self, sizeof(self), "%s", realpath("/proc/self/exe", text) ? text : argv[0]);
	fd = open(self, O_RDONLY | O_CLOEXEC);
	FORKED(fork, execv(self, argv_child));
	FORKED(fork, execve(self, argv_child, envp_child));
	FORKED(fork, execve(self, argv_child, envp_none));
	FORKED(fork, execve(self, argv_child, NULL));
	FORKED(fork, execl(self, "t_exec", "a", "b", "c", "d", "e", "f", "g", "h", NULL));
	FORKED(fork, execle(self, "t_exec", "le", NULL, envp_child));
	FORKED(fork, fexecve(fd, argv_child, envp_child));
	FORKED(fork, execveat(fd, "", argv_child, envp_child, AT_EMPTY_PATH));
	FORKED(fork, execvp("true", argv_child));
	FORKED(fork, execvpe("true", argv_child, envp_none));
	FORKED(fork, execlp("false", "false", NULL));
	FORKED(fork, (clearenv(), execv(self, argv_child)));
	FORKED(fork, (setenv("LD_PRELOAD", "", 1), execv(self, argv_child)));
	FORKED(vfork, execve(self, argv_child, envp_child));
	FORKED(vfork, execvp("no-such-program", argv_child));
	FORKED(vfork, execl("/bin/sh", "sh", "-c", "exit 5", NULL));
	changes_under_vfork();
	pthread_create(&thread, NULL, vfork_in_thread, NULL);
	pthread_join(thread, NULL);

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 5, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, 1, 2);
	spawned("spawn", 0, NULL, environ);
	spawned("spawn with actions", POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF, &actions,
		envp_child);
	spawned("spawn in a group", POSIX_SPAWN_SETPGROUP, &actions, envp_none);
	spawned("spawn in a session", POSIX_SPAWN_SETSID, NULL, environ);
	posix_spawn_file_actions_addopen(&actions, 6, "/no/such/file", O_RDONLY, 0);
	spawned("spawn with a bad action", 0, &actions, environ);

	printf("system: %d\n", system("echo in the shell; exit 6") >> 8);
	pipe = popen("echo through a pipe", "r");
	printf("popen: %s", fgets(text, sizeof(text), pipe));
	printf("pclose: %d\n", pclose(pipe));
	fflush(stdout);
	execl(self, "t_exec", "last", NULL);
	return 1;
}
