# SPDX-License-Identifier: Apache-2.0
"""What the protocol parsers cost, against the libraries made for the same bytes."""
import glob
import os
import subprocess
import sys
import tarfile

import harness
from harness import Failed

GOAL = 4.0
EXCHANGES = 4000
PAIRS = [("body only passed through / memchr, per byte", "body", "memchr"),
         ("small HTTP/1 exchange / llhttp, both heads", "http1", "llhttp"),
         ("small HTTP/2 exchange / nghttp2, both ends reading", "http2", "nghttp2")]
LIBRARIES = ["-lelf", "-lz", "-lzstd", "-lprotobuf-c", "-lsqlite3", "-lcapstone", "-lsupc++", "-lnghttp2", "-lyaml",
             "-lbrotlidec", "-lbrotlicommon", "-lm", "-lpthread", "-ldl"]


def llhttp(bench):
    """Its folder, out of a source package that carries it."""
    folder = os.path.join(bench.out, "llhttp")
    found = glob.glob(folder + "/*/vendor/llhttp")
    if not found:
        done = subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
                               "--no-deps", "--no-binary", ":all:", "--require-hashes", "--dest", folder, "-r",
                               os.path.join(harness.HERE, "httptools.lock")],
                              capture_output=True, text=True, check=False)
        for path in glob.glob(folder + "/*.tar.gz"):
            with tarfile.open(path) as archive:
                archive.extractall(folder, filter="data")
        found = glob.glob(folder + "/*/vendor/llhttp")
        if not found:
            raise Failed(f"llhttp's sources could not be had: {done.stderr[-200:]}")
    return found[0]


def build(bench):
    source, program = llhttp(bench), os.path.join(bench.out, "parse")
    top = os.path.dirname(os.path.dirname(harness.HERE))
    done = subprocess.run(["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-g", "-w", "-I" + top,
                           "-I" + os.path.join(bench.build, "gen"), "-I" + source + "/include", "-o", program,
                           os.path.join(harness.HERE, "parse.c"), *glob.glob(source + "/src/*.c"),
                           os.path.join(bench.build, "libcore.a"), *LIBRARIES],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(done.stderr[-300:])
    return program


def measure(bench):
    try:
        program = build(bench)
        runs = [harness.run([program, str(EXCHANGES)]) for _ in range(bench.rounds)]
    except (Failed, OSError, subprocess.SubprocessError) as error:
        for name, _, _ in PAIRS:
            bench.missing(name, error, GOAL)
        return {}
    samples = {}
    for name, ours, theirs in PAIRS:
        above, below = ([run.number(key) for run in runs] for key in (ours, theirs))
        samples[ours], samples[theirs] = above, below
        bench.judge_ratio(name, above, below, GOAL, detail=f"{min(above):.3g} ns")
    return samples
