# SPDX-License-Identifier: Apache-2.0
"""docs/python-servers.md: one tree for each inbound request, on the common Python servers.

Requests come several at once. Each of the application's functions, also those that run while the
response is streamed, stands below one entry point of the server's, which is of its own request. The
quick size runs some servers; SIZE=full runs all and writes the table. Words on the command line choose.
"""
import collections
import concurrent.futures
import contextlib
import http.client
import os
import signal
import subprocess
import sys
import time

from compat_servers import free_port, listens
from far_ends import TESTS, python_of
from functions import chain_of, name_of, spans_of, write_table
from runs import FULL, check, command, failures_so_far, finish, trace, wait_until

NUMBERS = range(3)
# kind: (packages, the server's entry)
SERVERS = {
    "uvicorn": ("uvicorn starlette", "run_asgi"),
    "gunicorn-gthread": ("gunicorn flask", "ThreadWorker.handle_request"),
    "aiohttp": ("aiohttp", "RequestHandler._handle_request"),
    "flask": ("flask werkzeug", "WSGIRequestHandler.run_wsgi"),
    "uvicorn-django": ("uvicorn django", "run_asgi"),
    "tornado": ("tornado", "RequestHandler._execute"),
    "uvicorn-fastapi": ("uvicorn fastapi", "run_asgi"),
    "hypercorn": ("hypercorn starlette", "task_group._handle"),
    "gunicorn-sync": ("gunicorn flask", "SyncWorker.handle_request"),
    "gunicorn-django": ("gunicorn django", "ThreadWorker.handle_request"),
    "celery": ("celery", "trace.trace_task"),
}
QUICK = ["uvicorn-fastapi", "gunicorn-gthread", "aiohttp", "flask", "uvicorn-django"]


def ask(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    check(answer.status == 200 and body, f"{path}: {answer.status} {body[:200]}")


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


def serve(kind, port, path):
    """Runs the server under trace, asks it, ends it."""
    program = [python_of("webs"), str(TESTS / "programs/t_servers.py"), kind, str(port)]
    process = subprocess.Popen(command(path, *program), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        if kind != "celery":
            wait_until(lambda: listens(port) or process.poll() is not None, 120)
            with concurrent.futures.ThreadPoolExecutor(6) as clients:
                list(clients.map(lambda path: ask(port, path), [f"/{what}/{n}" for n in NUMBERS for what in ("job", "stream")]))
    finally:
        if kind != "celery":
            for pid in children_of(process.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
        said = process.communicate(timeout=120)[1]
    return check(process.returncode in (0, 143), f"{kind}: status {process.returncode}\n{said[-2000:]}")


def top_of(span, spans, entry):
    """The entry's span that this one is below."""
    while span and not name_of(span).endswith(entry):
        span = spans.get(span["parent"])
    return span and span["id"]


def check_trees(kind, spans, entry):
    """Below each entry stand the calls of one request, all of them."""
    below = collections.defaultdict(collections.Counter)
    good = True
    for span in spans.values():
        if name_of(span) in ("__main__.work", "__main__.piece"):
            top = top_of(span, spans, entry)
            good &= check(top is not None, f"{kind}: an orphan: {' < '.join(chain_of(span, spans))}")
            below[top][name_of(span)[9:]] += 1
    trees = collections.Counter(tuple(sorted(calls.items())) for calls in below.values())
    wanted = {(("work", 2),): 4} if kind == "celery" else {(("piece", 3),): 3, (("work", 2),): 3}
    entries = [span for span in spans.values() if name_of(span).endswith(entry)]
    good &= check(trees == wanted, f"{kind}: trees of {dict(trees)}, not {wanted}")
    good &= check(len(entries) == sum(wanted.values()), f"{kind}: {len(entries)} entries of {entry}")
    return good & check(all(span["kind"] == "request" for span in entries), f"{kind}: an entry is no request")


def versions(kind):
    script = "import sys, importlib.metadata as m; print(', '.join(f'{n} {m.version(n)}' for n in sys.argv[1:]))"
    return subprocess.run([python_of("webs"), "-c", script, *SERVERS[kind][0].split()], check=True, text=True,
                          stdout=subprocess.PIPE).stdout.strip()


def main():
    lines = []
    for kind in sys.argv[1:] or (SERVERS if FULL else QUICK):
        begin, path, entry = time.monotonic(), trace(f"{kind}.rtrace"), SERVERS[kind][1]
        good = serve(kind, free_port(), path)
        spans = spans_of(path)
        good &= check_trees(kind, spans, entry)
        print("ok" if good else "WRONG", kind, f"{time.monotonic() - begin:.1f} s", flush=True)
        name = next((name_of(span) for span in spans.values() if name_of(span).endswith(entry)), "")
        count = sum(name_of(span) == name for span in spans.values())
        lines.append((kind, versions(kind), f"`{name}`", str(count)))
    if FULL and len(sys.argv) < 2 and not failures_so_far():
        write_table("servers", ("server", "versions", "a request is", "requests, each one tree"), lines)
    finish()


main()
