#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Forty requests side by side on one loop: every span's parent is the one that the program says.

A wrong parent fails; so does one that is not known, and a call without its span.
"""
import collections
import json
import os
import sys

sys.path.insert(0, os.path.dirname(__file__))
import pythons  # noqa: E402
from pythons import check  # noqa: E402

PROGRAM = os.path.join(os.path.dirname(__file__), "../programs/truth_tasks.py")
REQUESTS = 40
# 3.13 ends a generator without a `try` that is dropped while it is suspended without telling anybody
NOT_ENDED = {"dropped"}


def judge(version, path):
    log = f"{pythons.TMP}/truth.json"
    trace = pythons.Trace(path, PROGRAM, log, str(REQUESTS))
    if not check(trace.run.returncode == 0, f"{version}: ended with {trace.run.returncode}: {trace.run.stderr[-500:]}"):
        return
    with open(log) as file:
        truth = json.load(file)
    seen, wrong = collections.Counter(), 0
    for span in trace.spans.values():
        name, _, number = (trace.function(span) or "").partition("_")
        if name not in truth["hits"]:
            continue
        seen[name] += 1
        above = trace.around(span)
        maker = trace.function(above) if above else None
        wanted = f"{truth['edges'][name]}_{number}" if name in truth["edges"] else "one"
        wrong += not check(maker == wanted, f"{version}: {name}_{number} is below {maker}, not {wanted}")
        check(span["evidence"] == "exact", f"{version}: {name}_{number}: evidence {span['evidence']}")
        check(span["end_ns"] is not None or name in NOT_ENDED, f"{version}: {name}_{number} has no end")
    for name, count in truth["hits"].items():
        check(seen[name] == count, f"{version}: {seen[name]} spans of {name}, {count} calls")
    spans = list(trace.spans.values())
    tasks = sum(span["kind"] == "task" for span in spans)
    check(tasks >= REQUESTS * 5, f"{version}: {tasks} tasks")
    for span in spans:
        if trace.function(span) == "second_0":
            active = span["attrs"]["ragtime.active_ns"]
            check(0 < active < (span["end_ns"] - span["start_ns"]) / 2, f"{version}: second_0 ran all the time")
    print(f"{version}: {sum(seen.values())} spans, {wrong} wrong parents", flush=True)


for interpreter in pythons.found():
    judge(*interpreter)
pythons.finish()
