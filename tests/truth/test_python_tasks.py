#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Forty requests side by side on one loop: every span's parent is the one that the program says.

A wrong parent fails; so does one that is not known, and a call without its span.
"""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(__file__))
import pythons  # noqa: E402
from pythons import check  # noqa: E402

PROGRAM = os.path.join(os.path.dirname(__file__), "../programs/truth_tasks.py")
REQUESTS = 40


def judge(version, path):
    log = f"{pythons.TMP}/truth.json"
    trace = pythons.Trace(path, PROGRAM, log, str(REQUESTS))
    if not check(trace.run.returncode == 0, f"{version}: ended with {trace.run.returncode}: {trace.run.stderr[-500:]}"):
        return
    with open(log) as file:
        truth = json.load(file)
    judged, wrong = pythons.judge_tasks(version, trace, truth)
    spans = list(trace.spans.values())
    tasks = sum(span["kind"] == "task" for span in spans)
    check(tasks >= REQUESTS * 5, f"{version}: {tasks} tasks")
    for span in spans:
        if trace.function(span) == "second_0":
            active = span["attrs"]["ragtime.active_ns"]
            check(0 < active < (span["end_ns"] - span["start_ns"]) / 2, f"{version}: second_0 ran all the time")
    print(f"{version}: {judged} spans, {wrong} wrong parents", flush=True)


for interpreter in pythons.found():
    judge(*interpreter)
pythons.finish()
