#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Functions in child processes hang below what forked them; threads that wait for the interpreter
are told from those that wait for a lock."""
import collections
import os
import sys

sys.path.insert(0, os.path.dirname(__file__))
import pythons  # noqa: E402
from pythons import check  # noqa: E402

PROGRAM = os.path.join(os.path.dirname(__file__), "../programs/truth_processes.py")
MAKERS = {"by_fork": 1, "by_process": 1, "by_pool": 4}


def judge(version, path):
    trace = pythons.Trace(path, PROGRAM)
    if not check(trace.run.returncode == 0, f"{version}: ended with {trace.run.returncode}: {trace.run.stderr[-500:]}"):
        return
    makers, leaves = collections.Counter(), 0
    for span in trace.spans.values():
        name, above = trace.function(span), trace.around(span)
        if name == "work":
            makers[trace.function(above) if above else None] += 1
            check(not above or above["pid"] != span["pid"] or trace.function(above) == "<module>",
                  f"{version}: work ran in the process that made it")
        if name == "leaf":
            leaves += 1
            check(trace.function(above) == "work", f"{version}: leaf is below {trace.function(above)}")
    for maker, count in MAKERS.items():
        check(makers[maker] == count, f"{version}: {makers[maker]} calls of work below {maker}, not {count}")
    # the spawned one knows its module by another name
    check(leaves == 6 and sum(makers.values()) == 6, f"{version}: {leaves} leaves, makers {dict(makers)}")
    spins = [span for span in trace.spans.values() if trace.function(span) == "spin"]
    lasted = sum(span["end_ns"] - span["start_ns"] for span in spins)
    waited = sum(span["waits"].get("gil", 0) for span in spins)
    check(len(spins) == 3 and lasted * 0.05 < waited < lasted,
          f"{version}: {len(spins)} spinning threads waited {waited} of {lasted} ns for the interpreter")
    check(all(trace.function(trace.around(span)) == "contend" for span in spins), f"{version}: who made the threads")
    print(f"{version}: {dict(makers)}, waited {100 * waited // max(lasted, 1)} %", flush=True)


for interpreter in pythons.found():
    judge(*interpreter)
pythons.finish()
