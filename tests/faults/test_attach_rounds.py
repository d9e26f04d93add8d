#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Attached to and left again, many times, while they work: a threaded service, an asyncio service over
TLS, Redis. No request fails, nothing grows, and they are whole at the end; also where ragtime is killed,
and where the target ends in the middle."""
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "live"))
from attached import skip_unless_allowed  # noqa: E402
from runs import FULL, RAGTIME, TMP, alive, check, finish, trace, wait_until  # noqa: E402

ROUNDS = 1000 if FULL else 3
KILLS = 200 if FULL else 5

THREADS = """
import http.client, http.server, os, socketserver, sys, threading, time
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200); self.send_header("content-length", "5"); self.end_headers()
        self.wfile.write(b"hello")
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
count = [0, 0]
def work():
    link = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=20)
    while not done:
        try:
            link.request("GET", "/"); good = link.getresponse().read() == b"hello"
        except Exception as error:
            print(error, flush=True); good = False
        count[not good] += 1
        open("/proc/self/stat").close(); time.sleep(0.001)
done = False
workers = [threading.Thread(target=work) for _ in range(4)]
[w.start() for w in workers]
print("ready", flush=True)
sys.stdin.readline()
done = True
[w.join() for w in workers]
print(*count, flush=True)
"""

ASYNC = """
import asyncio, sys
count = [0, 0]
async def serve(reader, writer):
    while line := await reader.readline():
        writer.write(line); await writer.drain()
async def ask(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while not done.is_set():
        writer.write(b"word\\n"); await writer.drain()
        count[await reader.readline() != b"word\\n"] += 1
        await asyncio.sleep(0.001)
async def main():
    global done
    done = asyncio.Event()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    asks = [asyncio.create_task(ask(server.sockets[0].getsockname()[1])) for _ in range(8)]
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    done.set()
    await asyncio.gather(*asks)
    print(*count, flush=True)
asyncio.run(main())
"""


def attach(pid, *options, seconds="0.05"):
    return subprocess.run([RAGTIME, "attach", "-o", trace("rounds.rtrace"), "--duration", seconds, *options, str(pid)],
                          capture_output=True, text=True, timeout=60)


def field(pid, name):
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(name + ":"))


def rounds(label, pid, ways):
    for way in ways:
        attach(pid, *way)
        before = field(pid, "VmSize"), len(os.listdir(f"/proc/{pid}/fd"))
        bad = [done.stderr for done in (attach(pid, *way) for _ in range(ROUNDS)) if done.returncode]
        check(not bad, f"{label} {way}: {len(bad)} of {ROUNDS} attaches failed: {bad[:1]}")
        grown = field(pid, "VmSize") - before[0]
        check(grown < 4096 + 512 * ROUNDS, f"{label} {way}: {grown} KiB more of memory after {ROUNDS} rounds")
        check(abs(len(os.listdir(f"/proc/{pid}/fd")) - before[1]) < 16, f"{label} {way}: descriptors are left")


def guards(pid):
    """What undoes the work of a ragtime that was killed."""
    found = subprocess.run(["pgrep", "-f", f"attach .*-o {trace('killed.rtrace')} .*{pid}$"], capture_output=True, text=True)
    return found.stdout.split()


def kills(label, pid, ways):
    """ragtime is killed at some moment of its work: of entering, tracing or leaving. The target goes on, what was
    in it goes out again, and another one attaches afterwards."""
    moment = random.Random(label)
    for way in ways:
        before = len(os.listdir(f"/proc/{pid}/fd"))
        for _ in range(KILLS):
            process = subprocess.Popen([RAGTIME, "attach", "-o", trace("killed.rtrace"), "--duration", "0.1", *way, str(pid)],
                                       stderr=subprocess.DEVNULL)
            time.sleep(moment.random() * 0.25)
            process.kill()
            process.wait()
            if not check(alive(pid), f"{label} {way}: ended with the tracer that was killed"):
                return
            check(wait_until(lambda: not guards(pid)), f"{label} {way}: the guard is left")
        done = attach(pid, *way)
        check(done.returncode == 0, f"{label} {way}: attach after kills: {done.stderr}")
        after = len(os.listdir(f"/proc/{pid}/fd"))
        check(after < before + 16, f"{label} {way}: {after} descriptors after kills, {before} before")


def service(label, source, ways):
    target = subprocess.Popen([sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    check(target.stdout.readline() == "ready\n", f"{label}: comes up")
    rounds(label, target.pid, ways)
    kills(label, target.pid, ways)
    out, _ = target.communicate("end\n", timeout=60)
    good, bad = (out.splitlines() or ["0 0"])[-1].split()
    check(target.returncode == 0 and int(good) > 100 and bad == "0",
          f"{label}: status {target.returncode}, {good} good, {bad} bad requests: {out[:200]}")


def redis(ways):
    if not shutil.which("redis-server"):
        return
    path = os.path.join(TMP, "redis.sock")
    server = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", path, "--save", ""],
                              stdout=subprocess.DEVNULL, cwd=TMP)
    wait_until(lambda: os.path.exists(path))
    load = subprocess.Popen(["redis-benchmark", "-s", path, "-q", "-n", "100000000", "-t", "get,set", "-c", "8"],
                            stdout=subprocess.DEVNULL)
    rounds("redis", server.pid, ways)
    check(load.poll() is None and alive(server.pid), "redis and its client go on")
    load.kill()
    load.wait()
    answer = subprocess.run(["redis-cli", "-s", path, "ping"], capture_output=True, text=True).stdout
    check(answer == "PONG\n", "redis answers")
    server.terminate()
    check(server.wait(20) == 0, "redis ends as it should")


def target_ends(ways):
    for way in ways:
        target = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(0.3)"])
        time.sleep(0.1)
        done = attach(target.pid, *way, seconds="20")
        check(target.wait() == 0 and done.returncode in (0, 1), f"the target ends first {way}: {done.stderr}")


def refusals():
    busybox = shutil.which("busybox")
    if busybox:
        with subprocess.Popen([busybox, "sleep", "60"]) as target:
            wait_until(lambda: "sleep" in open(f"/proc/{target.pid}/cmdline").read())
            done = attach(target.pid, "--inject")
            check(done.returncode == 1 and "static" in done.stderr, f"a static program: {done}")
            target.kill()
    with subprocess.Popen(["sleep", "60"], preexec_fn=lambda: None) as target:
        tracer = subprocess.Popen(["strace", "-o", "/dev/null", "-p", str(target.pid)], stderr=subprocess.DEVNULL)
        wait_until(lambda: field(target.pid, "TracerPid") == tracer.pid)
        done = attach(target.pid, "--inject")
        check(done.returncode == 1 and "debugger or tracer" in done.stderr, f"a traced program: {done}")
        tracer.send_signal(signal.SIGINT)
        tracer.wait()
        target.kill()


skip_unless_allowed()
WAYS = ((), ("--inject",))
refusals()
target_ends(WAYS)
service("threads", THREADS, WAYS)
service("asyncio", ASYNC, WAYS)
redis(WAYS)
finish()
