# SPDX-License-Identifier: Apache-2.0
"""The peers: other tools that see single calls, as the distribution packages them.

A peer is a name, the loads it can see, and how to run a command under it. To add one: a subclass of
Peer and a place in PEERS.
"""
import os
import re
import shutil
import subprocess
import time

from harness import Failed, disk_bytes, output, run

SYMBOLS = {"fn": "call_add", "malloc": "malloc+free", "rw": "read+write", "tcp": "send+recv"}
SYSCALLS = {"rw": "read,write", "tcp": "network"}


def in_tracefs(command):
    """The command with tracefs to be seen: in a mount namespace of its own where the host has none."""
    if os.path.isdir("/sys/kernel/tracing/events"):
        return command
    script = 'mount -t tracefs nodev /sys/kernel/tracing && exec "$@"'
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", *command]


class Peer:
    name = program = package = ""
    records = True  # each call, with its duration
    loads = {}      # load: iterations that take a fraction of a second

    def __init__(self, bench):
        self.bench = bench
        self.out = os.path.join(bench.scratch, "peer")

    def version(self):
        if not shutil.which(self.program):
            raise Failed(f"{self.program} is not installed (tests/bench/deps.sh)")
        return output(["dpkg-query", "-W", "-f=${Version}", self.package or self.program])

    def begin(self):
        """Once, before the first run."""

    def end(self):
        """Once, after the last run."""

    def command(self, load, target):
        raise NotImplementedError

    def run(self, load, target):
        """(Run, bytes written)"""
        shutil.rmtree(self.out, ignore_errors=True)
        os.mkdir(self.out)
        result = run(self.command(load, target))
        return result, disk_bytes(self.out)


class Uftrace(Peer):
    name = program = "uftrace"
    loads = {"fn": 1_000_000, "malloc": 500_000, "rw": 200_000, "tcp": 10_000}

    def command(self, load, target):
        return ["uftrace", "record", "--force", "-d", f"{self.out}/data", *target]


class Ltrace(Peer):
    name = program = "ltrace"
    loads = {"fn": 2000, "malloc": 1000, "rw": 1000, "tcp": 400}

    def command(self, load, target):
        return ["ltrace", "-f", "-e", SYMBOLS[load], "-o", f"{self.out}/text", *target]


class Strace(Peer):
    name = program = "strace"
    loads = {"rw": 2000, "tcp": 500}

    def command(self, load, target):
        return ["strace", "-f", "-T", "-e", f"trace={SYSCALLS[load]}", "-o", f"{self.out}/text", *target]


class PerfTrace(Peer):
    name = "perf trace"
    program = "perf"
    package = "linux-perf"
    loads = {"rw": 10_000, "tcp": 2000}

    def command(self, load, target):
        return in_tracefs(["perf", "trace", "-o", f"{self.out}/text", *target])


class Bpftrace(Peer):
    """A histogram of latencies in the kernel: durations, but no record of a call."""
    name = "bpftrace latency histogram"
    program = "bpftrace"
    records = False
    loads = {"rw": 100_000, "tcp": 10_000}
    script = ("tracepoint:raw_syscalls:sys_enter /pid == cpid/ { @start[tid] = nsecs; } "
              "tracepoint:raw_syscalls:sys_exit /@start[tid]/ "
              "{ @ns = hist(nsecs - @start[tid]); delete(@start[tid]); }")

    def command(self, load, target):
        return in_tracefs(["bpftrace", "-e", self.script, "-o", f"{self.out}/text", "-c", " ".join(target)])


class Lttng(Peer):
    """malloc and free as events without durations."""
    name = "LTTng-UST libc-wrapper"
    program = "lttng"
    package = "liblttng-ust1"
    records = False
    loads = {"malloc": 500_000}
    wrapper = "liblttng-ust-libc-wrapper.so.1"

    def begin(self):
        self.home = os.path.join(self.bench.scratch, "lttng")
        os.makedirs(self.home, exist_ok=True)
        os.environ["LTTNG_HOME"] = self.home
        if subprocess.run(["lttng", "--no-sessiond", "list"], capture_output=True, check=False).returncode == 0:
            raise Failed("an LTTng session daemon that is not ours is running")
        self.daemon = subprocess.Popen(["lttng-sessiond", "--no-kernel"], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(50):
            if subprocess.run(["lttng", "--no-sessiond", "list"], capture_output=True, check=False).returncode == 0:
                return
            time.sleep(0.1)
        self.end()
        raise Failed("lttng-sessiond does not answer")

    def end(self):
        self.daemon.terminate()
        self.daemon.wait()

    def run(self, load, target):
        shutil.rmtree(self.out, ignore_errors=True)
        lttng = ["lttng", "--no-sessiond"]
        output([*lttng, "create", "bench", f"--output={self.out}"])
        try:
            output([*lttng, "enable-channel", "-u", "calls", "--subbuf-size=4M", "--num-subbuf=8"])
            output([*lttng, "enable-event", "-u", "lttng_ust_libc:*", "-c", "calls"])
            output([*lttng, "add-context", "-u", "-t", "vtid", "-c", "calls"])
            output([*lttng, "start"])
            result = run(target, {"LD_PRELOAD": self.wrapper, "LTTNG_UST_REGISTER_TIMEOUT": "-1"})
            text = output([*lttng, "stop"])
        finally:
            subprocess.run([*lttng, "destroy", "bench"], capture_output=True, check=False)
        lost = re.search(r"(\d+) events? (?:were )?(?:discarded|lost)", text)
        if lost:
            self.bench.note(f"{self.name} lost {lost[1]} events of {load}")
        return result, disk_bytes(self.out)


PEERS = [Uftrace, Ltrace, Strace, PerfTrace, Bpftrace, Lttng]


def installed(bench):
    """Peers that can run, each with its version; the others are named as not measured."""
    usable = []
    for kind in PEERS:
        peer = kind(bench)
        try:
            peer.installed = peer.version()
            peer.begin()
            usable.append(peer)
        except (Failed, OSError) as error:
            bench.missing(f"peer {peer.name}", error)
    return usable
