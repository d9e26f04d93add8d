# SPDX-License-Identifier: Apache-2.0
"""A stream that tells no usage: tokens out are estimated, marked so everywhere, and never summed with
those that were told. Names of attributes by switch."""
import json
import os
import sqlite3
import subprocess

from far_ends import StandIn, requests_of
from runs import RAGTIME, check, command, finish, trace

CLIENT = """
import json, os, urllib.request
for options in (None, {"include_usage": True}):
    body = {"model": "gpt-4o-mini", "stream": True, "max_tokens": 12, "stream_options": options,
            "messages": [{"role": "user", "content": "PLANTED"}]}
    body = {key: value for key, value in body.items() if value}
    request = urllib.request.Request(os.environ["OPENAI_BASE_URL"] + "/chat/completions", json.dumps(body).encode(),
                                     {"content-type": "application/json", "authorization": "Bearer " +
                                      os.environ["OPENAI_API_KEY"]})
    with urllib.request.urlopen(request) as answer:
        answer.read()
"""


def ragtime(*args, **environment):
    done = subprocess.run([RAGTIME, *args], capture_output=True, text=True, timeout=60,
                          env={**os.environ, **environment})
    check(done.returncode == 0, f"{args}: {done.stderr}")
    return done.stdout


def keys_of(*options, **environment):
    lines = map(json.loads, ragtime("export", "--to", "json", *options, path, **environment).splitlines())
    return {key for line in lines if line["type"] == "span" for key in line["attrs"]}


path = trace("estimates.rtrace")
with StandIn() as far:
    done = subprocess.run(command(path, "python3", "-c", CLIENT), capture_output=True, text=True, timeout=60,
                          env=far.environment())
    check(done.returncode == 0, f"status {done.returncode}\n{done.stderr}")
spans = [span for span in requests_of(path) if "gen_ai.operation.name" in span["attrs"]]
if check(len(spans) == 2, f"{len(spans)} calls of a model"):
    guessed, told = (span["attrs"] for span in spans)
    tokens = told["gen_ai.usage.output_tokens"]
    check("gen_ai.usage.input_tokens" not in guessed and "ragtime.cost_usd" not in guessed, str(guessed))
    check(guessed["ragtime.tokens_estimated"] is True and "ragtime.tokens_estimated" not in told, str(told))
    estimate = guessed["gen_ai.usage.output_tokens"]
    check(estimate == guessed["ragtime.frames"] > 0, str(guessed))
    report = json.loads(ragtime("report", "--json", path))["runs"][0]["sections"]["llm"]
    row = report[0]
    check((row["calls"], row["output_tokens"], row["calls_estimated"], row["estimated_output_tokens"]) ==
          (2, tokens, 1, estimate), f"the report says {row}")
    check(f"~{estimate} tokens out" in ragtime("tree", path), "the tree does not mark the estimate")
    check(f"estimated: ~{estimate}," in ragtime("report", path), "the report does not mark the estimate")
    metrics = [line for line in ragtime("export", "--to", "openmetrics", path).splitlines() if 'type="output"' in line]
    check(len(metrics) == 1 and metrics[0].endswith(f" {tokens}"), f"metrics count {metrics}")

chunk = "gen_ai.response.time_to_first_chunk"
check(chunk not in keys_of(), "our own names have changed")
check(chunk in keys_of("--semconv", "1.41") and chunk in keys_of("--semconv", "latest"), "no time to first chunk")
check(chunk in keys_of(OTEL_SEMCONV_STABILITY_OPT_IN="http,gen_ai_latest_experimental"), "the variable is not read")
check(chunk not in keys_of(OTEL_SEMCONV_STABILITY_OPT_IN="gen_ai_latest"), "another variable's value is taken")
database = path + ".db"
ragtime("decode", "-o", database, path)
written = "gen_ai.usage.cache_creation.input_tokens"
with sqlite3.connect(database) as db:
    db.execute("INSERT INTO attribute (span, key, value) VALUES (?, ?, 7)", (spans[0]["id"], written))
db.close()
path = database
check(written in keys_of("--semconv", "1.41") and written not in keys_of("--semconv", "latest"), "cache_creation")
check("gen_ai.usage.cache_write.input_tokens" in keys_of("--semconv", "latest"), "no cache_write")
check('"gen_ai.usage.cache_write.input_tokens"' in ragtime("export", "--to", "otlp", "--semconv=latest", path), "otlp")
wrong = subprocess.run([RAGTIME, "export", "--to", "json", "--semconv", "2.0", path], capture_output=True, text=True)
check(wrong.returncode == 2 and "1.41 or latest" in wrong.stderr, f"a wrong set: {wrong}")
finish()
