# SPDX-License-Identifier: Apache-2.0
"""A service that answers small requests, alone on one processor: under ragtime, with the OpenTelemetry
SDK's instrumentation, and with nothing. The load comes from another processor, as does the tracer."""
import os
import shutil
import subprocess

import harness
from harness import Failed

KEPT = 0.97
CONNECTIONS = 32
SECONDS = 2
WARM_SECONDS = 1
FOLDER = os.path.join(harness.HERE, "service")
SERVICE = os.path.join(FOLDER, "service.cjs")


def on(processor, *command):
    return ["taskset", "-c", str(processor), *command]


def packages(bench):
    """The folder with the SDK's packages, or None."""
    folder = os.path.join(bench.out, "otel")
    modules = os.path.join(folder, "node_modules")
    if not os.path.exists(os.path.join(modules, ".package-lock.json")):
        os.makedirs(folder, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(os.path.join(FOLDER, name), folder)
        done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--prefix", folder], capture_output=True,
                              text=True, check=False)
        if done.returncode:
            bench.missing("the same with the OpenTelemetry SDK", done.stderr)
            return None
    return modules


class Service:
    """with Service(bench, prefix) as service: service.load(rate)"""

    def __init__(self, bench, command, environment=None):
        self.bench = bench
        self.command = command
        self.environment = {**os.environ, **(environment or {})}

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=self.environment)
        self.port = self.process.stdout.readline().strip()
        if not self.port:
            raise Failed(f"{' '.join(self.command[3:6])} did not come up")
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()

    def cpu_us(self):
        self.process.stdin.write("cpu\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def load(self, seconds, rate=0, connections=CONNECTIONS):
        before = self.cpu_us()
        run = harness.run(on(1, self.bench.program("load"), self.port, str(connections), str(seconds), str(rate)))
        cpu = (self.cpu_us() - before) / run.number("answered")
        return dict(rate=run.number("per_s"), p50=run.number("p50_us"), p99=run.number("p99_us"), cpu=cpu,
                    capacity=1e6 / cpu)


def kinds(bench):
    node = on(0, "node", SERVICE)
    found = {"nothing": (node, None),
             "ragtime": (on(1, bench.ragtime, "run", "-o", os.path.join(bench.shm, "service.rtrace"), "--", *node),
                         None)}
    modules = packages(bench)
    if modules:
        found["OpenTelemetry"] = (on(0, "node", "--require", os.path.join(FOLDER, "otel.cjs"), SERVICE),
                                  {"NODE_PATH": modules})
    return found


def one(bench, command, environment, rate):
    with Service(bench, command, environment) as service:
        service.load(WARM_SECONDS)
        return service.load(SECONDS, rate)


def rounds(bench, found, rate):
    samples = {kind: [] for kind in found}
    for _ in range(bench.rounds):
        for kind, (command, environment) in found.items():
            samples[kind].append(one(bench, command, environment, rate))
    return samples


def judge(bench, samples, key, what, goal, at_least=False):
    plain = [sample[key] for sample in samples["nothing"]]
    for kind, mine in samples.items():
        if kind != "nothing":
            values = [sample[key] for sample in mine]
            bench.judge_ratio(f"{what}, {kind} / nothing", values, plain, goal if kind == "ragtime" else None,
                              at_least=at_least, detail=f"{sorted(values)[len(values) // 2]:.4g} by "
                                                        f"{sorted(plain)[len(plain) // 2]:.4g}")


def measure(bench):
    if os.cpu_count() < 2 or not shutil.which("node") or not shutil.which("taskset"):
        bench.missing("service: requests answered", "needs node, taskset and two processors", KEPT)
        return {}
    try:
        found = kinds(bench)
        full = rounds(bench, found, 0)
        half = sorted(sample["rate"] for sample in full["nothing"])[bench.rounds // 2] / 2
        open_loop = rounds(bench, found, half)
    except (Failed, OSError, ValueError, subprocess.SubprocessError) as error:
        bench.missing("service: requests answered", error, KEPT)
        return {}
    bench.note(f"the service alone answers {2 * half:.0f} requests a second; half of that is {half:.0f}")
    judge(bench, open_loop, "rate", "service at half of capacity: requests answered", KEPT, at_least=True)
    judge(bench, open_loop, "cpu", "service at half of capacity: its CPU time a request", None)
    judge(bench, open_loop, "p99", "service at half of capacity: p99", None)
    # who shares the processor takes from the rate, not from what a second of its time brings
    judge(bench, full, "capacity", "service saturated: requests a second of its CPU time", KEPT, at_least=True)
    judge(bench, full, "rate", "service saturated: requests answered", None, at_least=True)
    return dict(half=half, open=open_loop, saturated=full)
