# SPDX-License-Identifier: Apache-2.0
"""--exec keeps the PID and leaves nothing behind; as PID 1 ragtime is an init."""
import os
import signal
import subprocess
import time

from runs import RAGTIME, BUILD, TMP, Walk, alive, check, command, finish, run, trace, wait_until

ORPHANS = os.path.join(os.path.abspath(BUILD), "programs", "orphans")


def tracer_of(pid):
    """Whose command line names this trace; it is no child of anybody here."""
    found = []
    for name in os.listdir("/proc"):
        try:
            with open(f"/proc/{name}/cmdline", "rb") as file:
                line = file.read()
        except (OSError, ValueError):
            continue
        if name.isdigit() and TMP.encode() in line and b"--exec" in line and int(name) != pid:
            found.append(int(name))
    return found


def check_pid():
    path = trace("exec.rtrace")
    program = "import os, sys; print(os.getpid(), os.getppid(), flush=True); sys.stdin.read(); sys.exit(3)"
    child = subprocess.Popen(command(path, "python3", "-c", program, options=("--exec",)),
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    pid, parent = map(int, child.stdout.readline().split())
    check(pid == child.pid, "the program has ragtime's PID")
    check(parent == os.getpid(), "and its parent")
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        check(file.read() == "", "it has no child of ours")
    tracers = tracer_of(pid)
    if check(len(tracers) == 1, f"one tracer: {tracers}"):
        check(os.getsid(tracers[0]) == tracers[0], "the tracer has its own session")
    child.stdin.close()
    check(child.wait(20) == 3, "the status is the program's")
    check(wait_until(lambda: Walk(path).finished), "the trace is finished")
    check(wait_until(lambda: not tracer_of(0)), "the tracer has gone")
    # nobody but the program could tell the tracer
    report = subprocess.run([RAGTIME, "report", path], capture_output=True, text=True).stdout
    check("ended with status 3" in report, f"the status in the trace: {report[:300]}")


def check_signals():
    path = trace("exec.rtrace")
    child = subprocess.Popen(command(path, "sleep", "30", options=("--exec",)))
    wait_until(lambda: os.path.exists(path))
    time.sleep(0.2)
    child.send_signal(signal.SIGTERM)
    check(child.wait(20) == -signal.SIGTERM, "the signal ends it directly")
    check(wait_until(lambda: Walk(path).finished), "the trace is finished")
    report = subprocess.run([RAGTIME, "report", path], capture_output=True, text=True).stdout
    check("ended, with a status not known" in report, f"no status in the trace: {report[:300]}")


def check_tracer_told_to_end():
    """A first SIGTERM, as a service manager sends to all, waits for the program; a second does not."""
    path = trace("told.rtrace")
    child = subprocess.Popen(command(path, "sleep", "30", options=("--exec",)))
    wait_until(lambda: tracer_of(child.pid) and os.path.exists(path))
    time.sleep(0.2)
    tracer = tracer_of(child.pid)[0]
    os.kill(tracer, signal.SIGTERM)
    time.sleep(0.3)
    check(alive(tracer) and not Walk(path).finished, "the tracer waits for its program")
    os.kill(tracer, signal.SIGTERM)
    check(wait_until(lambda: not alive(tracer)), "and ends when told again")
    check(Walk(path).finished, "with a finished trace")
    check(child.poll() is None, "the program goes on")
    child.kill()
    child.wait()


def check_daemon():
    """With --exec the trace lasts as long as a process that the program left behind."""
    path = trace("daemon.rtrace")
    script = "(sleep 1; echo late > %s) >/dev/null 2>&1 & exit 0" % os.path.join(TMP, "late")
    done = run(path, "bash", "-c", script, options=("--exec",))
    check(done.returncode == 0, f"the launcher's status: {done}")
    check(not Walk(path).finished, "the trace goes on after the launcher")
    check(wait_until(lambda: Walk(path).finished), "and ends with the daemon")
    check(os.path.exists(os.path.join(TMP, "late")), "which ran to its end")


def check_errors():
    done = run(trace(), "/etc/passwd", options=("--exec",))
    check(done.returncode == 126, f"not executable: {done}")
    done = run("/no/such/folder/t", "echo", "x", options=("--exec",))
    check(done.returncode == 125 and done.stdout == b"", f"unwritable: {done}")


def in_namespace(*args):
    return subprocess.run(["unshare", "-pf", "--mount-proc", *args], capture_output=True, timeout=60)


def check_first_process():
    if subprocess.run(["unshare", "-pf", "--mount-proc", "true"], capture_output=True).returncode:
        print("PID namespaces are not allowed here: the checks as PID 1 are left out")
        return
    path = trace("init.rtrace")
    done = in_namespace(*command(path, ORPHANS, "50"))
    check(done.returncode == 6, f"status as PID 1: {done}")
    check(Walk(path).finished, "the trace of PID 1 is finished")
    script = f"({ORPHANS} 50 &) ; sleep 0.6; ls /proc | grep -c '^[0-9]*$'; " \
             "grep -l 'State:.Z' /proc/[0-9]*/status"
    done = in_namespace(*command(path, "sh", "-c", script))
    check(b"status" not in done.stdout, f"PID 1 reaps orphans: {done}")
    child = subprocess.Popen(["unshare", "-pf", "--kill-child", "--mount-proc",
                              *command(path, "sh", "-c", "trap 'exit 8' TERM; echo up; "
                                       "while :; do sleep 0.05; done")], stdout=subprocess.PIPE)
    check(child.stdout.readline() == b"up\n", "up as PID 1")
    with open(f"/proc/{child.pid}/task/{child.pid}/children") as file:
        os.kill(int(file.read().split()[0]), signal.SIGTERM)
    check(child.wait(20) == 8, f"PID 1 forwards signals: {child.returncode}")


check_pid()
check_signals()
check_tracer_told_to_end()
check_daemon()
check_errors()
check_first_process()
finish()
