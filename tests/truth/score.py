# SPDX-License-Identifier: Apache-2.0
"""score.py BUILD [quick|full] [PATTERN]: how much of programs' true call trees a trace gets right.

Traces programs that log their own calls (tests/programs/score_*), at several numbers of requests at
once and under every runtime that is here, and holds the exported tree against the log
(score_tree.py). Prints a table and writes it to BUILD/tables/accuracy.md. Fails where a call is
joined to another request or to a wrong caller, or less than 99 % of the edges are right.

Full, what came of a row is kept below BUILD/score, good or bad, by the build of ragtime: a run that
was stopped, or that took the rows of a PATTERN alone, is gone on with. A row that could not be run
is run again. The table shows rows that are to come as an earlier build left them, and says so.
"""
import asyncio
import collections
import dataclasses
import glob
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile

import score_far
from score_tree import OUTCOMES, Score, score

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = os.path.join(HERE, "..", "programs")
RIGHT_SHARE = 0.99
TIMEOUT = 300
KEPT = ("calls", "requests", "outcomes")  # of a row's result
PYTHONS = [f"3.{minor}" for minor in range(8, 15)]
NODES = [18, 20, 22, 24]


@dataclasses.dataclass
class Program:
    stem: str
    title: str
    requests: dict  # at once: requests
    args: tuple = ()
    packages: str = ""  # modules that it needs, beyond the standard library
    server: str = ""  # "python", "gunicorn" or "node": driven from outside
    full: bool = False  # not for the quick size


SMALL = {1: 5, 40: 80, 400: 400}
LARGE = {1: 10, 40: 120, 400: 400}
PYTHON_PROGRAMS = [
    Program("score_asyncio", "asyncio", LARGE),
    Program("score_asyncio", "asyncio on uvloop", LARGE, args=("uvloop",), packages="uvloop"),
    Program("score_threads", "threads", SMALL),
    Program("score_executors", "executors", SMALL),
    Program("score_processes", "processes (fork, spawn)", {1: 8, 40: 40}),
    Program("score_greenlet", "greenlets", SMALL, packages="greenlet"),
    Program("score_gevent", "gevent", SMALL, packages="gevent"),
    Program("score_fastapi", "FastAPI, uvicorn, httpx", LARGE, packages="fastapi uvicorn httpx", server="python"),
    Program("score_flask", "Flask, gunicorn threads", LARGE, packages="flask gunicorn", server="gunicorn"),
    Program("score_langchain", "LangChain", SMALL, packages="langchain_core", full=True),
    Program("score_llamaindex", "LlamaIndex", SMALL, packages="llama_index", full=True),
]
NODE_PROGRAMS = [
    Program("score_http.mjs", "http, undici", LARGE, server="node"),
    Program("score_tls.mjs", "https, http2", SMALL, server="node"),
]
# One at a time says little, and the most take longest: so they come first that say most.
ORDER = (40, 1, 400)
# What the quick size runs: title, runtime, at once.
QUICK = [("asyncio", "3.11", 40), ("asyncio", "3.12", 40), ("asyncio", "3.8", 40), ("threads", "3.11", 40),
         ("executors", "3.13", 40), ("processes (fork, spawn)", "3.11", 1), ("http, undici", "node", 40), ("https, http2", "node", 40)]


def run_quietly(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def pythons():
    """Version to interpreters: Debian's, pyenv's and those of uv, as many as are here."""
    root = run_quietly("pyenv", "root").stdout.strip() if shutil.which("pyenv") else ""
    found = {}
    for version in PYTHONS:
        places = [f"/usr/bin/python{version}", *sorted(glob.glob(f"{root}/versions/{version}.*/bin/python"), reverse=True)]
        for place in places:
            if os.access(place, os.X_OK) and run_quietly(place, "-c", "import asyncio, venv, ensurepip").returncode == 0:
                found[version] = place
                break
    return found


def environment(build, version, python):
    """An environment with what the programs need of packages, for the full size; else the bare one."""
    made = run_quietly("sh", f"{HERE}/score_venv.sh", build, version, python)
    if made.returncode:
        print(f"score: no packages for Python {version}: {made.stdout.strip().splitlines()[-1:]}", file=sys.stderr)
        return python
    return made.stdout.strip().splitlines()[-1]


def nodes(build, size):
    """Version to binary: the machine's own and, in the full size, those of npm."""
    own = shutil.which("node")
    found = {}
    if own:
        found["node"] = own
    if size == "full":
        made = run_quietly("sh", f"{HERE}/score_nodes.sh", build, *map(str, NODES))
        for line in made.stdout.splitlines():
            version, _, path = line.partition(" ")
            if path.startswith("/") and os.access(path, os.X_OK):
                found[f"node {version}"] = path
        found.pop("node", None) if len(found) > 1 else None
    return found


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def has_packages(python, packages):
    look = "import sys, importlib.util as u; sys.exit(not all(u.find_spec(name) for name in sys.argv[1:]))"
    return not packages or run_quietly(python, "-c", look, *packages.split()).returncode == 0


class Row:
    def __init__(self, program, runtime, binary, at_once):
        self.program, self.runtime, self.binary, self.at_once = program, runtime, binary, at_once
        self.result = None
        self.failure = None
        self.earlier = False  # the result is of an earlier build

    def command(self, far, port):
        requests = self.program.requests[self.at_once]
        path = os.path.join(PROGRAMS, self.program.stem)
        if self.program.server == "gunicorn":
            return [self.binary, "-m", "gunicorn", "--threads", str(min(max(self.at_once, 2), 64)), "-w", "2",
                    "-b", f"127.0.0.1:{port}", "--log-level", "error", "--chdir", PROGRAMS, "score_flask:app"]
        if self.program.server == "node":
            return [self.binary, path, str(port), str(far.port)]
        if self.program.server:
            return [self.binary, f"{path}.py", str(port), str(far.port)]
        return [self.binary, f"{path}.py", str(requests), str(self.at_once), str(far.port), *self.program.args]

    def paths(self):
        slash = "" if self.program.server == "node" else "/"  # where the path itself names the call
        return [f"/{'plain' if number % 4 == 3 else 'answer'}{slash}{number:04d}"
                for number in range(self.program.requests[self.at_once])]

    def run(self, ragtime, far, folder):
        trace, store, log = (os.path.join(folder, name) for name in ("t.rtrace", "t.db", "log.jsonl"))
        port = free_port()
        variables = dict(os.environ, SCORE_LOG=log, SCORE_EXCHANGES=f"{folder}/exchanges", FAR_PORT=str(far.port))
        command = [ragtime, "run", "-o", trace, "--", *self.command(far, port)]
        with open(f"{folder}/out", "wb") as out:
            process = subprocess.Popen(command, env=variables, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
            try:
                if self.program.server:
                    failed = asyncio.run(asyncio.wait_for(
                        score_far.drive(port, self.paths(), self.at_once), TIMEOUT))
                    self.failure = f"{len(failed)} requests failed, the first {failed[0]}" if failed else None
                status = process.wait(TIMEOUT)
            finally:
                process.kill()
        if status and not self.failure:
            with open(f"{folder}/out", errors="replace") as out:
                self.failure = f"status {status}: {' '.join(out.read().split()[-20:])}"
        if not self.failure:
            self.judge(ragtime, trace, store, log)

    def judge(self, ragtime, trace, store, log):
        subprocess.run([ragtime, "decode", "--rows", "all", "-o", store, trace], check=True, timeout=TIMEOUT,
                       stdout=subprocess.DEVNULL)
        lines = subprocess.run([ragtime, "export", "--to", "json", store], check=True, timeout=TIMEOUT,
                               stdout=subprocess.PIPE, text=True).stdout.splitlines()
        with open(log) as file:
            self.result = score([json.loads(line) for line in file], [json.loads(line) for line in lines])

    def __str__(self):
        return f"{self.program.title} {self.runtime} {self.at_once}"

    def keep(self, folder):
        """What the table needs, below a name that no other row has."""
        if not self.result:
            return
        path = os.path.join(folder, f"{self}.json")
        with open(f"{path}.new", "w") as file:
            json.dump({name: getattr(self.result, name) for name in KEPT}, file)
        os.rename(f"{path}.new", path)

    def recall(self, folder):
        try:
            with open(os.path.join(folder, f"{self}.json")) as file:
                facts = json.load(file)
        except FileNotFoundError:
            return
        self.result = Score(**dict(facts, outcomes=collections.Counter(facts["outcomes"])))

    @property
    def good(self):
        if not self.result or not self.result.edges:
            return False
        outcomes = self.result.outcomes
        return not outcomes["stranger"] and not outcomes["wrong"] and outcomes["right"] >= RIGHT_SHARE * self.result.edges


def rows_of(build, size):
    rows, absent = [], []
    found = pythons()
    absent += [f"Python {version}" for version in PYTHONS if version not in found]
    for version, python in found.items():
        if size == "full":
            python = environment(build, version, python)
        for program in PYTHON_PROGRAMS:
            if not has_packages(python, program.packages):
                if size == "full":
                    absent.append(f"{program.title} for Python {version}")
                continue
            rows += [Row(program, version, python, at_once) for at_once in program.requests]
    binaries = nodes(build, size)
    if not binaries:
        absent.append("Node")
    for version, node in binaries.items():
        rows += [Row(program, version, node, at_once) for program in NODE_PROGRAMS for at_once in program.requests]
    if size != "full":
        rows = [row for row in rows if (row.program.title, row.runtime, row.at_once) in QUICK]
    return rows, absent


def memory_of(build):
    """Where rows of this build are kept."""
    digest = hashlib.sha256()
    for name in ("ragtime", "libragtime.so", "ragtime-node.cjs"):
        with open(os.path.join(build, name), "rb") as file:
            digest.update(file.read())
    folder = os.path.join(build, "score", f"rows-{digest.hexdigest()[:16]}")
    os.makedirs(folder, exist_ok=True)
    return folder


HEAD = ("program", "runtime", "at once", "requests", "edges", "right", "of another request", "wrong caller",
        "orphans", "not traced")


def cells(row):
    if not row.result:
        return (row.program.title, row.runtime, row.at_once, "-", "-", row.failure or "no log", "-", "-", "-", "-")
    outcomes = row.result.outcomes
    share = 100 * outcomes["right"] / max(row.result.edges, 1)
    share = f"{share:.2f} %{' *' if row.earlier else ''}"
    return (row.program.title, row.runtime, row.at_once, row.result.requests, row.result.edges, share,
            *(outcomes[name] for name in OUTCOMES[1:]))


def write_table(path, rows, absent, to_come):
    lines = ["# Accuracy: span trees against the programs' own logs", "",
             "Written by `make score`. An edge is right where the nearest logged call above a span is the one that",
             "the program's log says; wrong joins must be 0, right edges at least 99 %, the rest orphans.", "",
             "| " + " | ".join(HEAD) + " |", "|" + " --- |" * len(HEAD)]
    lines += ["| " + " | ".join(str(cell) for cell in cells(row)) + " |" for row in rows]
    total = {name: sum(row.result.outcomes[name] for row in rows if row.result) for name in OUTCOMES}
    edges = sum(total.values())
    lines += ["", f"All together: {edges} edges, {total['right']} right, {total['stranger']} of another request, "
              f"{total['wrong']} of a wrong caller, {total['orphan']} orphans, {total['missing']} not traced."]
    earlier = sum(row.earlier for row in rows)
    if earlier:
        lines += ["", f"{earlier} rows, marked *, are of an earlier build and have not been run with this one yet."]
    if to_come:
        lines += ["", f"The run was not over: {to_come} rows are to come."]
    if absent:
        lines += ["", "Not here, so not judged: " + ", ".join(absent) + "."]
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write("\n".join(lines) + "\n")


def recall(rows, memory):
    """What is kept of this build; of the rest, for the table alone, what the last build left that had it."""
    for row in rows:
        row.recall(memory)
    folders = [folder for folder in glob.glob(f"{os.path.dirname(memory)}/rows-*") if folder != memory]
    for folder in sorted(folders, key=os.path.getmtime, reverse=True):
        for row in rows:
            if not row.result:
                row.recall(folder)
                row.earlier = row.result is not None


def run_row(row, build, far):
    folder = tempfile.mkdtemp(prefix="ragtime-score.", dir=os.environ.get("TMP"))
    row.result, row.earlier = None, False
    try:
        row.run(f"{build}/ragtime", far, folder)
    except (OSError, TimeoutError, asyncio.TimeoutError, subprocess.SubprocessError) as error:
        row.failure = f"{type(error).__name__} {error}"
    print("ok  " if row.good else "BAD ", *cells(row), flush=True)
    for outcome, entry, span in row.result.examples[:5] if row.result and not row.good else ():
        print("     ", outcome, entry["kind"], entry["name"], "of request", entry["request"],
              f"span {span['id']} parent {span['parent']} {span['evidence']}" if span else "", flush=True)
    if row.good or not os.environ.get("SCORE_KEEP"):
        shutil.rmtree(folder)


def main(build, size="quick", pattern=""):
    build = os.path.abspath(build)
    listed, absent = rows_of(build, size)
    memory = memory_of(build) if size == "full" else None
    if memory:
        recall(listed, memory)
    rows = [row for row in listed if pattern in str(row) and (row.earlier or not row.result)]
    rows.sort(key=lambda row: ORDER.index(row.at_once))
    far = score_far.Far()
    for row in rows:
        run_row(row, build, far)
        if memory:
            row.keep(memory)
        done = [each for each in listed if each.result or each.failure]
        write_table(f"{build}/tables/accuracy.md", done, absent, len(listed) - len(done))
    if absent:
        print("not here:", ", ".join(absent))
    rows = [row for row in listed if pattern in str(row)]
    bad = [row for row in rows if not row.good]
    print(f"{len(rows) - len(bad)} of {len(rows)} rows good")
    return 1 if bad or not rows else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
