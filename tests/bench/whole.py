# SPDX-License-Identifier: Apache-2.0
"""Whole programs: a Python load's own CPU time, and how much later a target's main begins."""
import os
import subprocess
import time

import harness
from harness import Failed
from pipeline import PYTHON

PYTHON_GOAL = 1.3
START_GOAL = 15.0


def measure_python(bench):
    script = os.path.join(harness.HERE, "python_load.py")
    tools = {"ragtime run": [bench.ragtime, "run", "-o", bench.file("python.rtrace"), "--"],
             "uftrace": ["uftrace", "record", "--force", "-d", bench.file("python.uftrace")],
             "strace": ["strace", "-f", "-T", "-o", bench.file("python.strace")]}
    rows = {}
    for allocator in ("pymalloc", "malloc"):
        environment = {"PYTHONMALLOC": allocator}
        for tool, prefix in tools.items():
            if tool != "ragtime run" and allocator == "malloc":
                continue
            ours = tool == "ragtime run"
            name = f"Python load ({allocator}), CPU of the target under {tool} / untraced"
            try:
                samples = []
                for _ in range(bench.rounds if ours else 3):
                    before = harness.run([PYTHON, script], environment).ns
                    under = harness.run([*prefix, PYTHON, script], environment).ns
                    after = harness.run([PYTHON, script], environment).ns
                    samples.append(under * 2 / (before + after))
            except (Failed, OSError, subprocess.SubprocessError) as error:
                bench.missing(name, error, PYTHON_GOAL if ours else None)
                continue
            rows[name] = samples
            bench.judge(name, samples, PYTHON_GOAL if ours else None)
    return rows


def time_to_main(bench, prefix):
    begin = time.monotonic_ns()
    run = harness.run([*prefix, *bench.workload("fn", 10)], timeout=None)
    return (run.number("main_ns") - begin) / 1e6


def measure_start(bench):
    prefix = [bench.ragtime, "run", "-o", bench.file("start.rtrace"), "--"]
    delays = []
    time_to_main(bench, prefix)
    for _ in range(3 * bench.rounds):
        control = time_to_main(bench, [])
        delays.append(time_to_main(bench, prefix) - control)
    bench.judge("start of the target delayed", delays, START_GOAL, unit=" ms")
    return delays


def measure(bench):
    details = {}
    for name, part in (("python", measure_python), ("start", measure_start)):
        print(f"whole: {name}", flush=True)
        try:
            details[name] = part(bench)
        except (Failed, OSError, ValueError, subprocess.SubprocessError) as error:
            bench.missing(f"whole, {name}", error, goal=0)
    return details
