# SPDX-License-Identifier: Apache-2.0
"""What a trace says of calls of a language model, against the far end's own log and the clients'
own clocks: real client libraries, unmodified, over TLS."""
import contextlib
import json
import os
import statistics
import subprocess

import compat_servers
from far_ends import KEY, StandIn, TESTS, number_of, python_of, requests_of
from runs import RAGTIME, TMP, check, command, finish, trace

PYTHON = python_of("clients")
PROGRAM = str(TESTS / "programs/t_clients.py")
NEAR_NS = 1_000_000  # of the best quarter; the others may be kept off the processor for a while
LATE_NS = 2 * NEAR_NS
BARE = ("httpx", "requests")  # no models of answers, no retries between the program and its socket
CROWDED = ("async", "http2")  # one thread has many streams: a token waits there for its turn


def read_lines(path):
    with open(path) as file:
        return [json.loads(line) for line in file]


def near(seen_ns, told_ns, since_ns):
    return abs(told_ns - seen_ns) <= max(LATE_NS, 0.02 * (seen_ns - since_ns))


def check_usage(label, span, usage):
    attrs = span["attrs"]
    told = attrs.get("gen_ai.usage.input_tokens"), attrs.get("gen_ai.usage.output_tokens")
    wanted = usage["prompt_tokens"], usage.get("completion_tokens")
    check(told == wanted, f"{label}: {told} tokens, not {wanted}")


def check_moments(client, pairs):
    """The client looks at its clock after its read: never before it, and mostly right after it."""
    for moment, key in (("first_ns", "ragtime.first_token_ns"), ("last_ns", "ragtime.last_token_ns")):
        off, good = [], 0
        for entry, span in pairs:
            if not check(key in span["attrs"], f"{client}: {entry['label']} has no {key}"):
                continue
            told = span["start_ns"] + span["attrs"][key]
            off.append(entry[moment] - told)
            good += near(entry[moment], told, entry["start_ns"])
        if not check(off, f"{client}: no call has {key}"):
            return
        quarter = sorted(off)[len(off) // 4]
        check(abs(quarter) < NEAR_NS and min(off) > -NEAR_NS, f"{client}: {key} is off by {sorted(off)} ns")
        if client not in CROWDED:
            check(good * 4 >= len(pairs) * 3, f"{client}: {key} of {good} of {len(pairs)} calls is near, {off}")


def check_totals(client, pairs):
    """The end of the whole answer, where the client does little before it looks at its clock; the begin
    is the client's write, which comes after its own clock."""
    ends = sorted(entry["end_ns"] - span["end_ns"] for entry, span in pairs)
    check(ends[0] > 0 and ends[len(ends) // 4] < NEAR_NS, f"{client}: ends are off by {ends} ns")
    begins = [span["start_ns"] - entry["start_ns"] for entry, span in pairs]
    check(min(begins) > 0, f"{client}: requests begin before their calls: {begins} ns")


def check_gaps(client, pairs):
    """Half of the gaps that the client saw are longer than the median; frames that shared a read count
    apart. Most calls, as above."""
    off = []
    for entry, span in pairs:
        attrs = span["attrs"]
        frames = attrs["ragtime.frames"]
        check(frames == len(entry["gaps_ns"]) + 1, f"{client}: {frames} frames of {len(entry['gaps_ns']) + 1}")
        if attrs.get("ragtime.coalesced_frames", 0) == 0:
            off.append(abs(attrs["ragtime.gap_p50_ns"] - statistics.median(entry["gaps_ns"])))
    check(not off or sorted(off)[len(off) // 4] < NEAR_NS, f"{client}: median gaps are off by {sorted(off)} ns")


def check_client(client, far, environment, by_connection=True):
    path, seen_path = trace(client + ".rtrace"), os.path.join(TMP, client + ".seen")
    before = set(far.log())
    done = subprocess.run(command(path, PYTHON, PROGRAM, client, seen_path), capture_output=True, text=True,
                          timeout=240, env=environment)
    if not check(done.returncode == 0 and done.stderr == "", f"{client}: status {done.returncode}\n{done.stderr}"):
        return
    seen = read_lines(seen_path)
    log = {number: entry for number, entry in far.log().items() if number not in before}
    spans = {}
    for span in requests_of(path):
        if span["attrs"].get("ragtime.side") == "client" and "gen_ai.operation.name" in span["attrs"]:
            check(number_of(span) not in spans, f"{client}: request {number_of(span)} is there twice")
            spans[number_of(span)] = span
    check(set(spans) == set(log) == {entry["request"] for entry in seen},
          f"{client}: {len(spans)} requests in the trace, {len(log)} in the log, {len(seen)} made")
    pairs = [(entry, spans[entry["request"]]) for entry in seen if entry["request"] in spans]
    for entry, span in pairs:
        label = f"{client}: {entry['label']}"
        check_usage(label, span, log[entry["request"]]["usage"])
        check(span["class"] == ("embedding_generation" if entry["label"] == "embeddings" else "llm_generation"),
              f"{label} is {span['class']}")
        check(span["status"] == "ok" and span["attrs"]["server.address"] == "localhost", f"{label}: {span}")
    streams = [pair for pair in pairs if pair[0]["label"] == "stream"]
    check_moments(client, streams)
    check_gaps(client, streams)
    if client in BARE:
        check_totals(client, [pair for pair in pairs if pair[0]["label"] == "whole"])
    if by_connection:
        check_reuse(client, spans, log)
    check_report(client, path, seen, spans)


def check_reuse(client, spans, log):
    """All but the first request of each connection, by the far end's count of connections."""
    known = set()
    for number in sorted(spans):
        connection = log[number]["connection"]
        check(spans[number]["attrs"]["ragtime.reused"] == (connection in known),
              f"{client}: request {number} is flagged {spans[number]['attrs']['ragtime.reused']}")
        known.add(connection)


def check_report(client, path, seen, spans):
    done = subprocess.run([RAGTIME, "report", "--json", path], capture_output=True, timeout=120, check=True)
    sections = json.loads(done.stdout)["runs"][0]["sections"]
    rows = {row["operation"]: row for row in sections["llm"]}
    chats = [entry for entry in seen if entry["label"] != "embeddings"]
    check(rows["chat"]["calls"] == len(chats), f"{client}: report counts {rows['chat']}")
    for key, source in (("input_tokens", "prompt_tokens"), ("output_tokens", "completion_tokens")):
        total = sum(entry["usage"][source] for entry in chats)
        check(rows["chat"][key] == total, f"{client}: report says {rows['chat'][key]} {key}, not {total}")
    check(rows["chat"]["calls_without_usage"] == 0, f"{client}: {rows['chat']}")
    check_exact(client, sections["exchanges"], spans)


def rank(values, percent):
    """The smallest of them that the percentage of all does not exceed."""
    return sorted(values)[max((len(values) * percent + 99) // 100, 1) - 1]


def check_exact(client, rows, spans):
    """Counts and percentiles are those of the spans, not of a histogram."""
    for row in rows:
        if row["class"] not in ("llm_generation", "embedding_generation"):
            continue
        mine = [span for span in spans.values() if span["name"] == row["name"]]
        times = [span["end_ns"] - span["start_ns"] for span in mine]
        wanted = {"calls": len(mine), "failed": 0, "side": "client", "total_ns": sum(times), "max_ns": max(times),
                  "p50_ns": rank(times, 50), "p95_ns": rank(times, 95),
                  "bytes_in": sum(span["attrs"]["ragtime.bytes_in"] for span in mine)}
        told = {key: row[key] for key in wanted}
        check(told == wanted, f"{client}: {row['name']}: {told}, not {wanted}")


def check_both_sides():
    """Client and server under one trace: each request twice, the server's within the client's."""
    far, path = StandIn("both"), trace("both.rtrace")
    script = (f"{' '.join(far.command())} >/dev/null & server=$!\n"
              f"while [ ! -s {far.ready} ]; do sleep 0.05; done\n"
              f"OPENAI_BASE_URL=https://localhost:$(cat {far.ready})/v1 {PYTHON} {PROGRAM} openai {TMP}/both.seen\n"
              "status=$?; kill $server; wait $server; exit $status\n")
    done = subprocess.run(command(path, "sh", "-c", script), capture_output=True, text=True, timeout=120,
                          env=far.environment(port="0"))
    check(done.returncode == 0, f"both sides: status {done.returncode}\n{done.stderr}")
    sides = {"client": {}, "server": {}}
    for span in requests_of(path):
        if "gen_ai.operation.name" in span["attrs"]:
            sides[span["attrs"]["ragtime.side"]][number_of(span)] = span
    log = far.log()
    check(set(sides["client"]) == set(sides["server"]) == set(log) and log,
          f"both sides: {sorted(map(str, sides['client']))} {sorted(map(str, sides['server']))} {sorted(log)}")
    both = set(sides["client"]) & set(sides["server"])
    held = 0
    for number in both:
        inner, outer = sides["server"][number], sides["client"][number]
        check(inner["pid"] != outer["pid"], "both sides: one process")
        check_usage("server", inner, log[number]["usage"])
        check_usage("client", outer, log[number]["usage"])
        held += outer["start_ns"] <= inner["start_ns"] + NEAR_NS and inner["end_ns"] <= outer["end_ns"] + NEAR_NS
    # a thread may lose the processor between the end of its call and the look at the clock
    check(held * 4 >= len(both) * 3, f"both sides: {held} of {len(both)} requests hold what served them")


def check_sizes(far):
    """The streams that were to be long were."""
    longest = max(entry["bytes_out"] for entry in far.log().values())
    check(longest > 5 << 20, f"the longest stream has {longest} bytes")


def main():
    with contextlib.ExitStack() as stack:
        far, anthropic = (stack.enter_context(StandIn(name, name)) for name in ("openai", "anthropic"))
        front = compat_servers.free_port()
        stack.enter_context(compat_servers.server(compat_servers.http2_front(front, far.port()), front))
        environment = {**far.environment(), "FAR_ANTHROPIC": f"https://localhost:{anthropic.port()}",
                       "ANTHROPIC_API_KEY": KEY, "FAR_OPENAI_H2": f"https://localhost:{front}"}
        for library in ("httpx", "requests", "openai", "async", "responses"):
            check_client(library, far, environment)
        check_client("http2", far, environment, by_connection=False)
        check_client("anthropic", anthropic, environment)
        check_sizes(far)
    check_both_sides()
    finish()


main()
