# SPDX-License-Identifier: Apache-2.0
"""What one call costs the target: untraced, the floor, ragtime armed, armed but off, each peer.

Every figure is the target's own CPU time per call, less that of untraced runs of the same loop just
before and after; medians over many short passes, and ratios of those medians.
"""
import statistics
import subprocess

import harness
import peers
from pipeline import FUNCTION, calls_of

LOADS = {
    # load: (iterations, title, goal as a multiple of the floor)
    "fn": (1_000_000, "exported function", 1.2),
    "malloc": (500_000, "malloc/free", 1.2),
    "rw": (120_000, "read/write", 1.2),
    "tcp": (5_000, "TCP send/recv", None),
}
REPEATS = 3  # passes over the cheap ones in a round: short and many, against the drift of the machine
OFF_GOAL = 0.12
PEER_GOAL = 4.0


def ours_command(bench, load, target, trace):
    pattern = ["--func", FUNCTION] if load == "fn" else []
    return [bench.ragtime, "run", "-o", trace, *pattern, "--", *target]


def run_off(bench, load, count):
    """Hooks in place, told to stay silent before the loop begins."""
    def silence(pid):
        harness.output([bench.ragtime, "ctl", str(pid), "off"], patience=2)

    command = ours_command(bench, load, bench.workload(load, count, "-g"), bench.file("off.rtrace"))
    return harness.run_gated(command, silence)


def run_tool(bench, tool, load, count):
    target = bench.workload(load, count)
    if tool == "untraced":
        return harness.run(target).ns
    if tool == "floor":
        return harness.run(target, {"LD_PRELOAD": bench.program("floor.so")}).ns
    if tool == "ragtime":
        return harness.run(ours_command(bench, load, target, bench.file("on.rtrace"))).ns
    return run_off(bench, load, count).ns


def check(bench, load):
    """Were the calls that the figures are about recorded at all?"""
    trace = bench.file("check.rtrace")
    run = harness.run(ours_command(bench, load, bench.workload(load, 2000), trace))
    seen = calls_of(bench, trace)
    wanted = peers.SYMBOLS[load].split("+")
    if min(seen.get(name, 0) for name in wanted) < run.number("calls") / len(wanted):
        raise harness.Failed(f"not all calls were recorded: {seen}")


def measure_load(bench, load, usable):
    """{tool: [added ns per call]}, {peer: [bytes per call]}, {tool: error}"""
    count = LOADS[load][0]
    added = {tool: [] for tool in ["untraced", "floor", "ragtime", "off"]}
    added.update({peer.name: [] for peer in usable if load in peer.loads})
    written = {}
    broken = {}

    def attempt(name, measure):
        if name in broken:
            return
        try:
            added[name].append(measure())
        except (harness.Failed, OSError, subprocess.SubprocessError) as error:
            broken[name] = error

    def take(names):
        """One pass over these, between two untraced runs; what they add to those."""
        before = run_tool(bench, "untraced", load, count)
        for name, measure in names.items():
            attempt(name, measure)
        base = (before + run_tool(bench, "untraced", load, count)) / 2
        for name in names:
            if name not in broken:
                added[name][-1] -= base
        return base

    try:
        check(bench, load)
    except (harness.Failed, OSError) as error:
        broken["ragtime"] = broken["off"] = error
    cheap = {tool: lambda tool=tool: run_tool(bench, tool, load, count) for tool in ("floor", "ragtime", "off")}
    others = {peer.name: lambda peer=peer: run_peer(bench, peer, load, written)
              for peer in usable if load in peer.loads}
    for _ in range(bench.rounds):
        for _ in range(REPEATS):
            added["untraced"].append(take(cheap))
        if others:
            take(others)
    return added, written, broken


def run_peer(bench, peer, load, written):
    result, size = peer.run(load, bench.workload(load, peer.loads[load]))
    written.setdefault(peer.name, []).append(size / result.number("calls"))
    return result.ns


def judge_load(bench, load, added, usable, broken):
    title, goal = LOADS[load][1:]
    ours = added["ragtime"]
    for name, text, key, limit in (("ragtime", "recorded", "ragtime", goal),
                                   ("off", "armed but off", "off", goal and OFF_GOAL)):
        if name in broken or "floor" in broken:
            bench.missing(f"{title}, {text} / floor", broken.get(name) or broken["floor"], limit)
            continue
        detail = f"{statistics.median(added[key]):.1f} / {statistics.median(added['floor']):.1f} ns"
        bench.judge_ratio(f"{title}, {text} / floor", added[key], added["floor"], limit, detail=detail)
    for peer in usable:
        if load not in peer.loads:
            continue
        if peer.name in broken:
            bench.missing(f"{title}, {peer.name} / ragtime", broken[peer.name])
        elif "ragtime" not in broken and "floor" not in broken:
            theirs, least = statistics.median(added[peer.name]), statistics.median(added["floor"])
            bench.judge_ratio(f"{title}, {peer.name} / ragtime", added[peer.name], ours,
                              PEER_GOAL if goal and peer.records else None, at_least=True,
                              detail=f"{theirs:.0f} ns; the floor would have {theirs / least:.3g}x")


def table(measured, usable):
    """Markdown: one column a load, one row a tool."""
    names = ["untraced", "floor", "ragtime", "off", *(peer.name for peer in usable)]
    labels = {"untraced": "untraced: cost of the call itself", "floor": "floor: 2 rdtsc + 32 B store",
              "ragtime": "**ragtime run**", "off": "ragtime, armed but off",
              **{peer.name: f"{peer.name} {peer.installed}" for peer in usable}}
    lines = ["| added CPU ns per call | " + " | ".join(LOADS[load][1] for load in measured) + " |",
             "|---|" + "---|" * len(measured)]
    for name in names:
        cells = []
        for added, written in measured.values():
            values = added.get(name)
            size = f", {statistics.median(written[name]):.0f} B" if name in written else ""
            cells.append(f"{statistics.median(values):.1f}{size}" if values else "-")
        lines.append(f"| {labels[name]} | " + " | ".join(cells) + " |")
    return lines


def measure(bench):
    usable = peers.installed(bench)
    measured = {}
    try:
        for load in LOADS:
            print(f"calls: {LOADS[load][1]}", flush=True)
            added, written, broken = measure_load(bench, load, usable)
            measured[load] = added, written
            judge_load(bench, load, added, usable, broken)
    finally:
        for peer in usable:
            peer.end()
    bench.tables.append(table(measured, usable))
    return {load: {"added_ns": added, "bytes_per_call": written}
            for load, (added, written) in measured.items()}
