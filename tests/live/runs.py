# SPDX-License-Identifier: Apache-2.0
"""Help for the tests of `ragtime run`: starting it, and reading the frame of what it wrote.

The walk over blocks knows wire/frame.h alone; it says nothing of what is in them.
"""
import os
import struct
import subprocess
import sys
import time

BUILD = os.environ.get("BUILD", "build")
TMP = os.environ.get("TMP", "/tmp")
FULL = os.environ.get("SIZE") == "full"
RAGTIME = os.path.join(os.path.abspath(BUILD), "ragtime")

BLOCK = struct.Struct("<IHHIIQQIIQ")
LAST = 1
failures = 0


def check(condition, what):
    global failures
    if not condition:
        failures += 1
        print(f"FAILED: {what}", flush=True)
    return condition


def failures_so_far():
    return failures


def finish():
    print(f"{failures} failures")
    sys.exit(failures != 0)


def trace(name="t.rtrace"):
    path = os.path.join(TMP, name)
    if os.path.exists(path):
        os.unlink(path)
    return path


def command(path, *args, options=()):
    return [RAGTIME, "run", "-o", path, *options, "--", *args]


def run(path, *args, options=(), **keywords):
    keywords.setdefault("timeout", 60)
    return subprocess.run(command(path, *args, options=options), capture_output=True, **keywords)


class Walk:
    """The blocks of a file up to its end, or to where it is torn."""

    def __init__(self, path):
        with open(path, "rb") as file:
            data = file.read()
        self.calls = self.blocks = 0
        self.whole = data[:8] == b"RTRACE\r\n"
        self.last = False
        at = struct.unpack_from("<I", data, 12)[0] if len(data) >= 16 else len(data)
        while at < len(data):
            if at + BLOCK.size > len(data):
                self.whole = False
                break
            magic, flags, _, packed, _, _, _, calls, sequence, _ = BLOCK.unpack_from(data, at)
            if magic != 0x4B4C4252 or sequence != self.blocks or \
                    at + BLOCK.size + packed > len(data):
                self.whole = False
                break
            self.calls += calls
            self.blocks += 1
            self.last = bool(flags & LAST)
            at += BLOCK.size + packed

    @property
    def finished(self):
        return self.whole and self.last


def wait_until(condition, seconds=20):
    """True as soon as the condition holds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return bool(condition())


def size_of(path):
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def alive(pid):
    """Runs, and is not only waiting to be reaped."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
