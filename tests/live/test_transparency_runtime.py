# SPDX-License-Identifier: Apache-2.0
"""The interpreter's own tests of what a hook in it could break (generators, coroutines, tasks, threads, tracing,
exceptions, calls, collection, forks): the same outcomes plain and with every function of the process traced, by
every interpreter that is here. The quick size takes a few of them, by one interpreter.

Outcomes are kept as by test_transparency_python.py. Arguments choose modules or versions: `3.13 test_gc`.
"""

import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "truth"))
os.environ.setdefault("TMP", "/tmp/ragtime-transparency")
os.environ.setdefault("BUILD", "build")

import pythons  # noqa: E402
import test_transparency_python as suite  # noqa: E402
from transparency import BUILD, SIZE, TMP  # noqa: E402

QUICK = ["test_generators", "test_context", "test_sys_settrace"]
# Those that wait most come last, so that a run that is cut short has judged most.
FULL = """test_generators test_coroutines test_asyncgen test_context test_sys_settrace test_monitoring test_exceptions
test_call test_gc test_fork1 test_threading test_asyncio test_multiprocessing_fork test_multiprocessing_forkserver
test_multiprocessing_spawn""".split()
EVERYTHING = ("--py", "*")


def has(python, module):
    look = "import sys, importlib.util as u; sys.exit(not u.find_spec(sys.argv[1]))"
    return subprocess.run([python, "-c", look, f"test.{module}"], capture_output=True).returncode == 0


def interpreters():
    if SIZE == "full":
        return list(pythons.found())
    python = suite.find_python()
    return [("this", python)] if python else []


def write_table(rows):
    lines = ["# Safety: the interpreters' own tests with every function traced", ""]
    lines += ["Each module ran three times plain; tests whose outcomes differ among those are listed, not judged.", ""]
    lines += ["| Python | module | tests judged | different under ragtime | unstable without it | seconds plain / traced |"]
    lines += ["| --- | --- | --- | --- | --- | --- |"]
    for version, row in rows:
        wrong, unstable = "; ".join(row["wrong"]) or "none", "; ".join(row["unstable"]) or "none"
        lines.append(f"| {version} | {row['module']} | {row['judged']} | {wrong} | {unstable} | {row['seconds']} |")
    (BUILD / "tables").mkdir(parents=True, exist_ok=True)
    (BUILD / "tables/transparency-runtime.md").write_text("\n".join(lines) + "\n")


class Interpreter:
    def __init__(self, version, python):
        self.version, self.python = version, python
        words = subprocess.run([python, "-VV"], capture_output=True, text=True, check=True).stdout
        self.title = words.split(" (")[0].removeprefix("Python ") + (" of Debian" if version == "debian" else "")
        key = f"{words} {python} {os.uname().release} {SIZE} everything".encode()
        self.plain, self.traced = suite.Memory(key), suite.Memory(key, suite.built())

    def judge(self, module):
        return suite.judge(self.python, module, [], self.plain, self.traced, EVERYTHING)

    def has_judged(self, module):
        return (self.traced.folder / f"{module}.json").exists()


def main(*chosen):
    TMP.mkdir(parents=True, exist_ok=True)
    every = FULL if SIZE == "full" else QUICK
    found = [Interpreter(*each) for each in interpreters()]
    rows = []
    for module in [module for module in every if module in chosen] or every:
        for interpreter in [each for each in found if each.version in chosen] or found:
            if not has(interpreter.python, module):
                print(f"{interpreter.version} has no {module}: not tried", flush=True)
                continue
            rows.append(interpreter.judge(module))
            print(interpreter.version, end=" ")
            suite.tell(rows[-1])
    if SIZE == "full":
        write_table([(each.title, each.judge(module)) for each in found for module in every if each.has_judged(module)])
    if not rows:
        print("no interpreter here has its test suite: apt install libpython3.11-testsuite")
        sys.exit(77)
    wrong = sum(len(row["wrong"]) for row in rows)
    print(f"{sum(row['judged'] for row in rows)} tests judged, {wrong} different")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
