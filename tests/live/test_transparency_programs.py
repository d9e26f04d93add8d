# SPDX-License-Identifier: Apache-2.0
"""Programs that do what is hard on an interposer: each must run as if nothing were there."""

import time
from resource import RLIMIT_FSIZE, RLIMIT_NOFILE, RLIMIT_STACK

from transparency import PROGRAMS, TMP, Suite

suite = Suite("programs")
minimal = {"PATH": "/usr/bin:/bin", "LANG": "C"}


def compare(name, *arguments, **options):
    suite.compare(" ".join([name, *map(str, options.pop("shown", arguments))]), [PROGRAMS / name, *arguments], **options)


def wait_for_daemon(folder):
    deadline = time.monotonic() + 5
    while not (folder / "left.txt").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)


def drop_core(folder):
    for core in folder.glob("core*"):
        core.unlink()


compare("t_errno")
compare("t_view", "one", "two words", "")
compare("t_view", env={**minimal, "LD_PRELOAD": "", "RAGTIME_TRAP": "kept"}, shown=["with an empty LD_PRELOAD"])
suite.compare("t_view with an empty environment", ["env", "-i", PROGRAMS / "t_view"])
suite.compare("t_exec with an empty environment", ["env", "-i", PROGRAMS / "t_exec", "start"])
compare("t_exec", "start", env=minimal)
compare("t_fds")
compare("t_forks", holds={"processes": 1101, "calls": 5500})
compare("t_threads", holds={"threads": 1001, "calls": 4000})
compare("t_signals", holds={"threads": 3, "calls": 200000})
compare("t_clone", holds={"processes": 9, "calls": 8000})
compare("t_unwind")
for how in ("strict", "filter", "threads"):
    # Strict seccomp forbids the time stamp counter: nothing is recorded from there on.
    compare("t_seccomp", how, settle=drop_core, holds={"calls": 1 if how == "strict" else 10000})
# Less left than a ring region takes, a little more, and plenty: what is refused must be the same.
for limit, take in ((24, 8), (64, 40), (100, 80), (100, 120), (400, 320)):
    compare("t_memory", limit, take, holds={})
compare("t_daemon", TMP / "work" / "left.txt", shown=[], settle=wait_for_daemon)
for program in ("t_unwind", "t_fds", "t_signals"):
    suite.compare(f"{program} in a shell's pipeline", ["sh", "-c", f"{PROGRAMS / program} | cat; exit $?"])
limits = {"stacks of 64 KiB": (RLIMIT_STACK, 65536), "16 descriptors": (RLIMIT_NOFILE, 16), "files of 1 MiB": (RLIMIT_FSIZE, 1 << 20)}
for what, limit in limits.items():
    for program in ("t_plain", "t_unwind", "t_clone"):
        compare(program, limits=[limit], shown=["with", what])
    suite.compare(f"a shell with {what}", ["sh", "-c", f"ls / | head -n 2; {PROGRAMS}/t_plain 3; echo $?"], limits=[limit])
suite.compare("t_forks at low priority", ["nice", "-n", "5", PROGRAMS / "t_forks"])
suite.finish()
