#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`ragtime attach --mode both`: the library's calls and functions, each once, and in them the waits that only
the kernel knows."""
import collections
import json
import os
import subprocess
import sys

from attached import Attached, info_of, skip_unless_allowed, spans_of
from runs import RAGTIME, TMP, check, finish

FILES, CALLS = 20, 30
# more threads than processors, which take turns without the interpreter's lock
SOURCE = """
import hashlib, os, sys, threading
data = b"x" * (4 << 20)
def digest():
    hashlib.sha256(data).digest()
def outer(name):
    digest()
    if name:
        open(name, "w").close()
    digest()
def work(names):
    for name in names:
        outer(name)
print("ready", flush=True)
sys.stdin.readline()
names = [[f"{sys.argv[1]}/both-{i}" if i < int(sys.argv[2]) and not t else "" for i in range(int(sys.argv[3]))]
         for t in range(2 * os.cpu_count() + 1)]
workers = [threading.Thread(target=work, args=(list,)) for list in names]
[w.start() for w in workers]
[w.join() for w in workers]
print("done", flush=True)
sys.stdin.readline()
"""


def function(span):
    return span["attrs"].get("code.function.name", "").rpartition(".")[2]


def judge(path, threads):
    spans = {span["id"]: span for span in spans_of(path)}
    names = collections.Counter(map(function, spans.values()))
    check(names["outer"] == threads * CALLS and names["digest"] == 2 * threads * CALLS, f"functions: {names}")
    files = [span for span in spans.values()
             if span["name"] in ("open", "openat", "openat64", "open64") and f"{TMP}/both-" in json.dumps(span["attrs"])]
    check(len(files) == FILES and {function(spans[span["parent"]]) for span in files} == {"outer"},
          f"{len(files)} files of {FILES}")
    tids = collections.Counter(span["tid"] for span in spans.values() if span["kind"] == "thread")
    check(max(tids.values()) == 1, f"threads that are there twice: {tids}")
    processes = [span for span in spans.values() if span["kind"] == "process"]
    check(len(processes) == 1, f"{len(processes)} processes")
    inside = outside = wrong = 0
    for span in spans.values():
        if span["name"] != "runqueue_wait":
            continue
        above = spans[span["parent"]]
        wrong += above["tid"] != span["tid"] or span["start_ns"] < above["start_ns"] or (
            above["end_ns"] is not None and span["end_ns"] > above["end_ns"])
        while above and not function(above):
            above = spans.get(above["parent"])
        inside, outside = inside + bool(above), outside + (not above)
    check(inside > 10 and not wrong, f"waits for a processor: {inside} in functions, {outside} outside, {wrong} misplaced")
    told = sum(bool(span["waits"].get("runqueue")) for span in spans.values() if function(span) == "outer")
    check(told > 10, f"{told} calls say that they waited for a processor")
    print(f"{inside} waits in functions, {outside} outside")


def main():
    skip_unless_allowed()
    target = subprocess.Popen([sys.executable, "-c", SOURCE, TMP, str(FILES), str(CALLS)], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)
    check(target.stdout.readline() == "ready\n", "comes up")
    with Attached("--mode", "both", target.pid, name="both.rtrace") as traced:
        target.stdin.write("go\n")
        target.stdin.flush()
        check(target.stdout.readline() == "done\n", "works")
    target.communicate("end\n", timeout=60)
    check(target.returncode == 0 and traced.process.returncode == 0, f"ends: {traced.errors()}")
    info = info_of(traced.path)
    check(info["mode"] == "shim, injected; bpf" and info["finished"], f"{info}")
    report = subprocess.run([RAGTIME, "report", traced.path], capture_output=True, text=True)
    check(report.returncode == 0, f"report: {report.stderr}")
    judge(traced.path, 2 * os.cpu_count() + 1)


main()
finish()
