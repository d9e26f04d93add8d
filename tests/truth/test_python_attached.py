#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The shim is brought into an interpreter that works, taken out, and brought in again: in each round every
span's parent is the one that the program says, what began before is said to have, and afterwards the
interpreter is as it was."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(__file__))
import pythons  # noqa: E402
from pythons import check  # noqa: E402

PROGRAM = os.path.join(os.path.dirname(__file__), "../programs/truth_tasks.py")
REQUESTS = 20
ROUNDS = 3

# What the program can see of us: the hook's pointer is not among it before 3.12.
STATE = """
import asyncio, contextvars, sys, time
def state():
    monitoring = getattr(sys, "monitoring", None)
    return ([monitoring.get_tool(i) for i in range(6)] if monitoring else None,
            [monitoring.get_events(i) for i in range(6) if monitoring.get_tool(i)] if monitoring else None)
def called(): return 1
async def rest():
    task = asyncio.ensure_future(asyncio.sleep(0.001))
    await task
    return called()
def wait():
    time.sleep(0.01)
    asyncio.new_event_loop().run_until_complete(rest())
before, variables = state(), list(contextvars.copy_context())
print("ready", flush=True)
while True:
    line = sys.stdin.readline()
    if not line:
        break
    for _ in range(5): wait()
    print(state() == before, list(contextvars.copy_context()) == variables, flush=True)
"""


def tell(target, *answers):
    target.stdin.write("go\n")
    target.stdin.flush()
    return check(target.stdout.readline() in answers, f"{target.args[0]}: answers")


def judge_round(version, trace, log):
    with open(log) as file:
        truth = json.load(file)
    judged = pythons.judge_tasks(version, trace, truth)
    old = [span for span in trace.spans.values() if trace.function(span) == "rounds"]
    check(len(old) == 1 and old[0]["attrs"].get("ragtime.began_before") == 1 and old[0]["evidence"] == "unknown",
          f"{version}: the coroutine that ran before: {old}")
    return judged


def judge(version, path):
    log = f"{pythons.TMP}/truth.json"
    target = subprocess.Popen([path, PROGRAM, log, str(REQUESTS), "--rounds"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)
    check(target.stdout.readline() == "ready\n", f"{version}: comes up")
    spans = wrong = 0
    for _ in range(ROUNDS):
        with pythons.Attached(target.pid) as trace:
            tell(target, "done\n")
        more = judge_round(version, trace, log)
        spans, wrong = spans + more[0], wrong + more[1]
        tell(target, "done\n")
    target.communicate("", timeout=60)
    check(target.returncode == 0, f"{version}: ended with {target.returncode}")
    print(f"{version}: {spans} spans in {ROUNDS} rounds, {wrong} wrong parents", flush=True)


def judge_state(version, path):
    """While it is traced, and after it, the program sees what it saw before."""
    target = subprocess.Popen([path, "-c", STATE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    check(target.stdout.readline() == "ready\n", f"{version}: comes up")
    for _ in range(2):
        with pythons.Attached(target.pid) as trace:
            tell(target, "True True\n", "True False\n")
        called = [span for span in trace.spans.values() if trace.function(span) == "called"]
        check(len(called) == 5 and all(trace.function(trace.around(span)) == "rest" for span in called),
              f"{version}: {len(called)} calls of 5")
        tell(target, "True True\n")
    target.communicate("", timeout=60)
    check(target.returncode == 0, f"{version}: ended with {target.returncode}")


for interpreter in pythons.found():
    judge(*interpreter)
    judge_state(*interpreter)
pythons.finish()
