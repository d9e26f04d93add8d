# SPDX-License-Identifier: Apache-2.0
"""How fast a trace is read: decode against a bare insert of the same rows, report against uftrace's."""
import statistics
import subprocess

import harness
from harness import Failed
from pipeline import info

DECODE_GOAL = 0.7
REPORT_GOAL = 3.0
DECODE_CALLS = 500_000
SIZES = [1_000_000, 4_000_000, 16_000_000]
FULL_SIZE = 100_000_000
PEER_CALLS = 1_000_000


def record(bench, calls, name):
    trace = bench.file(name)
    harness.run([bench.ragtime, "run", "-o", trace, "--", *bench.workload("rw", calls // 2)])
    return trace


def measure_decode(bench):
    trace = record(bench, DECODE_CALLS, "decode.rtrace")
    shares, bare = [], []
    for _ in range(bench.rounds):
        store = bench.file("decode.db")
        ours = harness.run([bench.ragtime, "decode", "--rows", "all", trace, "-o", store])
        control = harness.run([bench.program("insert"), store, bench.file("insert.db")])
        inserted, indexed = control.number("insert_ns") / 1e9, control.number("index_ns") / 1e9
        shares.append((inserted + indexed) / ours.cpu)
        bare.append(inserted / ours.cpu)
        rows = control.number("rows")
    bench.judge("decode / bare insert, same rows and indexes", shares, DECODE_GOAL, at_least=True,
                detail=f"{rows / ours.cpu / 1e6:.2f} M rows/s CPU")
    bench.judge("decode with indexes / bare insert without", bare, None, at_least=True)
    return dict(rows=rows, with_indexes=shares, without=bare)


def measure_peer_report(bench, trace, calls):
    data = bench.file("uftrace")
    try:
        harness.run(["uftrace", "record", "--force", "-d", data, *bench.workload("rw", PEER_CALLS // 2)])
        ours, theirs = [], []
        for _ in range(bench.rounds):
            ours.append(calls / harness.run([bench.ragtime, "report", trace]).cpu)
            theirs.append(PEER_CALLS / harness.run(["uftrace", "report", "--no-pager", "-d", data]).cpu)
    except (Failed, OSError, subprocess.SubprocessError) as error:
        bench.missing("report / uftrace report, calls per second", error, REPORT_GOAL)
        return None
    bench.judge_ratio("report / uftrace report, calls per second", ours, theirs, REPORT_GOAL, at_least=True,
                detail=f"{statistics.median(ours) / 1e6:.1f} / {statistics.median(theirs) / 1e6:.1f} M calls/s")
    return dict(ours=ours, uftrace=theirs)


def measure_growth(bench, traces):
    """Time per call and memory of the largest trace against smaller ones."""
    rows = []
    for calls, trace in traces.items():
        runs = [harness.run([bench.ragtime, "report", trace], timeout=1200)
                for _ in range(3 if calls < FULL_SIZE else 1)]
        rows.append(dict(calls=calls, ns=statistics.median(run.cpu for run in runs) * 1e9 / calls,
                         rss=max(run.rss for run in runs)))
        bench.note(f"report of {calls / 1e6:.0f} M calls: {rows[-1]['ns']:.1f} ns a call, "
                   f"peak {rows[-1]['rss'] / 1e6:.0f} MB")
    largest, smaller = rows[-1], rows[-2]
    bench.judge(f"report, CPU a call: {largest['calls'] / 1e6:.0f} M / {smaller['calls'] / 1e6:.0f} M calls",
                [largest["ns"] / smaller["ns"]], 1.25)
    bench.judge(f"report, peak memory: {largest['calls'] / 1e6:.0f} M / {smaller['calls'] / 1e6:.0f} M calls",
                [largest["rss"] / smaller["rss"]], 1.25)
    return rows


def measure_report(bench):
    traces = {}
    for calls in SIZES + ([FULL_SIZE] if bench.full else []):
        trace = record(bench, calls, f"report{calls}.rtrace")
        traces[info(bench, trace)["calls"]] = trace
    calls = list(traces)[1]
    return dict(peer=measure_peer_report(bench, traces[calls], calls), growth=measure_growth(bench, traces))


def measure(bench):
    details = {}
    for name, part in (("decode", measure_decode), ("report", measure_report)):
        print(f"reading: {name}", flush=True)
        try:
            details[name] = part(bench)
        except (Failed, OSError, KeyError, ValueError, subprocess.SubprocessError) as error:
            bench.missing(f"reading, {name}", error, goal=0)
    return details
