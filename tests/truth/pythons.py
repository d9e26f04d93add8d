# SPDX-License-Identifier: Apache-2.0
"""The interpreters of this machine, and the spans of a traced program."""
import collections
import glob
import json
import os
import re
import signal
import subprocess
import sys

BUILD, TMP = os.environ["BUILD"], os.environ["TMP"]
RAGTIME = f"{BUILD}/ragtime"
WANTED = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13")


def found():
    """Version and path: Debian's, and the newest of each minor version that pyenv has."""
    yield "debian", "/usr/bin/python3"
    root = os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))
    for minor in WANTED:
        paths = sorted(glob.glob(f"{root}/versions/{minor}.*/bin/python3"),
                       key=lambda path: [int(part) for part in re.findall(r"\d+", path.split("versions/")[1])])
        if paths:
            yield minor, paths[-1]
        else:
            print(f"no Python {minor} here: not tried", flush=True)


class Trace:
    """A program's spans, after it ran under trace."""

    def __init__(self, *command, options=(), env=None, timeout=120):
        self.path = f"{TMP}/python.rtrace"
        self.run = subprocess.run([RAGTIME, "run", "-o", self.path, *options, "--", *command], capture_output=True,
                                  text=True, timeout=timeout, env=env)
        self.read(timeout)

    def read(self, timeout=120):
        out = subprocess.run([RAGTIME, "export", "--to", "json", self.path], check=True, timeout=timeout,
                             stdout=subprocess.PIPE, text=True).stdout
        lines = [json.loads(line) for line in out.splitlines()]
        self.lines = lines
        self.spans = {line["id"]: line for line in lines if "id" in line}

    def parent(self, span):
        return self.spans.get(span["parent"])

    def function(self, span):
        """The function's own name, without module and class; None for what is no function of ours."""
        if not span or not span["attrs"].get("code.function.name", "").startswith("__main__."):
            return None
        return span["attrs"]["code.function.name"].rsplit(".", 1)[1]

    def around(self, span):
        """The nearest function of ours around it."""
        span = self.parent(span)
        while span and not self.function(span):
            span = self.parent(span)
        return span


class Attached(Trace):
    """with Attached(PID) as trace: what happens inside is traced; its spans are there afterwards."""

    def __init__(self, pid, *options):
        self.path = f"{TMP}/attached.rtrace"
        self.command = [RAGTIME, "attach", "--inject", "-o", self.path, *options, str(pid)]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stderr=subprocess.PIPE, text=True)
        self.said = ""
        while "tracing" not in self.said:
            line = self.process.stderr.readline()
            if not line:
                raise RuntimeError(f"attach did not begin: {self.said}")
            self.said += line
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=60)
        self.read()


failures = 0


def check(condition, message):
    global failures
    if not condition:
        failures += 1
        if failures <= 20:
            print("FAIL", message, flush=True)
    return condition


# 3.13 ends a generator without a `try` that is dropped while it is suspended without telling anybody
NOT_ENDED = {"dropped"}


def judge_tasks(version, trace, truth):
    """The spans of programs/truth_tasks.py against its log: how many there are, and how many have a wrong parent."""
    seen, wrong = collections.Counter(), 0
    for span in trace.spans.values():
        name, _, number = (trace.function(span) or "").partition("_")
        if name not in truth["hits"]:
            continue
        seen[name] += 1
        above = trace.around(span)
        maker = trace.function(above) if above else None
        wanted = f"{truth['edges'][name]}_{number}" if name in truth["edges"] else "one"
        wrong += not check(maker == wanted, f"{version}: {name}_{number} is below {maker}, not {wanted}")
        check(span["evidence"] == "exact", f"{version}: {name}_{number}: evidence {span['evidence']}")
        check(span["end_ns"] is not None or name in NOT_ENDED, f"{version}: {name}_{number} has no end")
        check("ragtime.began_before" not in span["attrs"], f"{version}: {name}_{number} began before")
    for name, count in truth["hits"].items():
        check(seen[name] == count, f"{version}: {seen[name]} spans of {name}, {count} calls")
    return sum(seen.values()), wrong


def finish():
    print(f"{failures} failures")
    sys.exit(failures != 0)
