# SPDX-License-Identifier: Apache-2.0
"""TLS that is linked into the program: what Node's fetch and https say to the stand-in for the OpenAI
API is read as of any other client, and Node does with its functions hooked what it does without."""
import json
import os
import shutil
import subprocess
import sys

from far_ends import StandIn, TESTS, certificate, number_of, requests_of
from runs import TMP, check, command, finish, run, trace

PROGRAM = str(TESTS / "programs/t_node_tls.mjs")
NODE = shutil.which("node")
NEAR_NS = 4_000_000


def read_lines(path):
    with open(path) as file:
        return [json.loads(line) for line in file]


def check_moments(client, seen, spans):
    """Most of them: the program may lose the processor between its read and its look at the clock."""
    for moment, key in (("first_ns", "ragtime.first_token_ns"), ("last_ns", "ragtime.last_token_ns")):
        near = 0
        for entry in seen:
            span = spans[entry["request"]]
            told = span["start_ns"] + span["attrs"].get(key, 0)
            near += abs(entry[moment] - told) <= max(NEAR_NS, 0.02 * (told - entry["start_ns"]))
        check(near * 4 >= len(seen) * 3, f"{client}: {key} of {near} of {len(seen)} calls is near")


def check_client(client, far):
    path, seen_path, before = trace(client + ".rtrace"), os.path.join(TMP, client + ".seen"), set(far.log())
    done = run(path, NODE, PROGRAM, client, seen_path, text=True, timeout=120,
               env={**far.environment(), "NODE_EXTRA_CA_CERTS": certificate()})
    if not check(done.returncode == 0 and done.stderr == "", f"{client}: status {done.returncode}\n{done.stderr}"):
        return
    seen = read_lines(seen_path)
    log = {number: entry for number, entry in far.log().items() if number not in before}
    spans = {number_of(span): span for span in requests_of(path) if "gen_ai.operation.name" in span["attrs"]}
    if not check(set(spans) == set(log) == {entry["request"] for entry in seen},
                 f"{client}: {sorted(map(str, spans))} in the trace, {sorted(log)} in the log"):
        return
    for number, span in spans.items():
        attrs, usage = span["attrs"], log[number]["usage"]
        told = attrs.get("gen_ai.usage.input_tokens"), attrs.get("gen_ai.usage.output_tokens")
        check(told == (usage["prompt_tokens"], usage.get("completion_tokens")), f"{client}: {number} says {told}, not {usage}")
        check(attrs["server.address"] == "localhost" and span["status"] == "ok", f"{client}: {span}")
    check_moments(client, [entry for entry in seen if entry["label"] == "stream"], spans)
    reused = sum(span["attrs"]["ragtime.reused"] for span in spans.values())
    connections = len({log[number]["connection"] for number in log})
    check(reused == len(spans) - connections, f"{client}: {reused} of {len(spans)} on {connections} connections are reused")


def check_same():
    """Output, errors and status of what works and what fails are those of the plain program."""
    environment = {**os.environ, "SSL_CERT_FILE": certificate()}
    plain = subprocess.run([NODE, PROGRAM, "own"], capture_output=True, text=True, timeout=60, env=environment)
    path = trace("own.rtrace")
    traced = subprocess.run(command(path, NODE, PROGRAM, "own"), capture_output=True, text=True, timeout=60, env=environment)
    check(plain.returncode == 7, f"plain: {plain}")
    for part in ("returncode", "stdout", "stderr"):
        wanted, told = getattr(plain, part), getattr(traced, part)
        check(wanted == told, f"{part} is {told!r}, not {wanted!r}")
    found = {}
    for span in requests_of(path):
        name = span["attrs"]["ragtime.side"], span["attrs"].get("url.template", "")
        found[name] = found.get(name, 0) + 1
    for side in ("client", "server"):
        for address, count in (("/one", 1), ("/three", 1), ("/old", 1), ("/all/{id}", 4)):
            check(found.get((side, address)) == count, f"{side} {address}: {found}")


if not NODE:
    print("node is not installed")
    sys.exit(77)
certificate()
with StandIn() as stand_in:
    for library in ("fetch", "https"):
        check_client(library, stand_in)
check_same()
finish()
