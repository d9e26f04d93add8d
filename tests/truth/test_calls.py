#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A program's own log of its calls against the spans that its trace decodes to.

Every logged call is there, once, in its thread, in its order; its parent is the call that the log
says it was made in; its interval lies within the one that the program measured around it, and
differs from it by little.
"""
import collections
import json
import os
import statistics
import subprocess
import sys

BUILD, TMP = os.environ["BUILD"], os.environ["TMP"]
RAGTIME = f"{BUILD}/ragtime"
FUNCTIONS = ("truth_outer", "truth_inner", "truth_leaf")
CLOCK_NS = 1000  # what two clocks may be apart
CLOSE_NS, CLOSE_SHARE = 1000, 0.01  # a duration is right within the larger of these
Call = collections.namedtuple("Call", "number parent pid tid name start end result")

failures = 0


def check(condition, message):
    global failures
    if not condition:
        failures += 1
        if failures <= 20:
            print("FAIL", message)


def run(log):
    trace, store = f"{TMP}/truth.rtrace", f"{TMP}/truth.db"
    subprocess.run([RAGTIME, "run", "-o", trace, "--func", "truth_calls:truth_*", "--",
                    f"{BUILD}/programs/truth_calls", log], check=True, timeout=120)
    subprocess.run([RAGTIME, "decode", "--rows", "all", "-o", store, trace], check=True, timeout=120)
    out = subprocess.run([RAGTIME, "export", "--to", "json", store], check=True, timeout=120,
                         stdout=subprocess.PIPE, text=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def read_log(path):
    calls = []
    with open(path) as file:
        for line in file:
            number, parent, pid, tid, name, start, end, result = line.split()
            calls.append(Call(int(number), int(parent), int(pid), int(tid), name, int(start),
                              int(end), int(result)))
    return calls


def pair_up(calls, spans):
    """Logged call number -> span. Within a thread both are in the order of their starts."""
    logged, traced = collections.defaultdict(list), collections.defaultdict(list)
    names = {call.name for call in calls}
    for call in calls:
        logged[call.tid].append(call)
    for span in spans:
        if span["name"] in names and span["kind"] not in ("process", "thread"):
            traced[span["tid"]].append(span)
    pairs = {}
    for tid, own in logged.items():
        own.sort(key=lambda call: call.start)
        first, last = own[0].start - CLOCK_NS, max(call.end for call in own) + CLOCK_NS
        # what libc calls inside a lookup is real, and not in the log
        lookups = [(call.start, call.end) for call in own if call.name == "getaddrinfo"]
        seen = [span for span in sorted(traced[tid], key=lambda span: (span["start_ns"], -span["end_ns"]))
                if first <= span["start_ns"] and span["end_ns"] <= last and
                not any(a <= span["start_ns"] and span["end_ns"] <= b and span["name"] != "getaddrinfo"
                        for a, b in lookups)]
        surplus = collections.Counter(span["name"] for span in seen)
        surplus.subtract(call.name for call in own)
        check(not -surplus, f"thread {tid}: missing {dict(-surplus)}")
        check(not +surplus, f"thread {tid}: strangers {dict(+surplus)}")
        for call, span in zip(own, seen):
            check(call.name == span["name"], f"call {call.number} {call.name} of thread {tid} is {span['name']}")
            pairs[call.number] = span
    return pairs


def check_parents(calls, pairs):
    """Calls are nested in calls; where the log knows of none, in the thread."""
    for call in calls:
        span, parent = pairs.get(call.number), pairs.get(call.parent)
        if not span:
            continue
        check(span["evidence"] == "exact", f"call {call.number} {call.name}: evidence {span['evidence']}")
        if call.parent >= 0:
            check(parent and span["parent"] == parent["id"],
                  f"call {call.number} {call.name}: parent {span['parent']} is not call {call.parent}")
        else:
            check(span["parent"] in threads, f"call {call.number} {call.name}: parent {span['parent']} is no thread")


def check_times(calls, pairs):
    excess = []
    for call in calls:
        span = pairs.get(call.number)
        if not span:
            continue
        check(call.start - CLOCK_NS <= span["start_ns"] <= span["end_ns"] <= call.end + CLOCK_NS,
              f"call {call.number} {call.name}: {span['start_ns']}..{span['end_ns']} is not within "
              f"{call.start}..{call.end}")
        around = call.end - call.start
        excess.append((around - (span["end_ns"] - span["start_ns"]), around))
    close = sum(1 for more, around in excess if abs(more) <= max(CLOSE_NS, CLOSE_SHARE * around))
    median = statistics.median(more for more, _ in excess)
    print(f"{len(excess)} calls: {close} within 1 us or 1 %, median excess of the bracket {median:.0f} ns")
    # the rest: somebody else ran between the program's clock and ours
    check(close >= 0.97 * len(excess), "durations differ")
    check(median <= CLOSE_NS, f"the median duration differs by {median} ns")


def check_results(calls, pairs):
    for call in calls:
        span = pairs.get(call.number)
        if not span or call.name in FUNCTIONS or call.name == "getaddrinfo":
            continue
        if call.name == "nanosleep":  # ended early by our signal: the log's word for it is a failure
            continue
        check((span["status"] == "error") == (call.result < 0),
              f"call {call.number} {call.name}: result {call.result}, status {span['status']}")


log = f"{TMP}/truth.log"
lines = run(log)
calls = read_log(log)
spans = [line for line in lines if line["type"] == "span"]
threads = {span["id"] for span in spans if span["kind"] == "thread"}
check(len({span["id"] for span in spans}) == len(spans), "two spans have one id")
pairs = pair_up(calls, spans)
check(len(pairs) == len(calls), f"{len(pairs)} of {len(calls)} calls were found")
check_parents(calls, pairs)
check_times(calls, pairs)
check_results(calls, pairs)
children = sum(1 for span in spans if span["kind"] == "process" and span["parent"])
check(children == 1, f"{children} child processes")
sys.exit(1 if failures else 0)
