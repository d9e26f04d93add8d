# SPDX-License-Identifier: Apache-2.0
"""WebSockets between real programs, both under trace: OpenAI's realtime client over TLS against what
the client itself saw, and chat with compression that no dialect knows."""
import json
import os
import subprocess

from far_ends import TESTS, certificate, python_of, requests_of
from runs import TMP, check, command, finish, trace

PYTHON = python_of("talkers")
PROGRAM = str(TESTS / "programs/t_sockets.py")
path, seen_path = trace("sockets.rtrace"), os.path.join(TMP, "sockets.seen")
done = subprocess.run(command(path, PYTHON, PROGRAM, certificate(), seen_path), capture_output=True, text=True,
                      timeout=120, env={**os.environ, "SSL_CERT_FILE": certificate()})
check(done.returncode == 0, f"status {done.returncode}\n{done.stderr}")
with open(seen_path) as file:
    seen = json.load(file)
spans = requests_of(path)


def of(side, template, name):
    return [span for span in spans if span["attrs"].get("ragtime.side") == side and
            span["attrs"].get("url.template") == template and span["name"] == name]


for side in ("client", "server"):
    upgrades = [s for s in spans if s["attrs"].get("http.response.status_code") == 101 and
                s["attrs"]["ragtime.side"] == side]
    check(len(upgrades) == 2, f"{side}: {len(upgrades)} upgrades")
    answers = of(side, "/v1/realtime", "chat gpt-realtime")
    told = [(s["attrs"].get("gen_ai.usage.input_tokens"), s["attrs"].get("gen_ai.usage.output_tokens"),
             s["attrs"].get("ragtime.frames"), s["attrs"].get("gen_ai.response.id"), s["class"], s["status"])
            for s in answers]
    check(told == [(100, 11, 3, "resp_1", "llm_generation", "ok"), (100, 42, 7, "resp_2", "llm_generation", "ok"),
                   (100, 23, 5, "resp_3", "llm_generation", "ok")], f"{side}: {told}")
    turns = of(side, "/chat/room", "WS /chat/room")
    told = [(s["attrs"]["ragtime.messages_sent"], s["attrs"]["ragtime.messages_received"]) for s in turns]
    check(told == [(1, 3)] * 3, f"{side}: turns {told}")

for entry, span in zip(seen, of("client", "/v1/realtime", "chat gpt-realtime")):
    first, last = (span["start_ns"] + span["attrs"][f"ragtime.{word}_token_ns"] for word in ("first", "last"))
    moments = [entry["start_ns"], span["start_ns"], first, last, span["end_ns"], entry["end_ns"]]
    check(moments == sorted(moments) and first <= entry["first_ns"] and last <= entry["last_ns"],
          f"{span} is not within {entry}")
# the server waits 10 ms before each
for span in of("server", "/v1/realtime", "chat gpt-realtime"):
    attrs = span["attrs"]
    paced = attrs["ragtime.last_token_ns"] - attrs["ragtime.first_token_ns"]
    check(paced >= (attrs["ragtime.frames"] - 1) * 9_900_000, f"{attrs['ragtime.frames']} tokens within {paced} ns")
with open(path, "rb") as file:
    check(b"PLANTED" not in file.read(), "what was said is in the trace")
finish()
