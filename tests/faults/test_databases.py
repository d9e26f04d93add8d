#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reading commands on damaged databases: an answer or an error, never a crash, never an endless loop."""
import os
import pathlib
import random
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
RAGTIME = pathlib.Path(os.environ["BUILD"]) / "ragtime"
TMP = pathlib.Path(os.environ["TMP"])
ROUNDS = 60 if os.environ["SIZE"] == "quick" else 2000
COMMANDS = (
    ["report"], ["tree"], ["tree", "--grep", "recv"],
    ["export", "--to", "json"], ["export", "--to", "chrome"], ["export", "--to", "folded"],
)


def damage(data, rng):
    damaged = bytearray(data)
    for _ in range(rng.choice([1, 3, 20, 200])):
        damaged[rng.randrange(100, len(damaged))] = rng.randrange(256)
    if rng.random() < 0.15:
        del damaged[rng.randrange(16, len(damaged)):]
    return damaged


def main():
    rng = random.Random(7)
    whole, damaged = TMP / "whole.db", TMP / "damaged.db"
    fixture = ROOT / "tests/golden"
    subprocess.run([sys.executable, fixture / "fixture.py", fixture / "fixtures/rag.sql", whole], check=True)
    data = whole.read_bytes()
    seen = {}
    for turn in range(ROUNDS):
        damaged.write_bytes(damage(data, rng))
        command = COMMANDS[turn % len(COMMANDS)]
        done = subprocess.run([RAGTIME, *command, damaged], capture_output=True, timeout=60)
        seen[done.returncode] = seen.get(done.returncode, 0) + 1
        assert done.returncode in (0, 1), (turn, command, done)
        assert done.returncode == 0 or done.stderr.startswith(b"ragtime: "), (turn, command, done.stderr)
    print(seen)
    # damage was seen, and so was harmless damage
    assert set(seen) == {0, 1}


main()
