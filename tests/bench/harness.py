# SPDX-License-Identifier: Apache-2.0
"""What all sections of the benchmark share: building, running, pairs, medians and verdicts."""
import math
import os
import random
import re
import shutil
import statistics
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
LINE = re.compile(r"^(workload|drain|insert|python|parse|load) ((?:\w+=\S+ ?)+)$", re.M)

PROGRAMS = {
    "libcalls.so": ("calls.c", ["-fPIC", "-shared"]),
    "workload": ("workload.c", ["-Wl,-z,lazy", "-L{out}", "-Wl,-rpath,{out}", "-lcalls", "-lpthread"]),
    "floor.so": ("floor.c", ["-fPIC", "-shared"]),
    "bare.so": ("bare.c", ["-fPIC", "-shared"]),
    "drain": ("drain.c", ["-lzstd"]),
    "insert": ("insert.c", ["-lsqlite3"]),
    "load": ("load.c", []),
    "syscalls": ("syscalls.c", []),
    "service": ("service/service.c", []),
}


class Failed(Exception):
    """A tool did not do what was measured."""


class Bench:
    """Where things are, and how many rounds."""

    def __init__(self, build, rounds, full):
        self.build = os.path.abspath(build)
        self.ragtime = os.path.join(self.build, "ragtime")
        self.out = os.path.join(self.build, "bench")
        self.rounds = rounds
        self.full = full
        self.results = []
        self.notes = []
        self.tables = []
        os.makedirs(self.out, exist_ok=True)
        self.compile()
        self.scratch = tempfile.mkdtemp(prefix="ragtime-bench.")
        self.shm = tempfile.mkdtemp(prefix="ragtime-bench.", dir="/dev/shm")

    def close(self):
        shutil.rmtree(self.scratch, ignore_errors=True)
        shutil.rmtree(self.shm, ignore_errors=True)

    def compile(self):
        for name, (source, flags) in PROGRAMS.items():
            target = os.path.join(self.out, name)
            source = os.path.join(HERE, source)
            if os.path.exists(target) and os.path.getmtime(target) >= max(newest(HERE), os.path.getmtime(source)):
                continue
            subprocess.run(["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-g", "-Wall", "-Wextra", "-o",
                            target, source, *(flag.format(out=self.out) for flag in flags)], check=True)

    def program(self, name):
        return os.path.join(self.out, name)

    def workload(self, mode, count, *options):
        return [self.program("workload"), *options, mode, str(count)]

    def file(self, name):
        """A fresh path in the scratch folder."""
        path = os.path.join(self.scratch, name)
        remove(path)
        return path

    def note(self, text):
        print(f"  {text}", flush=True)
        self.notes.append(text)

    def judge(self, name, samples, goal, unit="x", at_least=False, detail=""):
        """Adds a row to the table: the median of the samples against the goal."""
        return self.add(summary(samples), name, goal, unit, at_least, detail, samples)

    def judge_ratio(self, name, above, below, goal, at_least=False, detail=""):
        """Likewise: the median of `above` by that of `below`, taken in the same passes if equally many."""
        try:
            return self.add(ratio_summary(above, below), name, goal, "x", at_least, detail, above)
        except Failed as error:
            return self.missing(name, f"{error} ({detail})", goal)

    def add(self, figures, name, goal, unit, at_least, detail, samples):
        result = dict(name=name, goal=goal, at_least=at_least, unit=unit, detail=detail, **figures,
                      samples=[round(value, 4) for value in samples])
        result["verdict"] = verdict(result, goal, at_least)
        self.results.append(result)
        print(f"  {row_text(result)}", flush=True)
        return result

    def missing(self, name, error, goal=None):
        """A row that could not be measured: said by name, never passed over."""
        reason = " ".join(str(error).split())[:300]
        self.results.append(dict(name=name, goal=goal, verdict="not measured", detail=reason))
        print(f"  {name}: not measured: {reason}", flush=True)


def newest(folder):
    return max(os.path.getmtime(os.path.join(folder, name)) for name in os.listdir(folder)
               if name.endswith((".c", ".h")))


def remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def disk_bytes(path):
    """Bytes on disk of a file or a folder."""
    if os.path.isfile(path):
        return os.path.getsize(path)
    return sum(os.path.getsize(os.path.join(folder, name))
               for folder, _, names in os.walk(path) for name in names)


class Run:
    """One finished command: what it said of itself, and what the system says it used."""

    def __init__(self, status, text, usage, wall):
        self.status = status
        self.text = text
        self.cpu = usage.ru_utime + usage.ru_stime  # with its children
        self.rss = usage.ru_maxrss * 1024
        self.wall = wall
        self.said = {}
        for match in LINE.finditer(text):
            self.said.update(pair.split("=", 1) for pair in match[2].split())

    def number(self, key):
        if key not in self.said:
            raise Failed(f"the workload said no {key}: {self.text[-400:]}")
        return float(self.said[key])

    @property
    def ns(self):
        return self.number("cpu_ns")


def start(command, env=None, **options):
    return subprocess.Popen(command, env={**os.environ, **(env or {})},
                            stderr=subprocess.PIPE, text=True, errors="replace", **options)


def finish(process, begin, ok=(0,)):
    text = process.stderr.read()
    process.stderr.close()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if ok is not None and process.returncode not in ok:
        raise Failed(f"{process.args[0]} ended with {process.returncode}: {text[-400:]}")
    return Run(process.returncode, text, usage, wall)


def run(command, env=None, ok=(0,), timeout=300, stdout=subprocess.DEVNULL):
    """Runs a command to its end. A workload's own line is parsed out of its standard error."""
    begin = time.monotonic()
    process = start(["timeout", str(timeout), *command] if timeout else command, env,
                    stdin=subprocess.DEVNULL, stdout=stdout)
    return finish(process, begin, ok)


def output(command, env=None, patience=0):
    """What a command prints; tried again for `patience` seconds while it fails."""
    end = time.monotonic() + patience
    while True:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace",
                              stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})}, check=False)
        if done.returncode == 0:
            return done.stdout
        if time.monotonic() >= end:
            raise Failed(f"{' '.join(command[:3])} ended with {done.returncode}: {done.stderr[-400:]}")
        time.sleep(0.01)


def run_gated(command, between, env=None):
    """A workload with -g: calls between(its pid) when it is ready, then lets it go."""
    begin = time.monotonic()
    process = start(command, env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        ready = process.stdout.readline().split()
        if ready[:1] != ["ready"]:
            raise Failed(f"{command[0]} never became ready")
        between(int(ready[1]))
        process.stdin.write("go\n")
    finally:
        process.stdin.close()
        process.stdout.close()
        result = finish(process, begin, ok=None)
    if result.status:
        raise Failed(f"{command[0]} ended with {result.status}: {result.text[-400:]}")
    return result


def summary(samples):
    """Median, quartiles, and the interval that holds the true median with 95 % confidence."""
    ordered = sorted(samples)
    count = len(ordered)
    rank = 0
    while rank < count // 2 and 2 * sum(math.comb(count, i) for i in range(rank + 2)) <= 0.05 * 2 ** count:
        rank += 1
    sure = 2 * sum(math.comb(count, i) for i in range(rank + 1)) <= 0.05 * 2 ** count
    return dict(value=statistics.median(ordered), low=ordered[rank], high=ordered[count - 1 - rank],
                q1=ordered[count // 4], q3=ordered[(3 * count) // 4 if count > 1 else 0], rounds=count,
                confident=sure)


def ratio_summary(above, below):
    """Ratio of medians, with the interval of a bootstrap over the passes."""
    if statistics.median(below) <= 0:
        raise Failed("too noisy: the smaller cost drowns")
    dice = random.Random(1)
    paired = len(above) == len(below)
    values = []
    for _ in range(2000):
        draw = dice.choices(range(len(above)), k=len(above))
        other = draw if paired else dice.choices(range(len(below)), k=len(below))
        least = statistics.median(below[i] for i in other)
        if least > 0:
            values.append(statistics.median(above[i] for i in draw) / least)
    values.sort()
    low, q1, q3, high = (values[int(len(values) * share)] for share in (0.025, 0.25, 0.75, 0.975))
    return dict(value=statistics.median(above) / statistics.median(below), low=low, high=high, q1=q1, q3=q3,
                rounds=len(above), confident=len(above) >= 6)


def verdict(result, goal, at_least):
    if goal is None:
        return "reported"
    low, high = result["low"], result["high"]
    good = (low >= goal, high < goal) if at_least else (high <= goal, low > goal)
    if good[0]:
        return "pass"
    return "fail" if good[1] else "inconclusive"


def row_text(result):
    goal = "" if result["goal"] is None else \
        f" goal {'>=' if result['at_least'] else '<='} {result['goal']:g}{result['unit']}"
    return (f"{result['name']}: {result['value']:.3g}{result['unit']} "
            f"({result['low']:.3g}..{result['high']:.3g}){goal}: {result['verdict']} {result['detail']}").rstrip()
