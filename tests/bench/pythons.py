# SPDX-License-Identifier: Apache-2.0
"""Functions of Python: a call beside the bare hook, and a FastAPI service's time for a request, beside the peers.

What a call costs is compared within one round and interpreter. The services all run at once and are
loaded in turn, for moments: so a pair of figures is seconds apart, whatever the machine does meanwhile.
"""
import contextlib
import glob
import os
import re
import shutil
import signal
import subprocess
import time
import urllib.request

import harness
from harness import Failed
from serving import Service

BARE_GOAL = 1.3
UNSEEN_GOAL = 1.03  # 3.12 on: a call that is not traced costs what it does untraced
REQUEST_GOAL = 1.03
WANTED = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13")
CALLS = ("256", "12", "20000")
CONNECTIONS, SECONDS, PAIRS_A_ROUND = 4, 0.6, 4
QUIET = {"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"}


def here(name):
    return os.path.join(harness.HERE, name)


def interpreters():
    """Debian's, and the newest of each minor version that pyenv has."""
    yield "3.11 of Debian", "/usr/bin/python3"
    root = os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))
    for minor in WANTED:
        paths = glob.glob(f"{root}/versions/{minor}.*/bin/python3")
        if paths:
            yield minor, max(paths, key=lambda path: [int(part) for part in re.findall(r"\d+", path.split("versions/")[1])])


def environment(bench):
    """The python of an environment with the peers' packages."""
    done = subprocess.run(["sh", os.path.join(harness.HERE, "../python/venv.sh"), bench.build, "profilers"],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"the packages of tests/python/profilers.lock: {done.stderr}")
    return done.stdout.strip()


def ragtime(bench, name, *options):
    return [bench.ragtime, "run", "-o", os.path.join(bench.shm, f"{name}.rtrace"), *options, "--"]


# ---- a call ----

def call_kinds(bench):
    bare = {"LD_PRELOAD": bench.program("bare.so")}
    return {"untraced": ([], {}),
            "bare, not wanted": ([], bare),
            "ours, not wanted": (ragtime(bench, "calls", "--py-exclude", "calls.*"), {}),
            "bare": ([], {**bare, "BARE": "called.py"}),
            "ours": (ragtime(bench, "calls"), {})}


def call_ns(command, extra, *more):
    """The better of two processes: where the loader puts things is worth some ns."""
    return min(harness.run([*command, here("python_calls.py"), *CALLS, *more], extra).ns for _ in range(2))


def added(samples, kind):
    return [above - below for above, below in zip(samples[kind], samples["untraced"])]


def judge_calls(bench, version, samples):
    minor = int(re.match(r"3\.(\d+)", version)[1])
    plain = harness.statistics.median(samples["untraced"])
    if minor >= 12:
        bench.judge_ratio(f"Python {version}: a call not wanted / the same untraced", samples["ours, not wanted"],
                          samples["untraced"], UNSEEN_GOAL, detail=f"{plain:.1f} ns untraced")
    for wanted, ours, bare in (("not wanted", "ours, not wanted", "bare, not wanted"), ("traced", "ours", "bare")):
        if minor >= 12 and wanted == "not wanted":
            continue
        mine, least = added(samples, ours), added(samples, bare)
        bench.judge_ratio(f"Python {version}: a call {wanted}, ours / the bare hook", mine, least,
                          BARE_GOAL,
                          detail=f"+{harness.statistics.median(mine):.1f} ns by +{harness.statistics.median(least):.1f} ns")


def measure_calls(bench):
    details = {}
    for version, python in interpreters():
        samples = {kind: [] for kind in call_kinds(bench)}
        for _ in range(bench.rounds):
            for kind, (prefix, extra) in call_kinds(bench).items():
                samples[kind].append(call_ns([*prefix, python], extra))
        judge_calls(bench, version, samples)
        details[version] = samples
    missing = set(WANTED) - set(details)
    if missing:
        bench.note(f"not here, so not measured: Python {', '.join(sorted(missing))}")
    return details


# ---- a call, under the peers ----

def peers_of_calls(bench, python):
    tools = os.path.dirname(python)
    scratch = os.path.join(bench.scratch, "peer-calls")
    return {"untraced": ([python], []),
            "ragtime": ([*ragtime(bench, "peer-calls"), python], []),
            "VizTracer": ([f"{tools}/viztracer", "--quiet", "-o", scratch + ".json", "--"], []),
            "cProfile": ([python, "-m", "cProfile", "-o", scratch + ".prof"], []),
            "py-spy, rate 1000": ([f"{tools}/py-spy", "record", "--rate", "1000", "-o", scratch + ".svg", "--", python], []),
            "OpenTelemetry SDK": ([f"{tools}/opentelemetry-instrument", python], ["decorate"])}


def measure_peers(bench):
    python = environment(bench)
    samples = {}
    for _ in range(bench.rounds):
        for name, (command, more) in peers_of_calls(bench, python).items():
            samples.setdefault(name, []).append(call_ns(command, QUIET, *more))
    ours = added(samples, "ragtime")
    for name in samples:
        if name in ("untraced", "ragtime"):
            continue
        theirs = added(samples, name)
        goal = 1 if name in ("VizTracer", "OpenTelemetry SDK") else None
        bench.judge_ratio(f"a call traced, ragtime / {name}", ours, theirs, goal,
                          detail=f"+{harness.statistics.median(ours):.0f} ns by +{harness.statistics.median(theirs):.0f} ns")
    return samples


# ---- a request ----

class Spied(Service):
    """py-spy is there only while there is load: it would take from the others."""

    def __init__(self, bench, spy, command):
        super().__init__(bench, command)
        self.spy = spy

    def load(self, seconds, rate=0, connections=CONNECTIONS):
        out = self.bench.file("spied.svg")
        spy = subprocess.Popen([self.spy, "record", "--rate", "1000", "-o", out, "--pid", str(self.process.pid)],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        try:
            return super().load(seconds, rate, connections)
        finally:
            spy.send_signal(signal.SIGINT)
            spy.wait(30)


def services(bench, python, far):
    tools, script = os.path.dirname(python), [here("python_service.py"), far]
    scratch = os.path.join(bench.scratch, "peer-service")
    bare = {"LD_PRELOAD": bench.program("bare.so"), "BARE": "python_service.py"}
    plain = [python, *script]
    return {"nothing": Service(bench, plain),
            "ragtime": Service(bench, [*ragtime(bench, "service"), *plain]),
            "the bare hook, the service's own functions": Service(bench, plain, bare),
            "ragtime, every function (--py '*')": Service(bench, [*ragtime(bench, "all", "--py", "*"), *plain]),
            "OpenTelemetry": Service(bench, [f"{tools}/opentelemetry-instrument", *plain], QUIET),
            "cProfile": Service(bench, [python, "-m", "cProfile", "-o", scratch + ".prof", *script]),
            "VizTracer": Service(bench, [f"{tools}/viztracer", "--quiet", "-o", scratch + ".json", "--", *script]),
            "py-spy, rate 1000": Spied(bench, f"{tools}/py-spy", plain)}


@contextlib.contextmanager
def far_end():
    process = subprocess.Popen(["/usr/bin/python3", here("python_far.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait(30)


def await_answer(service):
    """It listens before it can answer."""
    with urllib.request.urlopen(f"http://127.0.0.1:{service.port}/items/1", timeout=120) as answer:
        answer.read()


def measure_requests(bench):
    python = environment(bench)
    samples = {}
    with far_end() as far, contextlib.ExitStack() as stack:
        running = {kind: stack.enter_context(service) for kind, service in services(bench, python, far).items()}
        for service in running.values():
            await_answer(service)
            service.load(2 * SECONDS, connections=CONNECTIONS)
        for turn in range(PAIRS_A_ROUND * bench.rounds):
            for kind, service in running.items():
                # the pair that is judged is taken each time, the rest for the table now and then
                if kind in ("nothing", "ragtime") or turn % PAIRS_A_ROUND == 0:
                    samples.setdefault(kind, []).append(service.load(SECONDS, connections=CONNECTIONS)["cpu"])
    judge_requests(bench, samples)
    return samples


def judge_requests(bench, samples):
    for kind, mine in samples.items():
        if kind == "nothing":
            continue
        plain = samples["nothing"] if kind == "ragtime" else samples["nothing"][::PAIRS_A_ROUND]
        bench.judge_ratio(f"FastAPI service, CPU time of a request, {kind} / nothing", mine, plain,
                          REQUEST_GOAL if kind == "ragtime" else None,
                          detail=f"{harness.statistics.median(mine):.0f} us by {harness.statistics.median(plain):.0f} us")


def measure(bench):
    if os.cpu_count() < 2 or not shutil.which("taskset"):
        bench.missing("python", "needs taskset and two processors", REQUEST_GOAL)
        return {}
    details = {}
    for name, part in (("calls", measure_calls), ("peers", measure_peers), ("requests", measure_requests)):
        print(f"python: {name}", flush=True)
        try:
            details[name] = part(bench)
        except (Failed, OSError, ValueError, subprocess.SubprocessError) as error:
            bench.missing(f"python, {name}", error, goal=0)
    return details
