# SPDX-License-Identifier: Apache-2.0
"""subprocess in its many ways, and multiprocessing by fork, spawn and forkserver."""

import multiprocessing
import os
import subprocess
import sys


def square(number):
    return number * number, "LD_PRELOAD" in os.environ


def pools():
    for method in ("fork", "spawn", "forkserver"):
        context = multiprocessing.get_context(method)
        with context.Pool(3) as pool:
            print(method, pool.map(square, range(20)))
        queue = context.Queue()
        child = context.Process(target=queue.put, args=(os.sep,))
        child.start()
        print(method, queue.get(), child.join(), child.exitcode)


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    print(command[0] if isinstance(command[0], str) else "", done.returncode, repr(done.stdout), repr(done.stderr))


def children():
    see = "import os; print(sorted(k for k in os.environ if k[:3] in ('LD_', 'RAG')), os.environ.get('A'))"
    run(sys.executable, "-c", see)
    run(sys.executable, "-c", see, env={"A": "b"})
    run(sys.executable, "-c", see, env={})
    run(sys.executable, "-E", "-c", see, close_fds=False)
    run("exit 9", shell=True)
    run("echo out; echo err >&2; kill -9 $$", shell=True)
    run("cat", input="through cat")
    run(sys.executable, "-c", "import os; print(os.getcwd())", cwd="/", start_new_session=True)
    run("echo $A", shell=True, env={"A": "x"}, preexec_fn=lambda: os.nice(1))
    fd = os.open("/dev/null", os.O_RDONLY)
    run(sys.executable, "-c", "import os; print(sorted(os.listdir('/proc/self/fd')))", pass_fds=(fd,))
    try:
        run("/no/such/program")
    except FileNotFoundError as error:
        print(error)
    with subprocess.Popen("cat; sleep 0.1", shell=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        print(child.communicate(b"x" * 200000)[0].count(b"x"))
    pid = os.posix_spawn("/bin/echo", ["echo", "spawned"], {})
    print(os.waitpid(pid, 0)[1], flush=True)
    print(os.spawnv(os.P_WAIT, "/bin/sh", ["sh", "-c", "exit 4"]), os.system("exit 5") >> 8)


if __name__ == "__main__":
    children()
    pools()
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-c", "print('after exec')"])
