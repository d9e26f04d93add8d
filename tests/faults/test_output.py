# SPDX-License-Identifier: Apache-2.0
"""An output that fails: the target is as it was, the loss is counted and said once."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "live"))
from runs import BUILD, TMP, Walk, check, command, finish, run  # noqa: E402

COUNTER = os.path.join(os.path.abspath(BUILD), "programs", "counter")


def check_failing(path, what):
    done = run(path, COUNTER, os.path.join(TMP, "count"), "0.7")
    check(done.returncode == 42, f"{what}: status {done.returncode}")
    check(done.stdout == b"", f"{what}: output {done.stdout!r}")
    lines = done.stderr.decode().splitlines()
    check(len(lines) == 1 and "incomplete" in lines[0] and "not written" in lines[0],
          f"{what}: one message, not {lines}")


def check_disk_full():
    folder = os.path.join(TMP, "small")
    os.mkdir(folder)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "none", folder],
                      capture_output=True).returncode:
        print("mounting is not allowed here: a full disk is left out")
        return
    try:
        path = os.path.join(folder, "t.rtrace")
        check_failing(path, "disk full")
        check(Walk(path).whole, "what fitted is whole blocks")
    finally:
        subprocess.run(["umount", folder])


def check_reader_gone():
    read, write = os.pipe()
    child = subprocess.Popen(command(f"fd:{write}", COUNTER, os.path.join(TMP, "count"), "0.7"),
                             pass_fds=(write,), stderr=subprocess.PIPE)
    os.close(write)
    os.read(read, 64)
    os.close(read)
    errors = child.communicate(timeout=30)[1]
    check(child.returncode == 42, f"reader gone: status {child.returncode}")
    check(b"incomplete" in errors, f"reader gone: {errors}")


def check_slow_reader():
    """A pipe that nobody reads from does not hold up the target."""
    read, write = os.pipe()
    child = subprocess.Popen(command(f"fd:{write}", COUNTER, os.path.join(TMP, "count"), "0.7"),
                             pass_fds=(write,), stderr=subprocess.PIPE)
    os.close(write)
    child.stderr.close()
    with open(read, "rb") as file:
        data = file.read()
    check(child.wait(30) == 42, f"slow reader: status {child.returncode}")
    check(data[:8] == b"RTRACE\r\n", "the pipe carries the same stream")


def check_unwritable():
    """What cannot be written from the start is said before the program runs."""
    for path in ("/dev/full", TMP, "/proc/version"):
        done = run(path, "echo", "ran")
        check(done.returncode == 125 and done.stdout == b"" and path.encode() in done.stderr,
              f"unwritable {path}: {done}")


check_unwritable()
check_disk_full()
check_reader_gone()
check_slow_reader()
finish()
