# SPDX-License-Identifier: Apache-2.0
"""Python programs at the edges of what an interpreter bears, plain and with every function traced: recursion to
100,000 frames, all places for monitoring taken, interpreters in an interpreter, starts and ends one after the other.
By every interpreter that is here; in the quick size by Debian's and the newest."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "truth"))
os.environ.setdefault("TMP", "/tmp/ragtime-transparency")
os.environ.setdefault("BUILD", "build")

import pythons  # noqa: E402
from transparency import SIZE, SOURCES, TMP, Suite  # noqa: E402

EVERYTHING = ("--py", "*")
STARTS = 1000 if SIZE == "full" else 50  # by each interpreter
DEPTH = 100_000
LOOP = 'i=0; while [ $i -lt $2 ]; do "$0" "$1" $i || exit 1; i=$((i + 1)); done'

suite = Suite("Python at its edges")
TMP.mkdir(parents=True, exist_ok=True)
found = list(pythons.found())
for version, python in found if SIZE == "full" else {**dict(found[:1]), **dict(found[-1:])}.items():
    minor = 11 if version == "debian" else int(version.split(".")[1])
    suite.compare(f"{version}: recursion to {DEPTH:,} frames", [python, SOURCES / "t_deep.py", str(DEPTH)], options=EVERYTHING)
    suite.compare(f"{version}: {STARTS:,} starts and ends", ["sh", "-c", LOOP, python, SOURCES / "t_start.py", str(STARTS)],
                  options=EVERYTHING, holds={"processes": STARTS})
    suite.compare(f"{version}: interpreters in an interpreter", [python, SOURCES / "t_interpreters.py"], options=EVERYTHING)
    if minor >= 12:
        suite.compare(f"{version}: all places for monitoring taken", [python, SOURCES / "t_tools.py"])
        suite.compare(f"{version}: likewise, everything traced", [python, SOURCES / "t_tools.py"], options=EVERYTHING)
suite.finish()
