# SPDX-License-Identifier: Apache-2.0
"""What the drain costs, what an event takes on disk, and that nothing is lost silently."""
import contextlib
import json
import os
import signal
import sqlite3
import statistics
import time

import harness
from harness import Failed

PYTHON = "/usr/bin/python3"
FUNCTION = "libcalls*:call_add"
DRAIN_GOAL = 1.5
CALLS_LOST = ("ring_full", "nested", "no_slot", "damaged", "write_failed", "block")
PACED = 9_500_000  # calls per second: just below the promised 10 M
LOADS = {
    # load: (workload options, iterations, title)
    "pace": (("-r", str(PACED)), 6_000_000, "9.5 M function calls/s"),
    "rw": ((), 1_000_000, "read/write"),
}


def traced(bench, target, *options):
    """(Run, path of the trace)"""
    trace = bench.file("pipeline.rtrace")
    pattern = ["--func", FUNCTION] if "workload" in target[0] else []
    return harness.run([bench.ragtime, "run", "-o", trace, *pattern, *options, "--", *target]), trace


def info(bench, trace):
    facts = json.loads(harness.output([bench.ragtime, "info", "--json", trace]))[0]
    if facts["state"] != "finished":
        raise Failed(f"{trace} is {facts['state']}")
    return facts


def lost(facts):
    """Calls that are missing, by ragtime's own account."""
    return sum(row["count"] for row in facts["lost"] if row["reason"] in CALLS_LOST)


def calls_of(bench, trace):
    """{operation: calls}, recorded or counted, as the decoder sees them."""
    store = bench.file("calls.db")
    harness.output([bench.ragtime, "decode", "--rows", "none", trace, "-o", store])
    with contextlib.closing(sqlite3.connect(store)) as connection:
        return dict(connection.execute(
            "SELECT o.name, sum(c.calls) FROM (SELECT operation, calls FROM fold UNION ALL "
            "SELECT operation, calls FROM counter) c JOIN operation o ON o.id = c.operation GROUP BY 1"))


def fixed_cost(bench):
    """CPU seconds of a traced run that does nothing: start, stop and an idle pass or two."""
    costs = []
    for _ in range(3):
        run, _ = traced(bench, bench.workload("fn", 10))
        costs.append(run.cpu - run.number("total_cpu_ns") / 1e9)
    return statistics.median(costs)


def our_drain(bench, load, fixed):
    options, count, _ = LOADS[load]
    run, trace = traced(bench, bench.workload(load, count, *options))
    facts = info(bench, trace)
    cpu = run.cpu - run.number("total_cpu_ns") / 1e9 - fixed
    return cpu * 1e9 / facts["calls"], os.path.getsize(trace) / facts["calls"]


def reference_drain(bench, load):
    options, count, _ = LOADS[load]
    prefix, packed = os.path.join(bench.shm, "ring"), bench.file("reference.bin")
    begin = time.monotonic()
    drain = harness.start([bench.program("drain"), prefix, packed], stdout=-1)
    try:
        drain.stdout.readline()
        harness.run(bench.workload(load, count, *options),
                    {"LD_PRELOAD": bench.program("floor.so"), "FLOOR_RING": prefix})
        time.sleep(0.02)
    finally:
        drain.send_signal(signal.SIGTERM)
        drain.stdout.close()
        result = harness.finish(drain, begin, ok=None)
        for name in os.listdir(bench.shm):
            os.unlink(os.path.join(bench.shm, name))
    return result.number("cpu_ns") / result.number("events"), result.number("bytes") / result.number("events")


def measure_drain(bench):
    fixed = fixed_cost(bench)
    rows = {}
    for load, (_, _, title) in LOADS.items():
        ours, theirs = [], []
        for _ in range(bench.rounds):
            theirs.append(reference_drain(bench, load))
            ours.append(our_drain(bench, load, fixed))
        cost = [one[0] for one in ours], [one[0] for one in theirs]
        bench.judge(f"drain / reference drain, {title}", [a / b for a, b in zip(*cost)], DRAIN_GOAL,
                    detail=f"{statistics.median(cost[0]):.1f} / {statistics.median(cost[1]):.1f} ns an event, "
                           f"{ours[-1][1]:.2f} / {theirs[-1][1]:.2f} B")
        rows[load] = dict(ours=ours, reference=theirs)
    return rows


def measure_bytes(bench):
    """Sizes do not vary with noise: a run or two each."""
    rows = {}
    for name, target, goal in (
            ("Python program", [PYTHON, os.path.join(harness.HERE, "python_load.py"), "10"], 2),
            ("regular loop, read/write", bench.workload("rw", 500_000), 1),
            ("function loop", bench.workload("fn", 1_000_000), 10),
            ("TCP", bench.workload("tcp", 20_000), 10),
            ("random sizes and times", bench.workload("random", 500_000), 10)):
        _, trace = traced(bench, target)
        calls = info(bench, trace)["calls"]
        rows[name] = os.path.getsize(trace) / calls
        bench.judge(f"bytes an event on disk, {name}", [rows[name]], goal, unit=" B", detail=f"{calls} events")
    return rows


def measure_loss(bench):
    """Sent = recorded + lost, always; below 10 M events/s nothing is lost."""
    rows = []
    for name, load, options, count, goal in (
            ("9.5 M calls/s", "pace", LOADS["pace"][0], 10_000_000, 0),
            ("as fast as it goes", "fn", (), 30_000_000, None)):
        run, trace = traced(bench, bench.workload(load, count, *options))
        facts = info(bench, trace)
        sent, recorded, missing = count, calls_of(bench, trace).get("call_add", 0), lost(facts)
        rate = run.number("rate") / 1e6
        bench.judge(f"events lost, {name}", [missing], goal, unit="", detail=f"of {sent} at {rate:.1f} M/s")
        bench.judge(f"events unaccounted for, {name}", [abs(sent - recorded - missing)], 0, unit="",
                    detail=f"{sent} sent, {recorded} recorded, {missing} lost")
        rows.append(dict(name=name, sent=sent, recorded=recorded, lost=missing, rate=rate))
    return rows


def measure(bench):
    details = {}
    for name, part in (("drain", measure_drain), ("bytes", measure_bytes), ("loss", measure_loss)):
        print(f"pipeline: {name}", flush=True)
        try:
            details[name] = part(bench)
        except (Failed, OSError, KeyError, ValueError) as error:
            bench.missing(f"pipeline, {name}", error, goal=0)
    return details
