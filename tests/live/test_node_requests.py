# SPDX-License-Identifier: Apache-2.0
"""What a Node service asks of others stands below the request that caused it: while it answers, after
it has, after the connection is gone, where requests come in one piece, in worker threads and in
cluster's processes. No request is told twice."""
import collections
import json
import os
import shutil
import subprocess
import sys

from runs import RAGTIME, check, finish, run, trace

PROGRAMS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../programs")
PROGRAM = f"{PROGRAMS}/t_node_requests.mjs"
NODE = shutil.which("node")
REQUESTS = 20


def spans_of(path):
    lines = subprocess.run([RAGTIME, "export", "--to", "json", path], check=True, stdout=subprocess.PIPE, text=True).stdout
    return {each["id"]: each for each in map(json.loads, lines.splitlines()) if each["type"] == "span"}


def kind_of(span):
    return span["attrs"]["url.template"].removeprefix("/far").split("/")[1]


def judge(spans, wanted):
    served, above = collections.Counter(), collections.defaultdict(collections.Counter)
    for span in spans.values():
        attrs = span["attrs"]
        if span["kind"] != "request":
            continue
        if attrs["ragtime.side"] == "server":
            served[attrs["url.template"].removesuffix("/{id}")] += 1
        elif attrs["url.template"].startswith("/far/"):
            parent = spans.get(span["parent"], {"kind": "nothing", "name": ""})
            above[kind_of(span)][parent["kind"], parent["name"].split("{")[0]] += 1
    for kind, count in wanted.items():
        check(served[f"/{kind}"] == served[f"/far/{kind}"] == count, f"{kind}: {served}")
        right = above[kind]["request", f"GET /{kind}/"]
        if kind == "closed":  # the shim may still know the connection, or it has forgotten it
            right += above[kind]["call", f"GET /{kind}/"]
        check(right == count, f"{kind}: {above[kind]}")


def check_all():
    path = trace()
    done = run(path, NODE, PROGRAM, text=True, timeout=120)
    if check(done.returncode == 0 and done.stderr == "", f"status {done.returncode}: {done.stderr}"):
        judge(spans_of(path), {"during": 2 * REQUESTS, "after": REQUESTS, "closed": REQUESTS, "pipelined": REQUESTS})


def check_quick():
    """After thousands of requests that asked nobody, those that ask are followed again."""
    path = trace()
    done = run(path, NODE, PROGRAM, "quick", text=True, timeout=120)
    if not check(done.returncode == 0 and done.stderr == "", f"quick: status {done.returncode}: {done.stderr}"):
        return
    below = collections.Counter()
    spans = spans_of(path)
    for span in spans.values():
        if span["kind"] == "request" and span["attrs"].get("url.template", "").startswith("/far/during") and span["attrs"]["ragtime.side"] == "client":
            parent = spans.get(span["parent"])
            below[parent["attrs"].get("url.template") if parent and parent["kind"] == "request" else None] += 1
    check(below["/during/{id}"] >= 2 * REQUESTS - 4 and set(below) <= {"/during/{id}", None}, f"quick: {below}")


def check_processes():
    """Connections that the primary of a cluster hands on are its workers' own."""
    path = trace()
    done = run(path, NODE, f"{PROGRAMS}/t_node_processes.cjs", text=True, timeout=120)
    if not check(done.returncode == 0 and done.stderr == "", f"processes: status {done.returncode}: {done.stderr}"):
        return
    spans = spans_of(path)
    served, right = collections.Counter(), collections.Counter()
    for span in spans.values():
        attrs = span["attrs"]
        if span["kind"] != "request":
            continue
        if attrs["ragtime.side"] == "server":
            served[attrs["url.template"], attrs.get("http.response.status_code")] += 1
        elif attrs["url.template"].startswith("/far/"):
            above = spans.get(span["parent"], {"kind": "nothing"})
            right[above["kind"] == "request" and above["attrs"]["url.template"] == attrs["url.template"][4:]
                  and above["pid"] == span["pid"] and above["tid"] == span["tid"]] += 1
    check(served == {("/thread/{id}", 200): 40, ("/process/{id}", 200): 40,
                     ("/far/thread/{id}", 200): 80, ("/far/process/{id}", 200): 80}, f"processes: {served}")
    check(right == {True: 160}, f"processes: {right}")


if not NODE:
    print("node is not installed")
    sys.exit(77)
check_all()
check_quick()
check_processes()
finish()
