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


def main(*chosen):
    TMP.mkdir(parents=True, exist_ok=True)
    modules = FULL if SIZE == "full" else QUICK
    modules = [module for module in modules if module in chosen] or modules
    found = interpreters()
    found = [each for each in found if each[0] in chosen] or found
    rows = []
    for module in modules:
        for version, python in found:
            if not has(python, module):
                print(f"{version} has no {module}: not tried", flush=True)
                continue
            words = subprocess.run([python, "-VV"], capture_output=True, text=True, check=True).stdout
            key = f"{words} {python} {os.uname().release} {SIZE} everything".encode()
            row = suite.judge(python, module, [], suite.Memory(key), suite.Memory(key, suite.built()), EVERYTHING)
            print(version, end=" ")
            suite.tell(row)
            rows.append((words.split(" (")[0].removeprefix("Python ") + (" of Debian" if version == "debian" else ""), row))
            if SIZE == "full" and not chosen:
                write_table(sorted(rows, key=lambda each: ([int(part) for part in each[0].split()[0].split(".")], FULL.index(each[1]["module"]))))
    if not rows:
        print("no interpreter here has its test suite: apt install libpython3.11-testsuite")
        sys.exit(77)
    wrong = sum(len(row["wrong"]) for _, row in rows)
    print(f"{sum(row['judged'] for _, row in rows)} tests judged, {wrong} different")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
