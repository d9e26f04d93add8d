# SPDX-License-Identifier: Apache-2.0
"""What `ragtime attach` adds to a system call: of the watched process, and of every other one; beside programs
that do nothing, programs that write 16 bytes an edge, and the tools that can attach too."""
import os
import shutil
import signal
import statistics
import subprocess
import time

import harness

COUNT = 200_000
SLOW_COUNT = 4_000
GOAL = 1.2
PEERS = {
    "strace -c": ["strace", "-c", "-f", "-o", "/dev/null", "-p", "{pid}"],
    "perf trace": ["perf", "trace", "-o", "/dev/null", "-p", "{pid}"],
    "bpftrace count()": ["bpftrace", "-e", "tracepoint:raw_syscalls:sys_enter /pid == {pid}/ {{ @a = count(); }} "
                                           "tracepoint:raw_syscalls:sys_exit /pid == {pid}/ {{ @b = count(); }}"],
}


class Target:
    """Makes system calls when it is asked to."""

    def __init__(self, bench, count):
        self.process = subprocess.Popen([bench.program("syscalls"), str(count)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.pid = self.process.pid

    def cpu_ns(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline().split()[0])

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def build_reference(bench):
    folder = os.path.dirname(os.path.abspath(__file__))
    machine = subprocess.run(["gcc", "-print-multiarch"], capture_output=True, text=True, check=True).stdout.strip()
    subprocess.run(["clang", "-O2", "-g", "-target", "bpf", "-D__TARGET_ARCH_x86", "-idirafter",
                    f"/usr/include/{machine}", "-c", os.path.join(folder, "reference.bpf.c"),
                    "-o", os.path.join(bench.out, "reference.bpf.o")], check=True)
    subprocess.run(["gcc", "-O2", "-Wall", "-o", bench.program("reference"), os.path.join(folder, "reference.c"),
                    "-lbpf"], check=True)


class Reference:
    def __init__(self, bench, which, pid):
        self.process = subprocess.Popen([bench.program("reference"), os.path.join(bench.out, "reference.bpf.o"),
                                         which, str(pid)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise harness.Failed("this kernel does not load the reference programs")

    def end(self):
        self.process.stdin.close()
        self.process.wait()


class Attach:
    def __init__(self, bench, pid):
        self.process = subprocess.Popen([bench.ragtime, "attach", "-o", bench.file("attach.rtrace"), str(pid)],
                                        stderr=subprocess.PIPE, text=True)
        line = self.process.stderr.readline()
        if "tracing" not in line:
            raise harness.Failed(line)

    def end(self):
        self.process.send_signal(signal.SIGINT)
        self.process.communicate()


class Peer:
    def __init__(self, command, pid):
        self.process = subprocess.Popen([part.format(pid=pid) for part in command], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        time.sleep(2)
        if self.process.poll() is not None:
            raise harness.Failed(f"{command[0]} does not attach here")

    def end(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)


def median_of(target, passes=3):
    return statistics.median(target.cpu_ns() for _ in range(passes))


def take(added, name, watcher, target, base):
    """What the watcher adds to the target's calls."""
    try:
        added.setdefault(name, []).append(median_of(target) - base)
    finally:
        watcher.end()


def take_round(bench, watched, other, added):
    base = median_of(watched)
    take(added, "empty", Reference(bench, "empty", watched.pid), watched, base)
    take(added, "edge", Reference(bench, "edge", watched.pid), watched, base)
    take(added, "edge, other process", Reference(bench, "edge", watched.pid), other, median_of(other))
    take(added, "ragtime", Attach(bench, watched.pid), watched, base)
    take(added, "ragtime, other process", Attach(bench, watched.pid), other, median_of(other))
    left = median_of(watched)
    added.setdefault("ragtime, after it has gone", []).append(left - base)


def take_peers(bench, slow, added):
    for name, command in PEERS.items():
        if not shutil.which(command[0]):
            bench.missing(f"attach: {name}", f"{command[0]} is not installed (tests/bench/deps.sh)")
            continue
        base = median_of(slow)
        try:
            take(added, name, Peer(command, slow.pid), slow, base)
        except (harness.Failed, OSError, subprocess.SubprocessError) as error:
            bench.missing(f"attach: {name}", error)


def judge(bench, added):
    for name, below in (("ragtime", "edge"), ("ragtime, other process", "edge, other process")):
        detail = f"{statistics.median(added[name]):.0f} / {statistics.median(added[below]):.0f} ns"
        bench.judge_ratio(f"attach: a system call, {name} / reference", added[name], added[below], GOAL, detail=detail)
    bench.judge("attach: a system call after it has gone", added["ragtime, after it has gone"], None, unit=" ns")
    for name in PEERS:
        if name in added:
            bench.judge_ratio(f"attach: a system call, {name} / ragtime", added[name], added["ragtime"][:len(added[name])],
                              None, detail=f"{statistics.median(added[name]):.0f} ns")


def measure(bench):
    if os.geteuid():
        bench.missing("attach: a system call / reference", "root is needed to load programs into the kernel", GOAL)
        return {}
    print("attach: system calls", flush=True)
    build_reference(bench)
    added = {}
    watched, other, slow = Target(bench, COUNT), Target(bench, COUNT), Target(bench, SLOW_COUNT)
    try:
        for _ in range(bench.rounds):
            take_round(bench, watched, other, added)
        take_peers(bench, slow, added)
    finally:
        for target in (watched, other, slow):
            target.end()
    judge(bench, added)
    bench.tables.append(["| added CPU ns per system call | median |", "|---|---|",
                         *(f"| {name} | {statistics.median(values):.0f} |" for name, values in added.items())])
    return added
