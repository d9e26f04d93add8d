#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Waits for a processor, as `ragtime attach` sees them, against the kernel's own account of the thread
(/proc/PID/schedstat), and time blocked against the program's log."""
import os
import sqlite3
import subprocess
import sys

from attached import Attached, skip_unless_allowed
from runs import RAGTIME, check, finish, wait_until

# Three busy processes on each processor: ready, and waiting, most of the time.
TARGET = """
import os, sys, time
def account():
    with open("/proc/self/schedstat") as file:
        return int(file.read().split()[1])
def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        for _ in range(20000):
            pass
sys.stdin.readline()
children = []
for _ in range(3 * os.cpu_count()):
    child = os.fork()
    if not child:
        burn(0.5)
        os._exit(0)
    children.append(child)
before = account()
burn(0.2)
after = account()
slept = time.monotonic_ns()
time.sleep(0.2)
slept = time.monotonic_ns() - slept
for child in children:
    os.waitpid(child, 0)
print(after - before, account() - before, slept)
"""


def sums(path):
    """By operation, ns."""
    database = path + ".db"
    subprocess.run([RAGTIME, "decode", path, "-o", database], check=True, stdout=subprocess.DEVNULL)
    return dict(sqlite3.connect(database).execute(
        "SELECT o.name, SUM(f.sum_ns) FROM fold f JOIN operation o ON o.id = f.operation GROUP BY o.name"))


def main():
    skip_unless_allowed()
    if not os.path.exists("/proc/self/schedstat"):
        print("the kernel keeps no account of waits for a processor")
        sys.exit(77)
    target = subprocess.Popen([sys.executable, "-c", TARGET], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    wait_until(lambda: open(f"/proc/{target.pid}/syscall").read().startswith("0 "))
    with Attached(target.pid) as traced:
        out, _ = target.communicate("go\n", timeout=120)
        wait_until(lambda: traced.process.poll() is not None)
    burnt, whole, slept = map(int, out.split())
    seen = sums(traced.path)
    print(f"the kernel's account {whole} ns ({burnt} while busy), in the trace {seen.get('runqueue_wait')}; "
          f"slept {slept}, in the trace {seen.get('nanosleep')}")
    waited = seen.get("runqueue_wait", 0)
    # the first words after the fork and the last after the look at the account are not in it
    check(abs(waited - whole) < 0.05 * whole + 20_000_000, f"{waited} ns of waits, by the kernel's account {whole}")
    check(0 < seen.get("nanosleep", 0) <= slept * 1.01, f"slept {slept} ns, in the trace {seen.get('nanosleep')}")


main()
finish()
