#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The same service four ways: started by `ragtime run`, attached to from the kernel, by the library, and by both.
Each of its HTTP, LLM, Redis and SQL exchanges must be there once, at the time that the service itself logged, and
below no request but its own. SIZE=full tries all runtimes and writes the table."""
import collections
import contextlib
import json
import os
import pathlib
import shutil
import socketserver
import statistics
import subprocess
import sys
import threading

from attached import READY, skip_unless_allowed
from runs import BUILD, FULL, RAGTIME, TMP, check, finish, wait_until

WAYS = pathlib.Path(__file__).parent / "ways"
ROUNDS, WORKERS = (50, 4) if FULL else (10, 3)
NEAR_NS = 1_000_000
KINDS = ("http", "llm", "redis", "sql")
MODES = {"launched": None, "bpf": [], "inject": ["--inject"], "both": ["--mode", "both"]}
STATIC = "a static program: the library cannot enter it"
HEAD = ["# The same service, four ways", "", "One service asks HTTP, LLM, Redis and SQL servers side by side; `SIZE=full` of",
        "`tests/live/test_attach_ways.py` runs it started by `ragtime run`, attached to from the kernel, by the library and",
        "by both, and writes this table. Off is how far a span's start and end are from the service's own log, in the",
        "median; joined wrongly are exchanges below a function of another request.", "",
        "| service | way | exchanges | seen | off: start, end | within 1 ms | joined wrongly |", "|---|---|---|---|---|---|---|"]
lines = []


COMPLETION = json.dumps({
    "id": "c", "object": "chat.completion", "model": "gpt-4o-mini",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "yes"}}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4, "prompt_tokens_details": {"cached_tokens": 0}},
}).encode()


def answer_http(body):
    text = COMPLETION if body else b"done"
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(text) + text


class Http(socketserver.StreamRequestHandler):
    def handle(self):
        while self.rfile.readline():
            size = 0
            while (head := self.rfile.readline().strip()):
                if head.lower().startswith(b"content-length:"):
                    size = int(head.split(b":")[1])
            self.wfile.write(answer_http(self.rfile.read(size)))


class Redis(socketserver.StreamRequestHandler):
    def handle(self):
        while self.rfile.readline():
            for _ in range(4):
                self.rfile.readline()
            self.wfile.write(b"$5\r\nworth\r\n")


class Sql(socketserver.StreamRequestHandler):
    def message(self, kind, body):
        return kind + (len(body) + 4).to_bytes(4, "big") + body

    def handle(self):
        ready = self.message(b"Z", b"I")
        self.rfile.read(int.from_bytes(self.rfile.read(4), "big") - 4)
        self.wfile.write(self.message(b"R", bytes(4)) + ready)
        column = b"\0\1price\0" + bytes(6) + (23).to_bytes(4, "big") + b"\0\4" + b"\xff" * 4 + bytes(2)
        while self.rfile.read(1):
            self.rfile.read(int.from_bytes(self.rfile.read(4), "big") - 4)
            self.wfile.write(self.message(b"T", column) + self.message(b"D", b"\0\1\0\0\0\1" + b"7") +
                             self.message(b"C", b"SELECT 1\0") + ready)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads, allow_reuse_address = True, True

    def __init__(self, handler):
        super().__init__(("127.0.0.1", 0), handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


def kind_of(span):
    attrs = span["attrs"]
    if attrs.get("db.system.name") == "postgresql":
        return "sql" if "SELECT" in attrs.get("db.query.text", span["name"]) else None
    if attrs.get("db.system.name") == "redis":
        return "redis"
    if span["class"] == "llm_generation":
        return "llm"
    return "http" if "exchange" in (attrs.get("url.template") or span["name"]) or attrs.get("http.request.method") else None


def run_launched(command, path):
    return subprocess.run([RAGTIME, "run", "-o", path, "--", *command], input="go\n", capture_output=True, text=True,
                          timeout=120).stdout


def sockets_of(pid):
    count = 0
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            count += "socket:" in os.readlink(f"/proc/{pid}/fd/{fd}")
    return count


def run_attached(command, path, options):
    target = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    wait_until(lambda: sockets_of(target.pid) >= len(KINDS) * WORKERS)
    tracer = subprocess.Popen([RAGTIME, "attach", "-o", path, *options, str(target.pid)], stderr=subprocess.PIPE, text=True)
    said = ""
    while READY not in said:
        line = tracer.stderr.readline()
        said += line
        if not line:
            target.kill()
            break
    check(READY in said, f"{command}: {said}")
    out, _ = target.communicate("go\n", timeout=120)
    tracer.communicate(timeout=60)
    return out


def number_above(span, spans):
    """The number of the function handle_N that it is in; None: it is in none."""
    while span:
        name = span["attrs"].get("code.function.name", "").rpartition(".")[2]
        if name.startswith("handle_"):
            return int(name[7:])
        span = spans.get(span["parent"])
    return None


def overlap(exchange, span):
    return span["start_ns"] < exchange[3] and span["end_ns"] > exchange[2]


def pairs(told, found, spans):
    """Each exchange of the service's with its span: the one in the function of its number, where spans are in
    functions, else the nearest that lies over it. And how many are in a function whose exchange is another one."""
    by_number = {(kind, number): at for at, (kind, number, _, _) in enumerate(told)}
    taken, used, wrong = {}, set(), 0
    for kind, listed in found.items():
        for span in listed:
            at = by_number.get((kind, number_above(span, spans)))
            path = span["attrs"].get("url.template") or ""
            if at is None:
                continue
            used.add(span["id"])
            if at in taken or not overlap(told[at], span) or ("exchange" in path and int(path[-4:]) != told[at][1]):
                wrong += 1
            else:
                taken[at] = span
    near = sorted(((abs(span["start_ns"] - begin), at, span["id"], span)
                   for at, (kind, _, begin, _) in enumerate(told) if at not in taken
                   for span in found[kind] if overlap(told[at], span)), key=lambda pair: pair[:3])
    for _, at, number, span in near:
        if at not in taken and number not in used:
            taken[at] = span
            used.add(number)
    return [(told[at], span) for at, span in taken.items()], wrong


def judge(service, way, out, path):
    told = [line.split() for line in out.splitlines()]
    told = [(kind, int(number), int(begin), int(end)) for kind, number, begin, end in told]
    exported = subprocess.run([RAGTIME, "export", "--to", "json", path], capture_output=True, check=True, timeout=120)
    spans = {line["id"]: line for line in map(json.loads, exported.stdout.splitlines()) if line["type"] == "span"}
    found = collections.defaultdict(list)
    for span in spans.values():
        if span["kind"] == "request" and span["attrs"].get("ragtime.side") == "client" and span["end_ns"]:
            found[kind_of(span)].append(span)
    starts, ends, near = [], [], 0
    seen, wrong = pairs(told, found, spans)
    for (_, _, begin, end), span in seen:
        starts.append(abs(span["start_ns"] - begin))
        ends.append(abs(span["end_ns"] - end))
        near += starts[-1] < NEAR_NS and ends[-1] < NEAR_NS
    made = collections.Counter(kind for kind, _, _, _ in told)
    label = f"{service}, {way}"
    check(len(told) == len(KINDS) * ROUNDS * WORKERS, f"{label}: the service made {len(told)} exchanges")
    for kind, count in made.items():
        check(len(found[kind]) == count, f"{label}: {len(found[kind])} exchanges of {kind} seen, {count} made")
    seen = sum(min(len(found[kind]), count) for kind, count in made.items())
    check(not wrong, f"{label}: {wrong} joined to another request")
    # most: the service may be kept off the processor between its call and its clock
    check(near * 10 >= len(told) * 8, f"{label}: {near} of {len(told)} within 1 ms")
    off = f"{statistics.median(starts) / 1e3:.0f}, {statistics.median(ends) / 1e3:.0f} us" if starts else "-"
    lines.append(f"| {service} | {way} | {len(told)} | {seen} | {off} | {near} | {wrong} |")
    print(lines[-1], flush=True)


def services(ports):
    tail = [",".join(map(str, ports)), str(ROUNDS), str(WORKERS)]
    yield "Python, threads", [sys.executable, str(WAYS / "threads.py"), *tail], MODES
    yield "Python, asyncio", [sys.executable, str(WAYS / "loop.py"), *tail], MODES
    if not FULL:
        return
    if shutil.which("node"):
        yield "Node", ["node", str(WAYS / "node.cjs"), *tail], MODES
    if shutil.which("go"):
        program = os.path.join(TMP, "asks")
        subprocess.run(["go", "build", "-o", program, str(WAYS / "asks.go")], check=True,
                       env={**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=mod", "GO111MODULE": "off"})
        yield "Go", [program, *tail], {"bpf": []}


def main():
    skip_unless_allowed()
    ports = [Server(handler).server_address[1] for handler in (Http, Http, Redis, Sql)]
    for service, command, modes in services(ports):
        for way in MODES:
            path = os.path.join(TMP, f"{service}-{way}.rtrace".replace(", ", "-"))
            if way not in modes:
                lines.append(f"| {service} | {way} | - | - | - | - | {STATIC} |")
            elif way == "launched":
                judge(service, way, run_launched(command, path), path)
            else:
                judge(service, way, run_attached(command, path, modes[way]), path)
    if FULL:
        os.makedirs(os.path.join(BUILD, "tables"), exist_ok=True)
        pathlib.Path(BUILD, "tables/attach-ways.md").write_text("\n".join(HEAD + lines) + "\n")


main()
finish()
