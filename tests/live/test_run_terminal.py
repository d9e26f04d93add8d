# SPDX-License-Identifier: Apache-2.0
"""Job control on a real terminal: Ctrl-C, Ctrl-Z and fg, the window, reading from it, signals to
ragtime alone and to its group."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

from runs import TMP, Walk, alive, check, command, finish, trace, wait_until

PYTHON = sys.executable


class Shell:
    """An interactive bash on a terminal of its own."""

    def __init__(self):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(PS1="READY> ", TERM="dumb", HISTFILE="/dev/null")
            os.execvp("bash", ["bash", "--norc", "--noprofile", "--noediting", "-i"])
        self.text = ""
        self.expect("READY> ")

    def expect(self, pattern, seconds=20):
        """Reads up to a match, which it returns; what comes after it stays for the next."""
        end = time.monotonic() + seconds
        while True:
            match = re.search(pattern, self.text)
            if match:
                self.text = self.text[match.end():]
                return match
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                check(False, f"no {pattern!r} in {self.text[-500:]!r}")
                finish()
            try:
                self.text += os.read(self.fd, 4096).decode()
            except OSError:
                check(False, f"the shell has ended before {pattern!r}: {self.text[-500:]!r}")
                finish()

    def send(self, text):
        os.write(self.fd, text.encode())

    def line(self, *words):
        self.send(" ".join(f"'{word}'" if re.search(r"[^\w&]", word) else word for word in words) + "\n")

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


PROGRAM = os.path.join(TMP, "program.py")
with open(PROGRAM, "w") as file:
    file.write("""
import os, signal, sys, time
def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())  # print() bears no handler that prints
def handler(number, frame):
    say("GOT", signal.Signals(number).name)
    if number == signal.SIGINT:
        say("STOPPING")
        sys.exit(9)
for name in ("SIGINT", "SIGUSR1", "SIGWINCH", "SIGHUP", "SIGCONT"):
    signal.signal(getattr(signal, name), handler)
say("PID", os.getpid(), "PARENT", os.getppid())
say("FOREGROUND", os.tcgetpgrp(0) == os.getpgrp())
while True:
    time.sleep(0.05)
""")


def started(shell):
    match = shell.expect(r"PID (\d+) PARENT (\d+)")
    shell.expect("FOREGROUND True")
    return int(match[1]), int(match[2])


def check_interrupt(shell):
    path = trace("int.rtrace")
    shell.line(*command(path, PYTHON, PROGRAM))
    started(shell)
    shell.send("\x03")
    shell.expect("GOT SIGINT")
    shell.expect("STOPPING")
    shell.expect("trace saved to")
    shell.expect("READY> ")
    shell.send("echo STATUS=$?\n")
    between = shell.expect("(?s)(.*)STATUS=9")[1]
    check("GOT" not in between, "one SIGINT only")
    shell.expect("READY> ")
    check(Walk(path).finished, "Ctrl-C leaves a finished trace")


def check_status(shell):
    shell.line(*command(trace(), "sh", "-c", "exit 9"))
    shell.expect("trace saved")
    shell.expect("READY> ")
    shell.send("echo STATUS=$?\n")
    shell.expect("STATUS=9")
    shell.expect("READY> ")


def check_stop(shell):
    path = trace("stop.rtrace")
    shell.line(*command(path, PYTHON, PROGRAM))
    target, tracer = started(shell)
    shell.send("\x1a")
    shell.expect("Stopped")
    shell.expect("READY> ")
    for pid in (target, tracer):
        with open(f"/proc/{pid}/stat") as file:
            state = file.read().rpartition(")")[2].split()[0]
        check(state == "T", f"Ctrl-Z stops both: {pid} is {state}")
    shell.send("fg\n")
    shell.expect("GOT SIGCONT")
    check(wait_until(lambda: alive(tracer)), "fg continues the tracer")
    time.sleep(0.2)
    shell.send("\x03")
    shell.expect("STOPPING")
    shell.expect("READY> ")
    check(Walk(path).finished, "a stopped and continued trace is finished")


def check_background(shell):
    """A background program that reads the terminal is stopped, and reads after fg."""
    shell.line(*command(trace(), "cat"), "&")
    shell.text = ""
    shell.expect(r"\[1\] \d+")
    shell.send("\n")
    wait_until(lambda: False, 0.5)
    shell.send("jobs\n")
    shell.expect("Stopped")
    shell.expect("READY> ")
    shell.send("fg\n")
    time.sleep(0.3)
    shell.send("hello\n")
    shell.expect("hello\r\n.*hello\r\n")
    shell.send("\x04")
    shell.expect("READY> ")


def check_window(shell):
    shell.line(*command(trace(), PYTHON, PROGRAM))
    started(shell)
    fcntl.ioctl(shell.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    shell.expect("GOT SIGWINCH")
    time.sleep(0.2)
    shell.send("\x03")
    shell.expect("STOPPING")
    shell.expect("READY> ")
    check("SIGWINCH" not in shell.text, "one SIGWINCH only")


def check_forwarding():
    """Signals to ragtime's PID alone reach the program."""
    path = trace("fwd.rtrace")
    program = subprocess.Popen(command(path, PYTHON, "-u", "-c", """
import signal, sys, time
def handler(number, frame): print("GOT", number, flush=True)
for number in (signal.SIGUSR1, signal.SIGHUP, signal.SIGTERM, signal.SIGRTMIN + 3):
    signal.signal(number, handler)
print("UP", flush=True)
while True: time.sleep(0.05)
"""), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    check(program.stdout.readline() == "UP\n", "the program is up")
    for number in (signal.SIGUSR1, signal.SIGHUP, signal.SIGTERM, signal.SIGRTMIN + 3):
        program.send_signal(number)
        check(program.stdout.readline() == f"GOT {int(number)}\n", f"signal {number} is forwarded")
    program.send_signal(signal.SIGINT)
    check(program.wait(20) in (1, 130), f"SIGINT ends it: {program.returncode}")
    check(Walk(path).finished, "the trace is finished")


def check_hangup():
    """The terminal goes away: the program is told once, and ends."""
    path = trace("hup.rtrace")
    log = os.path.join(TMP, "hup.log")
    pid, fd = pty.fork()
    if pid == 0:
        args = command(path, "sh", "-c", f"trap 'echo HUP >>{log}; exit 4' HUP; echo UP; "
                                         "while :; do sleep 0.05; done")
        os.execv(args[0], args)
    check(b"UP" in os.read(fd, 100), "up on the terminal")
    os.close(fd)
    _, status = os.waitpid(pid, 0)
    check(os.waitstatus_to_exitcode(status) == 4, f"status after a hang-up: {status:#x}")
    with open(log) as file:
        check(file.read() == "HUP\n", "one SIGHUP")
    check(Walk(path).finished, "a hang-up leaves a finished trace")


session = Shell()
check_interrupt(session)
check_status(session)
check_stop(session)
check_background(session)
check_window(session)
session.close()
check_forwarding()
check_hangup()
finish()
