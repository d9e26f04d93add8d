# SPDX-License-Identifier: Apache-2.0
"""Services that answer small requests, alone on one processor: under ragtime, with the OpenTelemetry
SDK's instrumentation, and with nothing. The load comes from another processor, as does the tracer."""
import os
import shutil
import subprocess

import harness
from harness import Failed

KEPT = 0.97
MOST_CPU = 1.03
CONNECTIONS = 32
SECONDS = 1
RATE = 10000
TRACED = "ragtime"
FOLDER = os.path.join(harness.HERE, "service")
PYTHON = os.path.join(harness.HERE, "..", "python", "venv.sh")
TICK = os.sysconf("SC_CLK_TCK")


def on(processor, *command):
    return ["taskset", "-c", str(processor), *command]


def node_packages(bench):
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
            bench.missing("Node with the OpenTelemetry SDK", done.stderr)
            return None
    return modules


class Service:
    """with Service(command, environment) as service: service.load(seconds, rate)"""

    def __init__(self, bench, command, environment=None):
        self.bench = bench
        self.command = command
        self.environment = {**os.environ, **(environment or {})}

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=self.environment)
        self.port = self.process.stdout.readline().strip()
        if not self.port:
            raise Failed(f"{' '.join(self.command[3:])} did not come up")
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()

    def cpu_us(self):
        self.process.stdin.write("cpu\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def outer_cpu_us(self):
        """Of the process that was started: the tracer, where there is one."""
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * 1e6 / TICK

    def load(self, seconds, rate=0, connections=CONNECTIONS):
        before, outer = self.cpu_us(), self.outer_cpu_us()
        run = harness.run(on(1, self.bench.program("load"), self.port, str(connections), str(seconds), str(rate)))
        answered = run.number("answered")
        cpu = (self.cpu_us() - before) / answered
        return dict(rate=run.number("per_s"), p50=run.number("p50_us"), p99=run.number("p99_us"), cpu=cpu,
                    capacity=1e6 / cpu, outer=(self.outer_cpu_us() - outer) / answered)


def kinds(bench, service, otel):
    """By name: how the service is started. otel: how with the SDK, or None."""
    found = {"nothing": (on(0, *service), None),
             TRACED: (on(1, bench.ragtime, "run", "-o", os.path.join(bench.shm, "service.rtrace"), "--",
                         *on(0, *service)), None)}
    if otel:
        command, environment = otel
        found["OpenTelemetry"] = (on(0, *command), environment)
    return found


def services(bench):
    """Name, command, and the command and environment with the SDK."""
    yield "C", [bench.program("service")], None
    node = os.path.join(FOLDER, "service.cjs")
    if shutil.which("node"):
        modules = node_packages(bench)
        otel = ["node", "--require", os.path.join(FOLDER, "otel.cjs"), node]
        yield "Node", ["node", node], (otel, {"NODE_PATH": modules}) if modules else None
    else:
        bench.missing("service in Node", "needs node", KEPT)
    made = subprocess.run(["sh", PYTHON, bench.out, "serving"], capture_output=True, text=True, check=False)
    if made.returncode:
        bench.missing("service in Python", made.stderr, KEPT)
        return
    python = [made.stdout.strip(), os.path.join(FOLDER, "uvicorn_service.py")]
    yield "Python", python, ([*python, "--otel"], None)


def capacity(bench, command, environment):
    """Requests a second that it answers when asked for more."""
    with Service(bench, command, environment) as service:
        service.load(SECONDS)
        return service.load(SECONDS)["rate"]


def measure_one(bench, found):
    """By rate, where 0 is as much as it can, and by kind: what each round saw."""
    most = capacity(bench, *found["nothing"])
    rates = [0, most / 2, *([RATE] if most > RATE * 1.2 else [])]
    samples = {rate: {kind: [] for kind in found} for rate in rates}
    for _ in range(bench.rounds):
        for kind, (command, environment) in found.items():
            with Service(bench, command, environment) as service:
                service.load(SECONDS)
                for rate in rates:
                    samples[rate][kind].append(service.load(SECONDS, rate))
    return samples


def judge(bench, samples, key, what, goal, at_least=False):
    plain = [sample[key] for sample in samples["nothing"]]
    for kind, mine in samples.items():
        if kind != "nothing":
            values = [sample[key] for sample in mine]
            bench.judge_ratio(f"{what}, {kind} / nothing", values, plain, goal if kind == TRACED else None,
                              at_least=at_least, detail=f"{sorted(values)[len(values) // 2]:.4g} by "
                                                        f"{sorted(plain)[len(plain) // 2]:.4g}")


def judge_rate(bench, name, rate, samples):
    if not rate:
        # who shares the processor takes from the rate, not from what a second of its time brings
        judge(bench, samples, "capacity", f"{name} saturated: requests a second of its CPU time", KEPT, at_least=True)
        judge(bench, samples, "rate", f"{name} saturated: requests answered", None, at_least=True)
    else:
        at = f"{name} at {rate:.0f} a second"
        judge(bench, samples, "rate", f"{at}: requests answered", KEPT, at_least=True)
        judge(bench, samples, "cpu", f"{at}: its CPU time a request", MOST_CPU if rate == RATE else None)
        judge(bench, samples, "p99", f"{at}: p99", None)
    traced = [sample["outer"] for sample in samples[TRACED]]
    bench.judge(f"{name} {f'at {rate:.0f} a second' if rate else 'saturated'}: ragtime's own CPU time a request",
                traced, None, unit=" us")


def measure(bench):
    if os.cpu_count() < 2 or not shutil.which("taskset"):
        bench.missing("service: requests answered", "needs taskset and two processors", KEPT)
        return {}
    details = {}
    for name, command, otel in services(bench):
        try:
            samples = measure_one(bench, kinds(bench, command, otel))
        except (Failed, OSError, ValueError, subprocess.SubprocessError) as error:
            bench.missing(f"service in {name}: requests answered", error, KEPT)
            continue
        for rate, seen in samples.items():
            judge_rate(bench, name, rate, seen)
        details[name] = {f"{rate:.0f}": seen for rate, seen in samples.items()}
    return details
