# SPDX-License-Identifier: Apache-2.0
"""Children one after another do not use up slots and chunks, however they end; pids that come back
are told apart."""
import os
import subprocess

from runs import BUILD, FULL, RAGTIME, Walk, check, finish, run, trace

FORKS = os.path.join(os.path.abspath(BUILD), "programs", "forks")
COUNT = 5000 if FULL else 1500


def check_forks(*how, options=(), least):
    path = trace()
    done = run(path, FORKS, str(COUNT), *how, options=("-v", *options), timeout=120)
    walk = Walk(path)
    check(done.returncode == 0, f"{how}: {done}")
    check(walk.finished, f"{how}: the trace is finished")
    check(b"lost" not in done.stderr, f"{how}: {done.stderr.decode()}")
    check(walk.calls >= least, f"{how}: {walk.calls} calls, at least {least}")
    return walk


check_forks(least=COUNT * 5)
check_forks("kill", least=COUNT * 5)
alone = check_forks(options=("--no-follow",), least=0)
check(alone.calls < COUNT * 5, f"--no-follow leaves the children out: {alone.calls}")
limited = subprocess.run(["bash", "-c", f"ulimit -v 400000; exec '{RAGTIME}' run -v -o '{trace()}' "
                          f"-- '{FORKS}' 200"], capture_output=True)
check(limited.returncode == 0, f"with little address space: {limited}")
finish()
