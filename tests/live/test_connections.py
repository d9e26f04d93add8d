# SPDX-License-Identifier: Apache-2.0
"""What a trace says of connections: their phases, both sides of each request joined and no others,
ports that come back, a protocol known by its port, answers that overtake their requests."""
import json
import os
import subprocess
import sys

from far_ends import TESTS, certificate
from runs import RAGTIME, TMP, check, finish, run, trace

PROGRAM = str(TESTS / "programs/connections.py")
PAUSE_NS = 30_000_000
SIDE = "ragtime.side"


def traced(kind):
    path = trace(kind + ".rtrace")
    done = run(path, sys.executable, PROGRAM, "client", kind, TMP)
    check(done.returncode == 0 and not done.stderr, f"{kind}: status {done.returncode}\n{done.stderr.decode()}")
    exported = subprocess.run([RAGTIME, "export", "--to", "json", path], capture_output=True, check=True)
    spans = [json.loads(line) for line in exported.stdout.splitlines()]
    # a handler's function is a request too, but not one that was seen on the wire
    return path, [span for span in spans if span.get("kind") == "request" and SIDE in span["attrs"]]


def split(kind, spans, count):
    sides = {side: [span for span in spans if span["attrs"][SIDE] == side] for side in ("client", "server")}
    check(len(sides["client"]) == len(sides["server"]) == count,
          f"{kind}: {len(sides['client'])} requests made and {len(sides['server'])} answered, not {count}")
    return sides["client"], sides["server"]


def check_joined(kind, spans, count, evidence="exact"):
    """Each answered request lies in the one that has its number."""
    clients, servers = split(kind, spans, count)
    by_id = {span["id"]: span for span in clients}
    parents = [by_id.get(span["parent"]) for span in servers]
    check(all(parents), f"{kind}: {parents.count(None)} of {len(servers)} requests have no client")
    check(len({parent["id"] for parent in parents if parent}) == count, f"{kind}: two answers to one request")
    for inner, outer in zip(servers, parents):
        if not outer:
            continue
        same = all(inner["attrs"].get(key) == outer["attrs"].get(key)
                   for key in ("ragtime.traceparent", "url.template", "http.request.method"))
        inside = outer["start_ns"] <= inner["start_ns"] and inner["end_ns"] <= outer["end_ns"]
        check(same and inside and inner["pid"] != outer["pid"], f"{kind}: {inner} is not in {outer}")
        check(inner["evidence"] == evidence, f"{kind}: evidence {inner['evidence']}")
    return clients, servers


def check_phases(kind, span):
    attrs = span["attrs"]
    parts = [attrs[f"ragtime.{phase}_ns"] for phase in ("send", "wait", "receive")]
    check(sum(parts) == span["end_ns"] - span["start_ns"], f"{kind}: {parts} are not all of {span}")
    if attrs["url.template"] == "/slow":
        # what the client sees of a pause is less where it was late to look
        check(min(parts[1:]) > PAUSE_NS / 3 and sum(parts) >= 2 * PAUSE_NS, f"{kind}: two pauses, {parts}")


def check_tcp():
    path, spans = traced("tcp")
    clients, servers = check_joined("tcp", spans, 6)
    for span in spans:
        check_phases("tcp", span)
    for number, span in enumerate(sorted(clients, key=lambda span: span["attrs"]["ragtime.traceparent"])):
        attrs, first = span["attrs"], number % 3 == 0
        check(attrs["ragtime.traceparent"] == f"00-0af7651916cd43dd8448eb211c80319c-{number + 1:016x}-01", span)
        check(first == ("ragtime.connect_ns" in attrs) == ("ragtime.dns_ns" in attrs) != attrs["ragtime.reused"],
              f"tcp: request {number} of a connection: {attrs}")
        check(number % 3 != 1 or attrs["ragtime.idle_ns"] > PAUSE_NS / 3, f"tcp: the client paused: {attrs}")
    check({span["name"] for span in servers} == {"GET /slow", "GET /items/{id}", "POST /items"}, "tcp: names")
    check(all(span["attrs"]["http.response.status_code"] == 200 for span in servers), "tcp: status")
    done = subprocess.run([RAGTIME, "report", "--json", "--section", "connections,phases", path],
                          capture_output=True, check=True)
    sections = json.loads(done.stdout)["runs"][0]["sections"]
    row = max(sections["connections"], key=lambda row: row["connects"])
    check((row["connections"], row["connects"], row["requests"], row["retransmits"]) == (2, 2, 6, 0) and
          row["rtt_ns"] > 0 and row["idle_ns"] > PAUSE_NS, f"tcp: {row}")
    slow = next(row for row in sections["phases"] if row["name"] == "GET /slow")
    check(slow["new_connections"] == slow["calls"] == 2 and slow["wait_ns"] > PAUSE_NS and
          slow["tls_ns"] is None, f"tcp: {slow}")


def check_tls():
    certificate()
    _, spans = traced("tls")
    clients, _ = check_joined("tls", spans, 2)
    for span in spans:
        check_phases("tls", span)
        check(span["attrs"]["ragtime.tls_version"] == "1.2" and span["attrs"]["ragtime.tls_ns"] > 0, f"tls: {span}")
    _, streams = traced("streams")
    clients_of_streams, _ = check_joined("streams", streams, 3)
    for span in clients_of_streams:
        check(span["attrs"]["ragtime.tls_ns"] > 0 and span["attrs"]["ragtime.connect_ns"] > 0, f"streams: {span}")
    resumed = [span["attrs"]["ragtime.tls_resumed"] for span in sorted(clients, key=lambda span: span["start_ns"])]
    check(resumed == [False, True], f"tls: resumed {resumed}")
    check(all(span["attrs"]["tls.client.server_name"] == "localhost" for span in clients), "tls: server name")


def check_ollama():
    """Nothing in the exchange but the port says what it is."""
    _, spans = traced("ollama")
    for span in spans:
        check((span["class"], span["attrs"].get("gen_ai.provider.name")) == ("llm_generation", "ollama"),
              f"ollama: {span}")


def check_tree(kind):
    path = os.path.join(TMP, kind + ".rtrace")
    done = subprocess.run([RAGTIME, "tree", "--requests", "--top", "0", path], capture_output=True, text=True,
                          check=True)
    answered = [line for line in done.stdout.splitlines() if line.endswith("answered")]
    check(len(answered) == 6 and all("│  └─" in line or "   └─" in line for line in answered), done.stdout)
    check(done.stdout.count("process ") == 1, f"what was asked for stands where it was asked for:\n{done.stdout}")


check_tcp()
check_tree("tcp")
check_tls()
check_joined("unix", traced("unix")[1], 4, "strong")
check_joined("reuse", traced("reuse")[1], 3)
check_ollama()
check_joined("threads", traced("threads")[1], 400)
finish()
