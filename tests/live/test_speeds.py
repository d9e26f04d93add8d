# SPDX-License-Identifier: Apache-2.0
"""What the replay says that a faster operation would save, against the same program with the
operation really faster: within 15 %, also where something else takes its place."""
import json
import os
import subprocess
import sys
from pathlib import Path

from far_ends import TESTS
from runs import RAGTIME, TMP, check, command, finish, size_of, trace, wait_until

PROGRAM = TESTS / "answers/speeds.py"


def took(shape, factor):
    path = trace(f"{shape}.rtrace")
    done = subprocess.run(command(path, sys.executable, PROGRAM, shape, factor), capture_output=True, text=True,
                          timeout=120)
    if not check(done.returncode == 0, f"{shape} {factor}: {done.stderr}"):
        finish()
    return path, int(done.stdout)


def try_shape(shape):
    path, before_ns = took(shape, "1")
    report = subprocess.run([RAGTIME, "report", "--json", "--section", "whatif", path], capture_output=True,
                            check=True, timeout=60)
    rows = [row for row in json.loads(report.stdout)["runs"][0]["sections"]["whatif"] if "tried" in row["name"]]
    check({row["faster_percent"] for row in rows} == {10, 25, 50, 100}, f"{shape}: {rows}")
    for row in rows:
        if row["faster_percent"] not in (25, 50):
            continue
        # the better of two: a busy machine can only add to it
        true_ns = min(took(shape, str(1 - row["faster_percent"] / 100))[1] for _ in range(2))
        told_ns = before_ns - row["saving_ns"]
        print(f"{shape} {row['faster_percent']} % faster: {true_ns / 1e6:.0f} ms, said {told_ns / 1e6:.0f}")
        check(abs(told_ns - true_ns) <= 0.15 * true_ns, f"{shape}: {told_ns} ns, not {true_ns}")


ready = Path(TMP) / f"shop.{os.getpid()}"
shop = subprocess.Popen([sys.executable, TESTS / "answers/shop.py", ready])
try:
    check(wait_until(lambda: size_of(ready)), "the shop opens")
    os.environ.update(SHOP=ready.read_text(), SCRATCH=TMP, OPENAI_BASE_URL="https://localhost:1/v1",
                      PYTHONDONTWRITEBYTECODE="1", PYTHONPATH=str(TESTS / "answers"))
    for name in ("serial", "beside", "twice"):
        try_shape(name)
finally:
    shop.terminate()
    shop.wait()
finish()
