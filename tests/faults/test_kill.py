# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the tracer and of the target at random moments: a target goes on as if nothing had
happened, and a trace is readable up to its last block."""
import json
import os
import random
import signal
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "live"))
from runs import BUILD, FULL, RAGTIME, TMP, Walk, alive, check, command, finish, trace, wait_until  # noqa: E402

COUNTER = os.path.join(os.path.abspath(BUILD), "programs", "counter")
FILE_HEADER = 64
ROUNDS = 200 if FULL else 20
random.seed(20261121)


def written(path):
    with open(path, "rb") as file:
        data = file.read(8)
    return struct.unpack("<Q", data)[0] if len(data) == 8 else 0


def child_of(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            children = file.read().split()
    except FileNotFoundError:
        return None
    return int(children[0]) if children else None


def readable(path, what):
    """Everything up to the end is whole blocks. SIGKILL may cut the one write that it falls into
    (the kernel looks for it between two pages): then the tail is torn, and is told to be."""
    if not os.path.exists(path) or not os.path.getsize(path):
        return None
    walk = Walk(path)
    if not walk.whole:
        done = subprocess.run([RAGTIME, "info", "--json", path], capture_output=True, text=True)
        if done.returncode:
            check("cannot read" in done.stderr, f"{what}: {done.stderr}")
            check(os.path.getsize(path) < FILE_HEADER, f"{what}: only a torn header is unreadable")
            return None
        told = json.loads(done.stdout)[0]
        check(told["state"] == "torn" and told["calls"] == walk.calls, f"{what}: {told}")
        check(not told["damage"]["missing_blocks"] and not told["damage"]["skipped_bytes"],
              f"{what}: damaged before its end: {told['damage']}")
    return walk


def kill_tracer(number):
    """The target writes its own exit status to a file, as nobody can wait for it any more."""
    path, count, status = trace(), os.path.join(TMP, "count"), os.path.join(TMP, "status")
    for name in (count, status):
        if os.path.exists(name):
            os.unlink(name)
    script = f"'{COUNTER}' '{count}' 0.5; echo $? > '{status}.new'; mv '{status}.new' '{status}'"
    tracer = subprocess.Popen(command(path, "sh", "-c", script))
    if number % 5:
        wait_until(lambda: os.path.exists(count))
    time.sleep(random.uniform(0, 0.4))
    target = child_of(tracer.pid)
    tracer.kill()
    tracer.wait()
    if target is None:
        return
    check(wait_until(lambda: os.path.exists(status)), f"round {number}: the target ends")
    with open(status) as file:
        check(file.read() == "42\n", f"round {number}: the target's own status")
    readable(path, f"round {number}, tracer killed")


def kill_target(number):
    path, count = trace(), os.path.join(TMP, "count")
    if os.path.exists(count):
        os.unlink(count)
    tracer = subprocess.Popen(command(path, COUNTER, count, "5"))
    wait_until(lambda: child_of(tracer.pid) is not None and os.path.exists(count))
    wait_until(lambda: written(count) > 0)
    time.sleep(random.uniform(0, 0.3))
    target = child_of(tracer.pid)
    os.kill(target, signal.SIGKILL)
    check(tracer.wait(20) == 137, f"round {number}: status after SIGKILL: {tracer.returncode}")
    walk = readable(path, f"round {number}, target killed")
    # each thread may have been killed between its write and the record of it, or counting it
    if check(walk and walk.finished, f"round {number}: the trace is finished"):
        check(abs(walk.calls - written(count)) <= 4 or walk.calls > written(count),
              f"round {number}: {walk.calls} calls in the trace, {written(count)} made")


def kill_detached_tracer(number):
    path, count = trace(), os.path.join(TMP, "count")
    if os.path.exists(count):
        os.unlink(count)
    target = subprocess.Popen(command(path, COUNTER, count, "0.6", options=("--exec",)))
    wait_until(lambda: os.path.exists(count) and written(count) > 0)
    for name in os.listdir("/proc"):
        try:
            with open(f"/proc/{name}/cmdline", "rb") as file:
                ours = path.encode() in file.read()
        except OSError:
            continue
        if name.isdigit() and ours and int(name) != target.pid:
            os.kill(int(name), signal.SIGKILL)
    check(target.wait(20) == 42, f"round {number}: status without its tracer: {target.returncode}")
    readable(path, f"round {number}, detached tracer killed")


for turn in range(ROUNDS):
    kill_tracer(turn)
    kill_target(turn)
for turn in range(3):
    kill_detached_tracer(turn)
finish()
