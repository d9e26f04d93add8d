# SPDX-License-Identifier: Apache-2.0
"""What a trace says of processes and threads: births, programs, parents, ends, usage, and calls that
were open when the end came."""
import os
import signal
import sqlite3
import subprocess
import sys
import time

from runs import RAGTIME, TMP, check, command, finish, run, trace


def decoded(path):
    store = os.path.join(TMP, "t.db")
    if os.path.exists(store):
        os.unlink(store)
    done = subprocess.run([RAGTIME, "decode", path, "-o", store], capture_output=True)
    check(done.returncode == 0, f"decode: {done}")
    connection = sqlite3.connect(store)
    connection.row_factory = sqlite3.Row
    return connection


def processes(path):
    return decoded(path).execute("SELECT * FROM process ORDER BY start_ns").fetchall()


def check_lives():
    """A fork, an exec in place and one in a child, each with its own line."""
    path = trace()
    done = run(path, "/bin/sh", "-c", "/bin/sh -c '/bin/ls / >/dev/null; exit 4'; exec /usr/bin/env true")
    check(done.returncode == 0, f"status {done}")
    rows = processes(path)
    first = rows[0]
    check((first["birth"], first["program"].endswith("sh")) == (1, True), "the first was launched")
    chain = [row for row in rows if row["pid"] == first["pid"]]
    check([os.path.basename(row["program"]) for row in chain][1:] == ["env", "true"],
          f"programs in the first pid: {[row['program'] for row in chain]}")
    check(all(row["birth"] == 3 for row in chain[1:]), "by exec")
    check(all(a["end_ns"] <= b["end_ns"] for a, b in zip(chain, chain[1:])), "one after another")
    check(chain[-1]["status"] == 0, "its status")
    failed = [row for row in rows if row["status"] == 4]
    check(len(failed) == 1 and failed[0]["parent_pid"] == first["pid"], "the child's status and parent")


def check_signalled():
    path = trace()
    run(path, "/bin/sh", "-c", "/bin/ls / > /dev/null; kill -9 $$")
    rows = processes(path)
    check(rows[0]["status"] == -9, f"a killed process has its signal: {rows[0]['status']}")


def check_open_call():
    """A program killed in a read shows that read."""
    path = trace()
    program = "import os; r, w = os.pipe(); print('up', flush=True); os.read(r, 1)"
    child = subprocess.Popen(command(path, sys.executable, "-c", program), stdout=subprocess.PIPE)
    child.stdout.readline()
    time.sleep(0.2)
    with open(f"/proc/{child.pid}/task/{child.pid}/children") as file:
        os.kill(int(file.read().split()[0]), signal.SIGKILL)
    check(child.wait(20) == 137, "killed")
    rows = decoded(path).execute(
        "SELECT name FROM spans WHERE end_ns IS NULL AND kind != 'thread'").fetchall()
    check("read" in [row["name"] for row in rows], f"open calls: {[tuple(row) for row in rows]}")


def check_usage():
    path = trace()
    run(path, sys.executable, "-c", "sum(range(3000000))")
    row = decoded(path).execute("SELECT max(cpu_ns) cpu, max(minor_faults) faults FROM usage").fetchone()
    check(row["cpu"] and row["cpu"] > 1_000_000 and row["faults"] > 100, f"usage: {tuple(row)}")


def check_threads():
    path = trace()
    program = ("import os, threading\n"
               "def work(): os.write(w, b'x')\n"
               "r, w = os.pipe()\n"
               "for _ in range(3000):\n"
               "    t = threading.Thread(target=work); t.start(); t.join()\n")
    done = run(path, sys.executable, "-c", program)
    store = decoded(path)
    check(done.returncode == 0, f"3,000 threads: {done}")
    writes = store.execute("SELECT calls FROM operations WHERE name = 'write'").fetchone()[0]
    check(writes >= 3000, f"a write of each of 3,000 threads: {writes}")
    lost = store.execute("SELECT sum(count) FROM loss WHERE reason IN (1, 3, 4)").fetchone()[0]
    check(not lost, f"lost: {lost}")


def check_namespace():
    """Pids of another namespace are not taken for ours, nor are their threads for dead."""
    if subprocess.run(["unshare", "-pf", "true"], capture_output=True).returncode:
        print("PID namespaces are not allowed here: left out")
        return
    path = trace()
    program = "import os, time\nfor _ in range(12):\n    os.write(1, b'.'); time.sleep(0.1)\n"
    done = run(path, "unshare", "-pf", sys.executable, "-c", program)
    check(done.returncode == 0 and done.stdout == b"." * 12, f"in a namespace: {done}")
    store = decoded(path)
    writes = store.execute(
        "SELECT sum(f.calls), count(DISTINCT f.thread) FROM fold f JOIN operation o ON o.id = f.operation "
        "JOIN thread t ON t.id = f.thread JOIN process p ON p.id = t.process "
        "WHERE o.name = 'write' AND p.program LIKE '%python%' AND p.pid = 1").fetchone()
    check(tuple(writes) == (12, 1), f"one thread made all 12 writes: {tuple(writes)}")


check_lives()
check_signalled()
check_open_call()
check_usage()
check_threads()
check_namespace()
finish()
