#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`ragtime attach --inject` to a process of another user, and to one in namespaces of its own that does not see
the library: it is brought as a file in memory, of which nothing is left in its file system or descriptors."""
import os
import subprocess
import sys

from attached import spans_of
from runs import BUILD, RAGTIME, TMP, alive, check, finish, wait_until

SOURCE = """
import os, sys, time
def work(): time.sleep(0.003)
print(*open("/proc/self/status").read().split("NSpid:")[1].split("\\n")[0].split(), flush=True)
os.dup2(2, 1)
while True: work()
"""
NOBODY = 65534
PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable


def attach(pid, path):
    return subprocess.run([RAGTIME, "attach", "--inject", "-o", path, "--duration", "0.3", str(pid)],
                          capture_output=True, text=True, timeout=60)


def descriptors(pid):
    links = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            links.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
        except OSError:
            pass
    return links


def judge(label, target, pid):
    for turn in range(3):
        path = os.path.join(TMP, f"{label}.rtrace")
        done = attach(pid, path)
        if not check(done.returncode == 0, f"{label} {turn}: {done.stderr}"):
            break
        work = [span for span in spans_of(path) if span["attrs"].get("code.function.name") == "__main__.work"]
        check(len(work) > 3, f"{label} {turn}: {len(work)} calls: {done.stderr}")
        left = [link for link in descriptors(pid) if "memfd" in link]
        check(alive(pid) and not left, f"{label} {turn}: left open: {left}")
    target.kill()
    target.wait()


def other_user():
    target = subprocess.Popen([PYTHON, "-c", SOURCE], stdout=subprocess.PIPE, text=True, user=NOBODY,
                              group=NOBODY, extra_groups=[], cwd="/")
    line = target.stdout.readline()
    if check(line, "another user's program comes up"):
        judge("user", target, target.pid)


def other_place():
    """Its build folder is an empty file system; its processes have numbers of their own."""
    enter = 'mount -t tmpfs none "$1" && exec "$2" -c "$3"'
    target = subprocess.Popen(["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", enter,
                               "sh", os.path.abspath(BUILD), PYTHON, SOURCE], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True)
    line = target.stdout.readline()
    children = f"/proc/{target.pid}/task/{target.pid}/children"
    if not check(line and wait_until(lambda: open(children).read()), "a program in namespaces comes up"):
        return
    judge("place", target, int(open(children).read().split()[0]))


if os.geteuid() or subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"], capture_output=True).returncode:
    print("needs root and namespaces")
    sys.exit(77)
other_user()
other_place()
finish()
