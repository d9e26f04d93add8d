# SPDX-License-Identifier: Apache-2.0
"""`ragtime attach` around a target that waits for a word: whether this host allows it, start, end."""
import json
import os
import signal
import subprocess
import sys

from runs import RAGTIME, TMP, trace, wait_until

READY = "tracing"


def skip_unless_allowed():
    done = subprocess.run([RAGTIME, "ps", "--json", "--all"], capture_output=True, text=True, timeout=60)
    reason = json.loads(done.stdout)[0]["bpf_obstacle"]
    if reason:
        print(f"not allowed here: {reason}")
        sys.exit(77)
    probe = subprocess.run([RAGTIME, "attach", "--duration", "0.1", "-o", os.path.join(TMP, "probe.rtrace"),
                            str(os.getpid())], capture_output=True, text=True, timeout=60)
    if probe.returncode and "kernel refuses" in probe.stderr:
        print(f"this kernel does not load the programs: {probe.stderr.splitlines()[-1]}")
        sys.exit(77)


class Attached:
    """with Attached(PID, ...) as traced: what happens inside is traced; traced.path holds it."""

    def __init__(self, *what, name="attached.rtrace"):
        self.path = trace(name)
        self.error_path = os.path.join(TMP, name + ".err")
        self.what = [str(word) for word in what]
        self.process = None

    def __enter__(self):
        with open(self.error_path, "w") as error:
            self.process = subprocess.Popen([RAGTIME, "attach", "-o", self.path, *self.what], stderr=error)
        if not wait_until(lambda: READY in self.errors() or self.process.poll() is not None):
            raise RuntimeError("attach did not begin")
        return self

    def errors(self):
        with open(self.error_path) as file:
            return file.read()

    def stop(self, number=signal.SIGINT):
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(30)

    def __exit__(self, *_):
        self.stop()


def spans_of(path):
    done = subprocess.run([RAGTIME, "export", "--to", "json", path], capture_output=True, timeout=120, check=True)
    return [line for line in map(json.loads, done.stdout.splitlines()) if line["type"] == "span"]


def info_of(path):
    done = subprocess.run([RAGTIME, "info", "--json", path], capture_output=True, timeout=120, check=True)
    return json.loads(done.stdout)[0]
