# SPDX-License-Identifier: Apache-2.0
"""ragtime ctl on a running trace: off, on, rate, report, stop; --duration; the slow clock."""
import os
import subprocess
import time

from runs import BUILD, RAGTIME, TMP, Walk, check, command, finish, run, trace, wait_until

COUNTER = os.path.join(os.path.abspath(BUILD), "programs", "counter")


def ctl(pid, *order):
    return subprocess.run([RAGTIME, "ctl", str(pid), *order], capture_output=True, text=True,
                          timeout=20)


def calls_now(pid):
    """By an interim report, which writes out all there is."""
    done = ctl(pid, "report")
    check(done.returncode == 0 and "trace so far" in done.stdout, f"report: {done}")
    return int(done.stdout.splitlines()[1].split()[0])


def growth(pid, seconds=0.4):
    before = calls_now(pid)
    time.sleep(seconds)
    return calls_now(pid) - before


def check_orders(options):
    path = trace("ctl.rtrace")
    count = os.path.join(TMP, "count")
    child = subprocess.Popen(command(path, COUNTER, count, "6", options=options))
    wait_until(lambda: os.path.exists(count) and ctl(child.pid, "report").returncode == 0)
    full = growth(child.pid)
    check(full > 1000, f"recording: {full} calls")
    report = ctl(child.pid, "report")
    check(f"ragtime report {path}" in report.stdout, f"report names the file: {report.stdout}")
    walk = Walk(path)
    check(walk.whole and not walk.last and walk.calls > 0, "the interim file is readable")
    check(ctl(child.pid, "off").returncode == 0, "off")
    time.sleep(0.1)
    check(growth(child.pid) == 0, "nothing is recorded when off")
    check(ctl(child.pid, "rate", "50").returncode == 0, "rate")
    time.sleep(0.1)
    sampled = growth(child.pid)
    check(0 < sampled < full / 5, f"one in 50: {sampled} instead of {full}")
    check(ctl(child.pid, "on").returncode == 0, "on")
    time.sleep(0.1)
    again = growth(child.pid)
    check(again > sampled * 4, f"on again: {again} after {sampled}")
    stop = ctl(child.pid, "stop")
    check(stop.returncode == 0 and path in stop.stdout, f"stop: {stop}")
    check(Walk(path).finished, "stop returns when the trace is finished")
    check(child.poll() is None, "the program goes on after stop")
    check(ctl(child.pid, "report").returncode == 1, "a stopped trace takes no orders")
    check(child.wait(20) == 42, f"and passes on its status: {child.returncode}")


def check_errors():
    none = ctl(1 << 22, "on")
    check(none.returncode == 1 and "not being traced" in none.stderr, f"no such trace: {none}")
    for order in ((), ("nonsense",), ("rate",), ("rate", "0"), ("rate", "x"), ("on", "off")):
        check(ctl(os.getpid(), *order).returncode == 2, f"usage: {order}")


def check_duration():
    path = trace("duration.rtrace")
    began = time.monotonic()
    child = subprocess.Popen(command(path, COUNTER, os.path.join(TMP, "count"), "1.5",
                                     options=("--duration", "0.5")))
    check(wait_until(lambda: os.path.exists(path) and Walk(path).finished), "ends by its time")
    check(child.poll() is None and time.monotonic() - began < 1.4, "before the program")
    calls = Walk(path).calls
    check(child.wait(20) == 42, "the status is the program's")
    check(Walk(path).calls == calls > 0, "nothing is added afterwards")


def check_state_folder():
    environment = dict(os.environ, XDG_STATE_HOME=os.path.join(TMP, "state"))
    for _ in range(2):
        done = subprocess.run([RAGTIME, "run", "--", "true"], env=environment)
        check(done.returncode == 0, "run without -o")
    folder = os.path.join(TMP, "state", "ragtime")
    names = sorted(os.listdir(folder))
    check(len(names) == 2 and all("-true-" in name for name in names), f"names: {names}")
    check(os.stat(folder).st_mode & 0o777 == 0o700, "a private folder")
    check(os.stat(os.path.join(folder, names[0])).st_mode & 0o777 == 0o600, "private files")


def check_rotation():
    path = trace("parts.rtrace")
    done = run(path, COUNTER, os.path.join(TMP, "count"), "1", options=("--max-size", "4K"))
    check(done.returncode == 42, f"--max-size: {done}")
    check(os.path.exists(os.path.join(TMP, "parts.1.rtrace")), "there is a second part")


check_orders(())
check_orders(("--exec",))
check_orders(("--clock", "monotonic"))
check_errors()
check_duration()
check_state_folder()
check_rotation()
finish()
