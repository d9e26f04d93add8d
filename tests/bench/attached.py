# SPDX-License-Identifier: Apache-2.0
"""A running service of small requests, watched by `ragtime attach` and not, by turns in one process: what a
request costs it, how many it answers, and what the tracer uses itself."""
import os
import shutil
import signal
import statistics
import subprocess
import sys

import harness
from serving import CONNECTIONS, FOLDER, Service, on

SECONDS = 2
SETS = {"default": ([], 1.10)}
TRACER_CORE = 0.15


def cpu_s(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Watched:
    """with Watched(bench, pid, options) as watched: ...; then watched.core is the share of a processor."""

    def __init__(self, bench, pid, options):
        self.command = on(1, bench.ragtime, "attach", *options, "-o", os.path.join(bench.shm, "attached.rtrace"),
                          str(pid))

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stderr=subprocess.PIPE, text=True)
        line = self.process.stderr.readline()
        if "tracing" not in line:
            raise harness.Failed(line)
        return self

    def cpu_s(self):
        return cpu_s(self.process.pid)

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        self.process.communicate()


def pair(bench, service, options, rate):
    """One turn each: (unwatched, watched)."""
    plain = service.load(SECONDS, rate)
    with Watched(bench, service.process.pid, options) as watched:
        service.load(0.2, rate)
        before = watched.cpu_s()
        seen = service.load(SECONDS, rate)
        seen["core"] = (watched.cpu_s() - before) / SECONDS
    return plain, seen


def turns(bench, service, options, rate):
    pairs = [pair(bench, service, options, rate) for _ in range(bench.rounds)]
    return [plain for plain, _ in pairs], [seen for _, seen in pairs]


def column(samples, key):
    return [sample[key] for sample in samples]


def judge_set(bench, service, name, half):
    options, most = SETS[name]
    plain, seen = turns(bench, service, options, half)
    what = f"attached service, {name} set, half of capacity"
    bench.judge_ratio(f"{what}: CPU time a request", column(seen, "cpu"), column(plain, "cpu"), most,
                      detail=f"{statistics.median(column(plain, 'cpu')):.1f} us alone")
    bench.judge_ratio(f"{what}: requests answered", column(seen, "rate"), column(plain, "rate"), 0.99, at_least=True)
    bench.judge_ratio(f"{what}: p99", column(seen, "p99"), column(plain, "p99"), None)
    bench.judge(f"{what}: the tracer's processor", column(seen, "core"), TRACER_CORE, unit=" cores")
    plain, seen = turns(bench, service, options, 0)
    bench.judge_ratio(f"attached service, {name} set, saturated: requests a second of its CPU time",
                      column(seen, "capacity"), column(plain, "capacity"), 1 / most, at_least=True)


def measure(bench):
    if os.geteuid() or os.cpu_count() < 2 or not shutil.which("taskset"):
        bench.missing("attached service", "needs root, taskset and two processors", 1.1)
        return {}
    with Service(bench, on(0, sys.executable, os.path.join(FOLDER, "service.py"))) as service:
        service.load(1)
        half = service.load(SECONDS)["rate"] / 2
        bench.note(f"the asyncio service answers {2 * half:.0f} requests a second over {CONNECTIONS} connections")
        for name in SETS:
            judge_set(bench, service, name, half)
    return {}
