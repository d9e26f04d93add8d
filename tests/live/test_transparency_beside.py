# SPDX-License-Identifier: Apache-2.0
"""Python programs under another tool that watches them: debugpy, coverage.py, OpenTelemetry's
auto-instrumentation. The tool must see under ragtime what it sees without."""

import os
import subprocess
import sys
from pathlib import Path

from transparency import BUILD, ROOT, SIZE, SOURCES, Suite

if SIZE != "full":
    print("only in the full size: needs the packages of tests/python/heavy.lock")
    sys.exit(77)
made = subprocess.run(["sh", ROOT / "tests/python/venv.sh", BUILD, "heavy"], capture_output=True, text=True)
if made.returncode:
    print(made.stderr)
    sys.exit(1)
python = Path(made.stdout.strip())
program = SOURCES / "t_beside.py"
# Span ids, times, ports and the versions of the machine are not the same twice.
spans = [r'"(trace_id|span_id|parent_id|start_time|end_time)": (null|"[^"]*")', r"127\.0\.0\.1:\d+", r'"service.instance.id": "[^"]*"']
exporter = {"OTEL_TRACES_EXPORTER": "console", "OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"}

suite = Suite("beside other tools")
report = f"{python} -m coverage run --concurrency=thread {program} && {python} -m coverage report --include='*t_beside.py'"
suite.compare("coverage.py", ["sh", "-c", report], contents=False)
branch = report.replace("coverage run", "coverage run --branch --timid")
suite.compare("coverage.py with branches, in Python", ["sh", "-c", branch], contents=False)
instrument = python.parent / "opentelemetry-instrument"
suite.compare("OpenTelemetry auto-instrumentation", [instrument, python, program], env={**os.environ, **exporter}, hide=spans)
suite.compare("debugpy", [python, SOURCES / "t_debugpy.py", program])
suite.compare("the profiler cProfile", [python, "-m", "cProfile", "-o", "profile", program], contents=False)
suite.compare("tracemalloc and faulthandler", [python, "-X", "tracemalloc", "-X", "faulthandler", "-X", "dev", program])
suite.finish()
