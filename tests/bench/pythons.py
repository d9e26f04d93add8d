# SPDX-License-Identifier: Apache-2.0
"""Functions of Python: a call beside the bare hook, and a FastAPI service's time for a request, beside the peers.

What a call costs is compared within one round and interpreter. Services run at the same time and are
loaded in turn, for moments: so a pair of figures is a second apart, whatever the machine does meanwhile.
"""
import concurrent.futures
import contextlib
import glob
import http.client
import os
import re
import signal
import subprocess
import time

import harness
from harness import Failed
from serving import Service

BARE_GOAL = 1.3
UNSEEN_GOAL = 1.03  # 3.12 on: a call that is not traced costs what it does untraced
REQUEST_GOAL = 1.03
WANTED = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13")
CALLS = ("256", "12", "20000")
AT_ONCE, REQUESTS_EACH, PAIRS_A_ROUND = 4, 10, 10
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


def environment(bench, python):
    """The python of an environment on that one, with the peers' packages."""
    folder = os.path.join(bench.out, "python", python.strip("/").replace("/", "-"))
    done = subprocess.run(["sh", os.path.join(harness.HERE, "../python/venv.sh"), folder, "profilers"],
                          capture_output=True, text=True, check=False, env={**os.environ, "PYTHON": python})
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
    python = environment(bench, "/usr/bin/python3")
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

class Asked(Service):
    """A service, and what a request takes of its CPU time."""

    def ask(self, count):
        connection = http.client.HTTPConnection("127.0.0.1", int(self.port), timeout=120)
        for number in range(count):
            connection.request("GET", f"/items/{number}")
            answer = connection.getresponse()
            if answer.status != 200 or not answer.read():
                raise Failed(f"the service answers {answer.status}")
        connection.close()

    def request_us(self, each=REQUESTS_EACH):
        before = self.cpu_us()
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as clients:
            list(clients.map(self.ask, [each] * AT_ONCE))
        return (self.cpu_us() - before) / (AT_ONCE * each)


class Spied(Asked):
    """py-spy is there only while there is load: it would take from the others."""

    def __init__(self, bench, spy, command):
        super().__init__(bench, command)
        self.spy = spy

    def request_us(self, each=REQUESTS_EACH):
        out = self.bench.file("spied.svg")
        spy = subprocess.Popen([self.spy, "record", "--rate", "1000", "-o", out, "--pid", str(self.process.pid)],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        try:
            return super().request_us(each)
        finally:
            spy.send_signal(signal.SIGINT)
            spy.wait(30)


def plain_service(python, far):
    return [python, here("python_service.py"), far]


@contextlib.contextmanager
def far_end():
    process = subprocess.Popen(["/usr/bin/python3", here("python_far.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait(30)


def pairs_of(bench, python, far, count):
    """Ratios of moments beside each other, of two services that were started now."""
    plain, ratios = plain_service(python, far), []
    with Asked(bench, [*ragtime(bench, "pairs"), *plain]) as ours, Asked(bench, plain) as nothing:
        ours.request_us()
        nothing.request_us()
        for turn in range(count):
            order = (ours, nothing) if turn % 2 else (nothing, ours)
            us = {service: service.request_us() for service in order}
            ratios.append(us[ours] / us[nothing])
    return ratios


def measure_pairs(bench):
    every = dict(interpreters())
    newest = max(every, key=lambda version: int(re.match(r"3\.(\d+)", version)[1]))
    details = {}
    with far_end() as far:
        for version in dict.fromkeys(("3.11 of Debian", newest)):
            python = environment(bench, every[version])
            details[version] = [ratio for _ in range(bench.rounds)
                                for ratio in pairs_of(bench, python, far, PAIRS_A_ROUND)]
            bench.judge(f"FastAPI service on Python {version}: CPU time of a request, ragtime / nothing",
                        details[version], REQUEST_GOAL, detail=f"{len(details[version])} pairs")
    return details


def services(bench, python, far):
    tools, plain = os.path.dirname(python), plain_service(python, far)
    scratch = os.path.join(bench.scratch, "peer-service")
    bare = {"LD_PRELOAD": bench.program("bare.so"), "BARE": "python_service.py"}
    return {"nothing": Asked(bench, plain),
            "ragtime": Asked(bench, [*ragtime(bench, "service"), *plain]),
            "the bare hook on the service's own functions": Asked(bench, plain, bare),
            "ragtime, every function (--py '*')": Asked(bench, [*ragtime(bench, "all", "--py", "*"), *plain]),
            "OpenTelemetry": Asked(bench, [f"{tools}/opentelemetry-instrument", *plain], QUIET),
            "cProfile": Asked(bench, [python, "-m", "cProfile", "-o", scratch + ".prof", *plain[1:]]),
            "VizTracer": Asked(bench, [f"{tools}/viztracer", "--quiet", "-o", scratch + ".json", "--", *plain[1:]]),
            "py-spy, rate 1000": Spied(bench, f"{tools}/py-spy", plain)}


def measure_requests(bench):
    python = environment(bench, "/usr/bin/python3")
    samples = {}
    with far_end() as far, contextlib.ExitStack() as stack:
        running = {kind: stack.enter_context(service) for kind, service in services(bench, python, far).items()}
        for service in running.values():
            service.request_us()
        for _ in range(bench.rounds):
            for kind, service in running.items():
                samples.setdefault(kind, []).append(service.request_us())
    plain = samples["nothing"]
    for kind, mine in samples.items():
        if kind != "nothing":
            bench.judge_ratio(f"FastAPI service: CPU time of a request, {kind} / nothing", mine, plain, None,
                              detail=f"{harness.statistics.median(mine):.0f} us by {harness.statistics.median(plain):.0f} us")
    return samples


def measure(bench):
    details = {}
    for name, part in (("calls", measure_calls), ("peers", measure_peers), ("pairs", measure_pairs),
                       ("requests", measure_requests)):
        print(f"python: {name}", flush=True)
        try:
            details[name] = part(bench)
        except (Failed, OSError, ValueError, subprocess.SubprocessError) as error:
            bench.missing(f"python, {name}", error, goal=0)
    return details
