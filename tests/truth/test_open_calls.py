#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who is killed inside nested calls leaves them as spans without an end, and what they called below them.

Where the tracer is killed instead, nobody can say what was open: the callees are orphans, and counted.
"""
import os
import signal
import sqlite3
import subprocess
import sys
import time

BUILD, TMP = os.environ["BUILD"], os.environ["TMP"]
failures = 0


def check(condition, message):
    global failures
    if not condition:
        failures += 1
        print("FAIL", message)


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(child) for child in file.read().split()]


def trace(name, kill_tracer):
    path = f"{TMP}/{name}.rtrace"
    run = subprocess.Popen([f"{BUILD}/ragtime", "run", "-o", path, "--func", "truth_hang:hang_*", "--",
                            f"{BUILD}/programs/truth_hang"], stdout=subprocess.PIPE, text=True)
    check(run.stdout.readline() == "hanging\n", "the program did not get to where it hangs")
    target = next(pid for pid in children_of(run.pid)
                  if os.readlink(f"/proc/{pid}/exe").endswith("truth_hang"))
    time.sleep(1.5)  # for the tracer to write what there is
    if kill_tracer:
        run.kill()
        run.wait()
    os.kill(target, signal.SIGKILL)
    run.wait(timeout=60)
    subprocess.run([f"{BUILD}/ragtime", "decode", "--rows", "all", path, "-o", f"{TMP}/{name}.db"],
                   check=True, timeout=60)
    return sqlite3.connect(f"{TMP}/{name}.db")


PATHS = """
WITH RECURSIVE w(id, path) AS (
  SELECT id, '' FROM span WHERE kind = 10
  UNION ALL
  SELECT s.id, w.path || '/' || o.name || CASE WHEN s.end_ns IS NULL THEN '...' ELSE '' END
  FROM span s JOIN w ON w.id = s.parent JOIN operation o ON o.id = s.operation)
SELECT path, COUNT(*) FROM w WHERE path <> '' GROUP BY path"""

db = trace("target", False)
got = dict(db.execute(PATHS))
expected = {"/hang_outer...": 1, "/hang_outer.../hang_inner": 3, "/hang_outer.../hang_inner...": 1,
            "/hang_outer.../hang_inner.../write": 1, "/hang_outer.../hang_inner.../pause...": 1}
for call in ("open", "read", "close"):
    expected[f"/hang_outer.../hang_inner/{call}"] = 3
    expected[f"/hang_outer.../hang_inner.../{call}"] = 1
check(got == expected, f"tree {got}")
check(db.execute("SELECT COUNT(*) FROM span WHERE evidence <> 3").fetchone() == (0,), "inexact edges")
check(db.execute("SELECT status FROM process").fetchone() == (-9,), "the signal is not known")
check(db.execute("SELECT SUM(count) FROM loss WHERE reason = 12").fetchone() == (3,), "unfinished calls not counted")

db = trace("tracer", True)
got = dict(db.execute(PATHS))
expected = {"/hang_inner": 3, "/open": 1, "/read": 1, "/close": 1, "/write": 1,
            "/hang_inner/open": 3, "/hang_inner/read": 3, "/hang_inner/close": 3}
check(got == expected, f"torn tree {got}")
orphans = db.execute("SELECT COUNT(*) FROM span WHERE evidence = 0").fetchone()
counted = db.execute("SELECT SUM(count) FROM loss WHERE reason = 11").fetchone()
check(orphans == counted == (7,), f"{orphans} orphans, {counted} counted")
check(db.execute("SELECT reason FROM run").fetchone() == (None,), "a torn trace has no reason to end")
sys.exit(1 if failures else 0)
