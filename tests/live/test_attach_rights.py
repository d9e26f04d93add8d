#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`ragtime attach` with less than root: the three capabilities it says that it needs are enough, and of root's
rights it keeps those alone that it needs."""
import os
import shutil
import subprocess
import sys

from attached import Attached, skip_unless_allowed, spans_of
from runs import RAGTIME, TMP, check, finish, trace, wait_until

BPF, PERFMON, PTRACE, ADMIN, NET_ADMIN, MODULE = 39, 38, 19, 21, 12, 16
LOOP = "import time\nwhile True: open('/dev/null').close(); time.sleep(0.01)"


def capabilities(pid):
    with open(f"/proc/{pid}/status") as file:
        return int(next(line for line in file if line.startswith("CapEff")).split()[1], 16)


def reduced(target):
    with Attached(target.pid) as traced:
        held = capabilities(traced.process.pid)
    print(f"root attached holds {held:x}")
    check(held >> BPF & 1 and held >> PERFMON & 1, "what it needs is gone")
    check(not held >> NET_ADMIN & 1 and not held >> MODULE & 1, "it keeps what it does not need")


def with_capabilities(target):
    """As another user than the target's, by a copy of the program that this user can reach."""
    folder = os.path.join(TMP, "few")
    os.makedirs(folder)
    os.chmod(TMP, 0o755)
    for name in ("ragtime", "libragtime.so"):
        shutil.copy(os.path.join(os.path.dirname(RAGTIME), name), folder)
    os.chmod(folder, 0o777)
    path = os.path.join(folder, "few.rtrace")
    rights = "+bpf,+perfmon,+sys_ptrace"
    done = subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps", rights,
                           "--ambient-caps", rights, os.path.join(folder, "ragtime"), "attach", "--duration", "1", "-o",
                           path, str(target.pid)], capture_output=True, text=True, timeout=120,
                          env={**os.environ, "HOME": folder})
    print(done.stderr)
    if "needs CAP_SYS_ADMIN" in done.stderr:
        return
    if check(not done.returncode, "three capabilities are not enough"):
        shutil.copy(path, trace("few.rtrace"))
        names = {span["name"] for span in spans_of(os.path.join(TMP, "few.rtrace"))}
        check("open" in names or "nanosleep" in names, f"seen: {names}")


def main():
    skip_unless_allowed()
    target = subprocess.Popen([sys.executable, "-c", LOOP])
    wait_until(lambda: os.path.exists(f"/proc/{target.pid}/exe"))
    try:
        reduced(target)
        if shutil.which("setpriv"):
            with_capabilities(target)
    finally:
        target.kill()
        target.wait()


main()
finish()
