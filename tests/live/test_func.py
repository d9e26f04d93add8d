# SPDX-License-Identifier: Apache-2.0
"""Functions by pattern: the target does the same with hooks as without, and every call is there."""
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

BUILD, TMP = os.environ["BUILD"], os.environ["TMP"]
RAGTIME, PROGRAMS = f"{BUILD}/ragtime", f"{BUILD}/programs"
failures = []


def check(condition, text):
    if not condition:
        failures.append(text)
        print("FAILED:", text)


def plain(command, **extra):
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **extra)


def traced(name, patterns, command, **extra):
    arguments = [RAGTIME, "run", "-v", "-o", f"{TMP}/{name}.rtrace"]
    for pattern in patterns:
        arguments += ["--func", pattern]
    return plain(arguments + ["--"] + command, **extra)


def calls(name):
    """Calls by (function without its parameters, module), and the marked ones."""
    database = f"{TMP}/{name}.db"
    done = plain([RAGTIME, "decode", f"{TMP}/{name}.rtrace", "-o", database])
    check(done.returncode == 0, f"decode of {name}: {done.stderr}")
    rows = sqlite3.connect(database).execute(
        "SELECT o.name, o.module, sum(f.calls) FROM fold f JOIN operation o ON f.operation = o.id "
        "WHERE o.module IS NOT NULL GROUP BY o.name, o.module"
    )
    counts, entries = {}, set()
    for title, module, count in rows:
        function = re.sub(r"\(.*", "", title.replace("(entries only)", "")).strip()
        counts[function, module] = counts.get((function, module), 0) + count
        if "(entries only)" in title:
            entries.add(function)
    return counts, entries


def test_shapes():
    environment = dict(os.environ, FUNC_COUNTS="1")
    program = [f"{PROGRAMS}/func_main"]
    before = plain(program)
    check(before.returncode == 0, f"func_main alone: {before}")
    patterns = ["func_lib:*", "func_user:*", "func_main:main_own", "no_such_library:*"]
    run = traced("shapes", patterns, program, env=environment)
    output = re.sub(r"^count .*\n", "", run.stdout, flags=re.M)
    check(run.returncode == 0, f"func_main hooked: status {run.returncode}, {run.stderr}")
    check(output == before.stdout, f"func_main hooked says\n{output}\nand not\n{before.stdout}")

    counts, entries = calls("shapes")
    for name, count in re.findall(r"^count (\w+) (\d+)$", run.stdout, flags=re.M):
        space = {"probe_same": "", "tail_unknown": "", "area": "probe::square::"}.get(name, "probe::")
        seen = counts.get((space + name, "func_lib"), 0)
        check(seen == int(count), f"{name}: {seen} calls recorded of {count}")
    # Through slots: their entries admit no jump.
    check(counts.get(("probe_short", "func_lib")) == 500, f"probe_short: {counts}")
    check(counts.get(("probe_loop", "func_lib")) == 500, f"probe_loop: {counts}")
    check(counts.get(("calls_first", "func_lib")) == 6, f"calls_first: {counts}")
    # Two libraries with the same symbol.
    check(counts.get(("probe_same", "func_user")) == 10, f"func_user's probe_same: {counts}")
    check(
        {"probe::variadic", "tail_unknown"} <= entries
        and not {"probe::nine", "probe::mixed", "probe::big_in", "probe::wide", "probe::tail_pointer"}
        & entries,
        f"entries only: {entries}",
    )
    for text in (
        "probe_short: only calls from other modules by name are seen: it is too short",
        "probe_loop: only calls from other modules by name are seen: a jump leads into",
        "probe::variadic(char*, unsigned long, char const*, ...): only entries are recorded",
        "no_such_library: *: no such function was loaded",
    ):
        check(text in run.stderr, f"not said: {text}\n{run.stderr}")
    page = json.loads(plain([RAGTIME, "info", "--json", f"{TMP}/shapes.rtrace"]).stdout)[0]
    told = {(limit["module"], limit["function"]): limit["recorded"] for limit in page["limits"]}
    check(told.get(("func_lib", "probe_short")) is True, f"limits: {told}")
    check(told.get(("no_such_library", "*")) is False, f"limits: {told}")


SCRIPT = """
import ctypes, hashlib, sqlite3, sys, zlib
base = sqlite3.connect(":memory:")
base.execute("CREATE TABLE t(a, b)")
for i in range(200):
    base.execute("INSERT INTO t VALUES(?, ?)", (i, zlib.compress(b"%d" % i)))
print(base.execute("SELECT sum(a), max(length(b)) FROM t").fetchone())
try:
    base.execute("SELECT nothing")
except sqlite3.Error as error:
    print(error)
print(hashlib.sha256(b"x" * 100000).hexdigest(), zlib.crc32(b"abc"))
print(ctypes.CDLL("libz.so.1").crc32(0, b"abc", 3))
"""


def test_usage():
    for pattern in ("deflate", "faiss::search", ":f", "libz:"):
        run = traced("usage", [pattern], ["true"])
        check(run.returncode == 2 and "LIBRARY:FUNCTION" in run.stderr, f"--func {pattern}: {run}")


def test_processes():
    """A function has one name in all processes that load its file."""
    program = f"{PROGRAMS}/func_main >/dev/null"
    run = traced("processes", ["func_lib:probe::tail_nine"], ["sh", "-c", f"{program}; {program} & {program}; wait"])
    check(run.returncode == 0, f"three processes: {run}")
    counts, _ = calls("processes")
    check(counts == {("probe::tail_nine", "func_lib"): 3}, f"three processes: {counts}")


def test_real_libraries():
    python = [sys.executable, "-c", SCRIPT]
    before = plain(python)
    run = traced("real", ["libsqlite3*:sqlite3_step", "libz.so*:*"], python)
    check(run.stdout == before.stdout, f"python hooked says {run.stdout}{run.stderr}")
    counts, _ = calls("real")
    steps = sum(n for (name, _), n in counts.items() if name == "sqlite3_step")
    deflates = sum(n for (name, _), n in counts.items() if name == "deflate")
    if not counts:
        print("this python has sqlite3 and zlib built in: not looked at")
        return
    check(not steps or steps >= 202, f"sqlite3_step: {steps}")
    check(not deflates or deflates == 200, f"deflate: {deflates}")
    # Whole libraries, and everything that a program loads.
    run = traced("library", ["libcrypto*:*", "libssl*:*"], python)
    check(run.stdout == before.stdout, f"python with OpenSSL hooked says {run.stdout}{run.stderr}")
    run = traced("whole", ["*:*"], ["/bin/ls", "/"])
    check((run.returncode, run.stdout) == (0, plain(["/bin/ls", "/"]).stdout), f"all hooked: {run}")


def test_threads_of_a_constructor():
    script = f"import ctypes; print(ctypes.CDLL('{PROGRAMS}/func_eager').eager_add(1, 2))"
    run = traced("eager", ["func_eager:eager*"], [sys.executable, "-c", script])
    check((run.returncode, run.stdout) == (0, "13\n"), f"func_eager: {run}")
    check("other threads may be executing its first bytes" in run.stderr, f"func_eager: {run.stderr}")


def test_no_new_code():
    """Where the kernel lets a process make no more code executable, it goes on unhooked."""
    script = (
        "import ctypes\n"
        "denied = ctypes.CDLL(None).prctl(65, 1, 0, 0, 0)\n"
        f"lib = ctypes.CDLL('{PROGRAMS}/func_lib')\n"
        "print(lib.probe_same(), 'old' if denied else 'new')\n"
    )
    run = traced("policy", ["func_lib:probe_same"], [sys.executable, "-c", script])
    check(run.returncode == 0 and run.stdout.startswith("1 "), f"without new code: {run}")
    if "new" in run.stdout:
        check("does not let its code be changed" in run.stderr, f"without new code: {run.stderr}")


def test_debugger():
    if not shutil.which("gdb"):
        print("no gdb: backtraces are not looked at")
        return
    run = plain(
        ["gdb", "-q", "-batch", "-ex", "set follow-fork-mode child", "-ex", "set breakpoint pending on",
         "-ex", "break probe::inner", "-ex", "run", "-ex", "bt", "--args", RAGTIME, "run",
         "-o", f"{TMP}/gdb.rtrace", "--func", "func_lib:*", "--", f"{PROGRAMS}/func_main"],
        env=dict(os.environ, DEBUGINFOD_URLS=""),
    )
    frames = re.findall(r"^#\d+ .*", run.stdout, flags=re.M)
    text = "\n".join(frames)
    check(
        "probe::outer" in text and "trampoline_call" in text and "main (" in text,
        f"backtrace through a trampoline:\n{run.stdout}\n{run.stderr}",
    )


def test_dead_tracer():
    """A target whose tracer is killed goes on at once, also where it loads libraries."""
    script = (
        "import os, time, sys\n"
        "print(os.getppid(), flush=True)\n"
        "sys.stdin.readline()\n"
        "begin = time.monotonic()\n"
        "import sqlite3, ssl, decimal\n"
        "print(time.monotonic() - begin, sqlite3.connect(':memory:').execute('SELECT 7').fetchone())\n"
    )
    run = subprocess.Popen(
        [RAGTIME, "run", "-o", f"{TMP}/dead.rtrace", "--func", "libsqlite3*:*", "--",
         sys.executable, "-c", script],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )
    int(run.stdout.readline())
    time.sleep(0.2)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    time.sleep(1.1)
    try:
        run.stdin.write("\n")
        run.stdin.flush()
        line = run.stdout.readline()
    except BrokenPipeError:
        line = ""
    took = float(line.split()[0]) if line else 99
    check("(7,)" in line and took < 1.5, f"after the tracer's death: {line!r}")


TESTS = (
    test_usage,
    test_shapes,
    test_processes,
    test_real_libraries,
    test_threads_of_a_constructor,
    test_no_new_code,
    test_debugger,
    test_dead_tracer,
)
for test in TESTS:
    begin = time.monotonic()
    test()
    print(f"{test.__name__}: {time.monotonic() - begin:.1f} s")
sys.exit(bool(failures))
