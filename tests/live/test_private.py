# SPDX-License-Identifier: Apache-2.0
"""What ragtime makes is its user's alone: files whatever the umask, the shared region, which is empty
once tracing ends; and the tracer, which holds what passes over connections, leaves no core."""
import os
import pathlib
import re
import resource
import signal
import stat
import subprocess

from runs import RAGTIME, TMP, alive, check, command, finish, run, trace, wait_until

HERE = pathlib.Path(TMP)
TESTS = pathlib.Path(__file__).parent.parent
NOBODY = 65534


def check_files():
    """With the widest umask there is."""
    path, environment = trace(), {**os.environ, "XDG_STATE_HOME": str(HERE / "state"), "TMPDIR": TMP}
    orders = [["run", "-o", path, "--", "true"], ["run", "--", "true"], ["decode", "-o", str(HERE / "t.db"), path]]
    orders += [["export", "--to", form, "-o", str(HERE / form), path] for form in ("json", "chrome", "folded")]
    before = os.umask(0)
    for order in orders:
        done = subprocess.run([RAGTIME, *order], capture_output=True, env=environment, timeout=60)
        check(done.returncode == 0, f"{order}: {done}")
    os.umask(before)
    made = [path for path in HERE.rglob("*")]
    check(len([path for path in made if path.is_file()]) == 6, f"made: {made}")
    for path in made:
        mode, wanted = stat.S_IMODE(path.stat().st_mode), 0o700 if path.is_dir() else 0o600
        check(mode == wanted, f"{path} has mode {mode:o}")


def check_wiped():
    done = run(trace(), "python3", str(TESTS / "programs/t_wiped.py"), RAGTIME)
    before, after = map(int, done.stdout.split())
    check(before > 0 and after == 0, f"the region holds the secret {before} times, after the end {after}")


def cores():
    return [path.name for path in HERE.iterdir() if re.match(r"core(\.\d+)?$", path.name)]


def crash(process, victim):
    """Whether the death of `victim` by SIGABRT leaves a core file."""
    os.kill(victim, signal.SIGABRT)
    process.wait(20)
    left = cores()
    for name in left:
        (HERE / name).unlink()
    return bool(left)


def unlimited():
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def nobody_may_start_it():
    try:
        return subprocess.run([RAGTIME, "--version"], user=NOBODY, group=NOBODY, capture_output=True).returncode == 0
    except PermissionError:
        return False


def check_cores(user):
    """The same death of a program that is not ours is the control."""
    identity = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    start = {"cwd": TMP, "preexec_fn": unlimited, "stderr": subprocess.DEVNULL, **identity}
    plain = subprocess.Popen(["sleep", "60"], **start)
    wait_until(lambda: b"sleep" in pathlib.Path(f"/proc/{plain.pid}/comm").read_bytes())
    possible = crash(plain, plain.pid)
    ready = HERE / f"ready{user}"
    path = trace(f"crash{user}.rtrace")
    traced = subprocess.Popen(command(path, "sh", "-c", f"echo $$ >{ready}; exec sleep 60"), **start)
    wait_until(lambda: ready.exists() and ready.read_text().strip() and os.path.exists(path))
    fds = pathlib.Path(f"/proc/{traced.pid}/fd")
    modes = [stat.S_IMODE(os.stat(fd).st_mode) for fd in fds.iterdir() if "memfd:ragtime" in os.readlink(fd)]
    check(modes == [0o600], f"modes of the region: {modes}")
    target = int(ready.read_text())
    check(not crash(traced, traced.pid), f"the tracer of user {user} leaves a core")
    check(traced.returncode == -signal.SIGABRT, f"the tracer ended with {traced.returncode}")
    check(alive(target), "the target outlives its tracer")
    os.kill(target, signal.SIGKILL)
    return possible


def main():
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    check_files()
    check_wiped()
    os.chmod(TMP, 0o777)
    users = [None, NOBODY] if os.geteuid() == 0 and nobody_may_start_it() else [None]
    proved = [check_cores(user) for user in users] if hard == resource.RLIM_INFINITY else []
    print(f"cores of other programs are seen here: {proved}")


main()
finish()
