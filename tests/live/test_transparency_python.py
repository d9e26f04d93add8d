# SPDX-License-Identifier: Apache-2.0
"""The interpreter's own test suite: the same outcome of every test, plain and under `ragtime run`.

Each module runs three times plain first; tests whose outcomes differ among those are listed, not
judged. Outcomes are kept below BUILD/transparency, plain ones by interpreter and traced ones by the
build of ragtime, so that a run that was stopped goes on where it was. An argument chooses modules.
"""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from transparency import BUILD, SIZE, TMP, traced

PLAIN_RUNS = 3
TIMEOUT_S = 1200
# The other side of a vsock is the machine's host: where it does not answer these wait for ever.
EXCLUDED = ["*VSOCK*"]
# In the quick size also these, which wait for seconds.
SLOW = ["*timeout*", "*test_interrupted_write*", "*_interrupt_*", "*_later*", "*siginterrupt*", "*_dead", "*_after_stdout_close"]
SLOW += ["test.test_signal.ItimerTest*", "test.test_signal.StressTest*", "*PySignalsTest*", "*test_returned_list_identity"]
QUICK = {
    "test_select": [],
    "test_selectors": [],
    "test_poll": ["*test_poll1", "*test_poll_unit_tests", "*test_poll_c_limits"],
    "test_epoll": [],
    "test_mmap": [],
    "test_posix": [],
    "test_os": [],
    "test_io": ["*BufferedReader*", "*FileIO*", "*SignalsTest*", "*CTextIOWrapper*"],
    "test_signal": [],
    "test_faulthandler": [],
    "test_subprocess": ["*ProcessTestCase.test_communicate*", "*RunFuncTestCase*", "*POSIXProcessTestCase*"],
    "test_socket": ["*BasicTCP*", "*SendmsgTCP*", "*RecvmsgTCP*", "*SendfileUsingSendfile*", "*FDPass*", "*CreateServer*"],
    "test_ssl": ["*ContextTests*", "*SSLObjectTests*", "*MemoryBIOTests*", "*TestPreHandshake*"],
    "test_threading": ["*ThreadTests*", "*Lock*", "*Condition*", "*Barrier*", "*Semaphore*", "*Event*"],
    "test_urllib2_localnet": [],
}
FULL = """test_select test_selectors test_poll test_epoll test_mmap test_posix test_os test_io test_signal test_faulthandler
test_subprocess test_threading test_thread test_socket test_ssl test_httplib test_httpservers test_urllib
test_urllib2 test_urllib2_localnet test_asyncio test_multiprocessing_fork test_multiprocessing_forkserver
test_multiprocessing_spawn""".split()


def find_python():
    """An interpreter that has its tests with it: PYTHON=, Debian's, else this one."""
    for python in filter(None, (os.environ.get("PYTHON"), "/usr/bin/python3", sys.executable)):
        found = subprocess.run([python, "-c", "import test.test_socket"], capture_output=True)
        if found.returncode == 0:
            return os.path.realpath(python)
    return None


def run_module(python, module, patterns, prefix=()):
    """Runs a module once; returns {test: outcome}, of which "(module)" is the exit status of it all."""
    folder = Path(tempfile.mkdtemp(prefix="suite.", dir=TMP))
    results = folder / "results.xml"
    command = [*prefix, python, "-m", "test", "--junit-xml", results, "-u", "none"]
    for option, values in (("-m", patterns), ("-i", EXCLUDED if SIZE == "full" else EXCLUDED + SLOW)):
        for value in values:
            command += [option, value]
    env = {name: value for name, value in os.environ.items() if name not in ("BUILD", "SIZE", "TMP")}
    env.update(TMPDIR=str(folder), HOME=str(folder))
    with open(folder / "output", "wb") as output:
        try:
            # a shell's background jobs ignore it, and tests that wait for an interrupt then wait for ever
            interrupts = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
            options = {"preexec_fn": interrupts, "cwd": folder, "env": env, "stdin": subprocess.DEVNULL, "stdout": output, "stderr": subprocess.STDOUT}
            status = subprocess.run([*map(str, command), module], timeout=TIMEOUT_S, **options).returncode
        except subprocess.TimeoutExpired:
            status = f"none after {TIMEOUT_S} s"
    outcomes = {"(module)": f"status {status}"}
    if results.exists():
        for case in xml.etree.ElementTree.parse(results).iter("testcase"):
            kinds = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
            name = re.sub(r" at 0x[0-9a-f]+", "", case.get("name"))
            outcomes[name] = ",".join(sorted(set(kinds))) or "passed"
    shutil.rmtree(folder, ignore_errors=True)
    return outcomes


class Memory:
    """Outcomes of earlier runs, by what they depend on."""

    def __init__(self, *parts):
        digest = hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]
        self.folder = BUILD / "transparency" / digest
        self.folder.mkdir(parents=True, exist_ok=True)

    def get(self, name, make):
        path = self.folder / f"{name}.json"
        if not path.exists():
            made = make()
            path.with_suffix(".new").write_text(json.dumps(made, indent=0))
            path.with_suffix(".new").rename(path)
        return json.loads(path.read_text())


def judge(python, module, patterns, plain_memory, traced_memory, options=()):
    """One line of the table: (verdict, tests judged, unstable, differences, note). options: of `ragtime run`."""

    def timed(prefix=()):
        begin = time.monotonic()
        return {"outcomes": run_module(python, module, patterns, prefix), "seconds": round(time.monotonic() - begin, 1)}

    def under_trace():
        trace = TMP / "suite.rtrace"
        trace.unlink(missing_ok=True)
        run = timed(traced(trace, options))
        info = subprocess.run([BUILD / "ragtime", "info", trace], capture_output=True, text=True)
        run["trace"] = "" if info.returncode == 0 else f"ragtime info: {info.stderr.strip()}"
        trace.unlink(missing_ok=True)
        return run

    # At once: most of their time they wait, and a test that bears no company shows here.
    with ThreadPoolExecutor(PLAIN_RUNS) as pool:
        plain = list(pool.map(lambda i: plain_memory.get(f"{module}.{i}", timed), range(PLAIN_RUNS)))
    names = set().union(*(run["outcomes"] for run in plain))
    stable = {name for name in names if len({run["outcomes"].get(name) for run in plain}) == 1}
    before = plain[0]["outcomes"]

    def differing(run):
        return {name for name in stable if run["outcomes"].get(name) != before.get(name)}

    first = traced_memory.get(module, under_trace)
    wrong, once = differing(first), set()
    if wrong:
        # A test that three runs have not shown to be unstable may be so all the same.
        second = traced_memory.get(f"{module}.again", under_trace)
        once = wrong - differing(second)
        wrong -= once
    lines = [f"{name}: plain {before.get(name)}, traced {first['outcomes'].get(name, 'not run')}" for name in sorted(wrong)]
    if first["trace"]:
        lines.append(first["trace"])
    if len(stable) < 2:
        lines.append(f"no test of {module} can be judged here")
    unstable = sorted(names - stable) + sorted(f"{name} (differed once under trace)" for name in once)
    seconds = f"{min(run['seconds'] for run in plain)} / {first['seconds']}"
    return {"module": module, "judged": len(stable) - 1, "unstable": unstable, "wrong": lines, "seconds": seconds}


def tell(row):
    print(f"{'FAIL' if row['wrong'] else 'ok':5} {row['module']}: {row['judged']} tests, {row['seconds']} s", flush=True)
    for line in row["wrong"]:
        print("      " + line)
    for name in row["unstable"]:
        print("      not judged, unstable: " + name)


def built():
    """What a traced outcome depends on, of this build."""
    return b"".join((BUILD / name).read_bytes() for name in ("ragtime", "libragtime.so"))


def write_table(rows, version):
    lines = [f"# Transparency: the test suite of {version}", ""]
    lines += ["| module | tests judged | different under ragtime | unstable without it | seconds plain / traced |"]
    lines += ["| --- | --- | --- | --- | --- |"]
    for row in rows:
        wrong, unstable = "; ".join(row["wrong"]) or "none", "; ".join(row["unstable"]) or "none"
        lines.append(f"| {row['module']} | {row['judged']} | {wrong} | {unstable} | {row['seconds']} |")
    (BUILD / "tables").mkdir(parents=True, exist_ok=True)
    (BUILD / "tables/transparency-python.md").write_text("\n".join(lines) + "\n")


def main():
    TMP.mkdir(parents=True, exist_ok=True)
    python = find_python()
    if not python:
        print("no interpreter here has its test suite: apt install libpython3.11-testsuite")
        sys.exit(77)
    version = subprocess.run([python, "-VV"], capture_output=True, text=True, check=True).stdout.strip()
    modules = {module: [] for module in FULL} if SIZE == "full" else QUICK
    if sys.argv[1:]:
        modules = {module: patterns for module, patterns in modules.items() if module in sys.argv[1:]}
    chosen = [EXCLUDED] if SIZE == "full" else [EXCLUDED, SLOW, QUICK]
    key = f"{version} {python} {os.uname().release} {chosen}".encode()
    plain_memory, traced_memory = Memory(key), Memory(key, built())
    rows = []
    for module, patterns in modules.items():
        row = judge(python, module, patterns, plain_memory, traced_memory)
        rows.append(row)
        tell(row)
    if not sys.argv[1:]:
        write_table(rows, version)
    wrong = sum(len(row["wrong"]) for row in rows)
    print(f"{python}: {sum(row['judged'] for row in rows)} tests judged, {wrong} different")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
