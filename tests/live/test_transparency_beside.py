# SPDX-License-Identifier: Apache-2.0
"""Python programs under another tool that watches them: debugpy, coverage.py, OpenTelemetry's
auto-instrumentation; and torch.compile, which hooks the interpreter as we do. The tool must see under ragtime what
it sees without."""

import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "truth"))
import pythons  # noqa: E402
from transparency import BUILD, ROOT, SIZE, SOURCES, Suite

if SIZE != "full":
    print("only in the full size: needs the packages of tests/python/heavy.lock")
    sys.exit(77)


def environment(name, place=BUILD, **variables):
    made = subprocess.run(["sh", ROOT / "tests/python/venv.sh", place, name], capture_output=True, text=True, env={**os.environ, **variables})
    if made.returncode:
        print(made.stderr)
        sys.exit(1)
    return Path(made.stdout.strip().splitlines()[-1])


EVERYTHING = ("--py", "*")
program = SOURCES / "t_beside.py"
# Span ids, times, ports and the versions of the machine are not the same twice.
spans = [r'"(trace_id|span_id|parent_id|start_time|end_time)": (null|"[^"]*")', r"127\.0\.0\.1:\d+", r'"service.instance.id": "[^"]*"']
exporter = {"OTEL_TRACES_EXPORTER": "console", "OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"}
suite = Suite("beside other tools")


def coverage(title, python, command="run --concurrency=thread", options=(), **variables):
    report = f"{python} -m coverage {command} {program} && {python} -m coverage report --include='*t_beside.py'"
    suite.compare(title, ["sh", "-c", report], contents=False, options=options, env={**os.environ, **variables})


python = environment("heavy")
coverage("coverage.py", python)
coverage("coverage.py with branches, in Python", python, "run --branch --timid --concurrency=thread")
instrument = python.parent / "opentelemetry-instrument"
suite.compare("OpenTelemetry auto-instrumentation", [instrument, python, program], env={**os.environ, **exporter}, hide=spans)
suite.compare("debugpy", [python, SOURCES / "t_debugpy.py", program])
suite.compare("the profiler cProfile", [python, "-m", "cProfile", "-o", "profile", program], contents=False)
suite.compare("tracemalloc and faulthandler", [python, "-X", "tracemalloc", "-X", "faulthandler", "-X", "dev", program])
for version, found in pythons.found():
    if version not in ("3.12", "3.13"):
        continue
    python = environment("heavy", BUILD / f"beside-{version}", PYTHON=found)
    title = f"{version}, everything traced"
    coverage(f"coverage.py by sys.monitoring ({title})", python, "run", EVERYTHING, COVERAGE_CORE="sysmon")
    coverage(f"coverage.py with branches ({title})", python, "run --branch", EVERYTHING, COVERAGE_CORE="ctrace")
    suite.compare(f"debugpy ({title})", [python, SOURCES / "t_debugpy.py", program], options=EVERYTHING)
python = environment("libraries")
for title, options in (("torch.compile", ()), ("torch.compile (everything traced)", EVERYTHING)):
    suite.compare(title, [python, SOURCES / "t_dynamo.py"], options=options, contents=False)
suite.finish()
