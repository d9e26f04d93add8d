#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`ragtime attach`: programs that run already, watched from the kernel, against what they saw
themselves; and that nothing of it stays behind, however it ends."""
import http.server
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time

from attached import Attached, info_of, skip_unless_allowed, spans_of
from runs import BUILD, RAGTIME, TMP, alive, check, finish, wait_until

NEAR_NS = 3_000_000
REQUESTS = 20

CLIENT = """
import http.client, os, sys, threading, time
sys.stdin.readline()
port, count, threads = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
def work(base):
    link = http.client.HTTPConnection("127.0.0.1", port)
    for i in range(base, base + count):
        begin = time.monotonic_ns()
        link.request("GET", f"/{i}")
        link.getresponse().read()
        os.write(1, f"{i} {begin} {time.monotonic_ns()}\\n".encode())
        time.sleep(0.003)
workers = [threading.Thread(target=work, args=(n * 1000,)) for n in range(threads)]
[w.start() for w in workers]
[w.join() for w in workers]
if len(sys.argv) > 4:
    child = os.fork()
    if not child:
        work(9000)
        os._exit(7)
    os.waitpid(child, 0)
"""


class Server(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        time.sleep(0.001)
        self.send_response(200)
        self.send_header("content-length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_):
        pass


def check_requests(label, path, lines):
    told = sorted(tuple(map(int, line.split()[1:])) for line in lines)
    spans = sorted(((span["start_ns"], span["end_ns"]) for span in spans_of(path)
                    if span["kind"] == "request" and span["attrs"].get("ragtime.side") == "client"))
    if not check(len(told) == len(spans), f"{label}: {len(spans)} requests in the trace, {len(told)} made"):
        return
    pairs = []
    for begin, until in told:
        best = min(spans, key=lambda span: abs(span[0] - begin) + abs(span[1] - until))
        spans.remove(best)
        pairs.append((begin, until, *best))
    inside = sum(begin <= start and end <= until + NEAR_NS for begin, until, start, end in pairs)
    near = sum(abs(start - begin) < NEAR_NS and abs(end - until) < NEAR_NS for begin, until, start, end in pairs)
    # most: the program may be kept off the processor between its call and its clock
    check(inside * 100 >= len(told) * 95, f"{label}: {inside} of {len(told)} lie within their calls")
    check(near * 10 >= len(told) * 8, f"{label}: {near} of {len(told)} are near")


def run_target(label, port, *command, children=False):
    target = subprocess.Popen([*command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    wait_until(lambda: open(f"/proc/{target.pid}/syscall").read().startswith("0 "))
    options = ["--children"] if children else []
    with Attached(*options, target.pid, name=label + ".rtrace") as traced:
        out, _ = target.communicate("go\n", timeout=60)
        check(wait_until(lambda: traced.process.poll() is not None), f"{label}: the trace ends with its target")
    check(target.returncode == 0, f"{label}: status {target.returncode}")
    lines = out.splitlines()
    check_requests(label, traced.path, lines)
    info = info_of(traced.path)
    check(info["mode"] == "bpf" and info["finished"], f"{label}: {info}")
    check(not info["lost"], f"{label}: {info['lost']}")
    return traced.path


def check_clients(port):
    script = os.path.join(TMP, "client.py")
    with open(script, "w") as file:
        file.write(CLIENT)
    python = [sys.executable, script, str(port)]
    run_target("static", port, os.path.join(BUILD, "programs/t_static_http"), str(port), str(REQUESTS))
    run_target("python", port, *python, str(REQUESTS), "1")
    run_target("threads", port, *python, str(REQUESTS), "4")
    path = run_target("forks", port, *python, "5", "1", "fork", children=True)
    report = subprocess.run([RAGTIME, "report", "--json", path], capture_output=True, text=True, check=True).stdout
    check('"status": 7' in report or '"status":7' in report, "the child's status")


BUSY = """
import os, sys
sys.stdin.readline()
for _ in range(300000):
    os.getppid()
"""


def check_count():
    """Each system call of a busy program is in the trace, or in the count of what was lost."""
    target = subprocess.Popen([sys.executable, "-c", BUSY], stdin=subprocess.PIPE, text=True)
    wait_until(lambda: open(f"/proc/{target.pid}/syscall").read().startswith("0 "))
    with Attached(target.pid, name="busy.rtrace") as traced:
        target.communicate("go\n", timeout=60)
        wait_until(lambda: traced.process.poll() is not None)
    database = traced.path + ".db"
    subprocess.run([RAGTIME, "decode", traced.path, "-o", database], check=True, stdout=subprocess.DEVNULL)
    calls, = sqlite3.connect(database).execute(
        "SELECT SUM(f.calls) FROM fold f JOIN operation o ON o.id = f.operation WHERE o.name = 'other_syscall'").fetchone()
    lost = sum(loss["count"] for loss in info_of(traced.path)["lost"] if loss["reason"] == "kernel_full")
    print(f"300000 calls made, {calls} recorded, {lost} edges lost")
    check(300000 <= calls + lost and calls < 301000, f"{calls} calls recorded of 300000, {lost} edges lost")


def check_ctl():
    """Off is off: what is done meanwhile is not there."""
    def ctl(order):
        done = subprocess.run([RAGTIME, "ctl", str(target.pid), *order.split()], capture_output=True, text=True, timeout=30)
        return done.returncode, done.stdout + done.stderr

    def touch(name):
        target.stdin.write(name + "\n")
        target.stdin.flush()
        target.stdout.readline()

    source = f"import sys\nfor line in sys.stdin:\n    open('{TMP}/touched-' + line.strip(), 'w').close(); print(flush=True)"
    target = subprocess.Popen([sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with Attached(target.pid, name="ctl.rtrace") as traced:
        touch("first")
        check(ctl("off")[0] == 0, "ctl off")
        touch("second")
        check(ctl("on")[0] == 0, "ctl on")
        touch("third")
        check(ctl("rate 10")[0] == 1 and "every call" in ctl("rate 10")[1], "ctl rate is refused")
        check(ctl("stop")[0] == 0 and wait_until(lambda: traced.process.poll() is not None), "ctl stop")
    target.communicate()
    names = " ".join(str(span["attrs"]) + span["name"] for span in spans_of(traced.path))
    found = [name for name in ("first", "second", "third") if "touched-" + name in names]
    check(found == ["first", "third"], f"files in the trace: {found}")


def check_end(number):
    """Ended by a signal, or killed: the target goes on, and nothing stays in the kernel."""
    target = subprocess.Popen([sys.executable, "-c", "import time\nwhile True: time.sleep(0.001)"])
    with Attached(target.pid, name=f"end{number}.rtrace") as traced:
        time.sleep(0.2)
        status = traced.stop(number)
    check(status == (-number if number == signal.SIGKILL else 0), f"signal {number}: status {status}")
    check(alive(target.pid), f"signal {number}: the target has ended")
    check(os.listdir(f"/proc/{target.pid}/fd") and target.poll() is None, "the target is whole")
    target.kill()
    target.wait()


def check_errors():
    def attach(*args):
        return subprocess.run([RAGTIME, "attach", *args], capture_output=True, text=True, timeout=60)

    for args in ((), ("x",), ("0",), ("--port", "70000"), ("--mode", "magic", "1"), ("--user", "no/one", "1")):
        check(attach(*args).returncode == 2, f"usage: {args}")
    none = attach(str((1 << 22) - 1))
    check(none.returncode == 1 and "ragtime ps" in none.stderr, f"no such process: {none}")
    none = attach("--name", "no-such-program-4711")
    check(none.returncode == 1 and "no process fits" in none.stderr, f"no such name: {none}")


def main():
    check_errors()
    skip_unless_allowed()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    check_clients(server.server_address[1])
    check_count()
    check_ctl()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL):
        check_end(number)
    server.shutdown()


main()
finish()
