# SPDX-License-Identifier: Apache-2.0
"""Writers killed at random moments, disks that fill up, files cut and bent: what can be read still is,
nothing is made up, and the loss is told. Runs the program itself, from file to JSON."""
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time

BUILD, TMP = os.environ["BUILD"], os.environ["TMP"]
FULL = os.environ.get("SIZE") == "full"
RAGTIME, MAKE = f"{BUILD}/ragtime", f"{BUILD}/tests/make_trace"
BLOCK_CALLS = 8192
random.seed(11)


def info(path):
    done = subprocess.run([RAGTIME, "info", "--json", path], capture_output=True, text=True, timeout=60)
    if done.returncode not in (0, 1):
        sys.exit(f"info {path}: status {done.returncode}: {done.stderr}")
    if done.returncode == 1:
        assert done.stderr.startswith("ragtime: cannot read"), done.stderr
        return None
    return json.loads(done.stdout)[0]


def killed_writers(rounds):
    kept = unfinished = 0
    for _ in range(rounds):
        path = f"{TMP}/killed.rtrace"
        writer = subprocess.Popen([MAKE, "python", "3000000", path])
        time.sleep(random.uniform(0.0, 0.25))
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        if not os.path.exists(path):
            continue
        told = info(path)
        if told is None:
            continue  # killed before the file header
        kept += told["calls"]
        unfinished += not told["finished"]
        if not told["finished"]:
            assert told["state"] in ("unfinished", "torn"), told
            assert told["calls"] % BLOCK_CALLS == 0, told
            assert told["damage"]["missing_blocks"] == 0, told
            assert told["status"] is None and told["reason"] is None, told
    assert unfinished > rounds // 4, f"only {unfinished} of {rounds} were killed in time"
    assert kept > 0
    print(f"{rounds} writers killed: {unfinished} unfinished traces, {kept} calls kept")


def full_disk():
    path = f"{TMP}/full.rtrace"
    limit = 300000

    def small_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    writer = subprocess.run([MAKE, "python", "200000", path], preexec_fn=small_files)
    assert writer.returncode == 1, writer
    told = info(path)
    assert told["state"] == "unfinished" and told["calls"] > 0, told
    assert told["calls"] % BLOCK_CALLS == 0 and os.path.getsize(path) <= limit, told
    print(f"disk full: {told['calls']} calls readable")


def bent_files(rounds):
    path, bent = f"{TMP}/whole.rtrace", f"{TMP}/bent.rtrace"
    subprocess.run([MAKE, "threads", "60000", path], check=True)
    whole = info(path)
    data = open(path, "rb").read()
    assert whole["state"] == "finished" and whole["calls"] == 60000, whole
    for _ in range(rounds):
        changed = bytearray(data)
        if random.random() < 0.3:
            del changed[random.randrange(len(changed)):]
        else:
            for _ in range(random.randint(1, 3)):
                changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
        with open(bent, "wb") as file:
            file.write(changed)
        told = info(bent)
        if told is None:
            continue
        assert told["calls"] <= whole["calls"], told
        if told["calls"] < whole["calls"]:
            assert told["lost"] or not told["finished"], told
    print(f"{rounds} bent files: never more calls, never a silent loss")


killed_writers(200 if FULL else 20)
full_disk()
bent_files(500 if FULL else 50)
