#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`ragtime ps`: what it says of processes that this test starts itself."""
import json
import os
import shutil
import subprocess
import sys

from runs import RAGTIME, TMP, check, finish, wait_until

SERVER = """
import socket, ssl, sys, time
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
sys.stdin.read()
"""


def ps(*args):
    done = subprocess.run([RAGTIME, "ps", *args], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def of(pid, rows):
    return next((row for row in rows if row["pid"] == pid), None)


def main():
    script = os.path.join(TMP, "ps_target_4711.py")
    with open(script, "w") as file:
        file.write(SERVER)
    with subprocess.Popen([sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as target:
        port = target.stdout.readline().decode().strip()
        status, out, _ = ps("--json")
        row = of(target.pid, json.loads(out))
        if check(status == 0 and row, "the Python server is not listed"):
            check(row["runtime"] == "python" and row["version"] == "%d.%d" % sys.version_info[:2], f"{row}")
            check(row["ports"] == port and row["script"].endswith("ps_target_4711.py"), f"{row}")
            check("libssl" in (row["tls"] or ""), f"TLS library of {row}")
            check(row["inject"] is True and row["inject_obstacle"] is None, f"{row}")
        status, out, _ = ps("ps_target_*.py")
        check(status == 0 and str(target.pid) in out, "not found by its script's name")
        target.stdin.close()
    status, _, err = ps("ps_target_*.py")
    check(status == 1 and "is called that" in err, f"status {status} for what is not there: {err!r}")
    check(ps("--nonsense")[0] == 2, "a wrong option is wrong usage")
    busybox = shutil.which("busybox")
    if busybox:
        with subprocess.Popen([busybox, "sleep", "60"]) as target:
            check(wait_until(lambda: ps("--all", "--json", "busybox")[0] == 0), "busybox is not listed")
            row = of(target.pid, json.loads(ps("--json", "busybox")[1]))
            check(row and row["inject"] is False and "static" in row["inject_obstacle"], f"{row}")
            target.kill()


main()
finish()
