# SPDX-License-Identifier: Apache-2.0
"""Rows of docs/compatibility.md: a real client, what it did, and what the trace must say of it.

A row holds when the requests in the trace are those that it names, no more and no fewer, when every
count of tokens is the one that the client itself was told, when a stream has its first token, and
when nothing was lost. The table is made of rows that held.
"""
import collections
import dataclasses
import json
import os
import re
import subprocess

from far_ends import KEY, requests_of
from runs import RAGTIME, check, command, trace

CLASSES = {"llm_generation": "LLM generation", "embedding_generation": "embedding", "vector_search": "vector search",
           "cache_lookup": "cache lookup", "database_query": "database query", "tool_call": "tool call",
           "reranking": "reranking"}
ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclasses.dataclass
class Row:
    client: str  # a package of the lock file, or what the row is called
    argv: list
    spans: dict  # name: (class, how many), or a class alone
    over: str = ""  # what carries it, as it is known to the reader
    also: str = ""  # pattern of the names of further requests that are seen, without a meaning of their own
    unseen: str = ""  # what is not seen, and why
    title: str = ""
    address: str | None = "localhost"  # the name of the other end; None: any
    socket: bool = True  # the connection is known by its socket
    sealed: bool = False  # TLS that is told to be unread
    streams: int = 0  # of the LLM calls, how many must have a first token
    env: dict = dataclasses.field(default_factory=dict)


class Table:
    def __init__(self, version_of):
        self.lines = []
        self.version_of = version_of

    def add(self, row, environment):
        """Runs the row's program under trace, and holds the trace against it."""
        name = row.title or row.client
        path = trace(re.sub(r"\W+", "-", name) + ".rtrace")
        done = subprocess.run(command(path, *row.argv), capture_output=True, text=True, timeout=300,
                              env={**os.environ, **environment, **row.env})
        if not check(done.returncode == 0, f"{name}: status {done.returncode}\n{done.stdout[-500:]}\n{done.stderr[-3000:]}"):
            return
        spans = [span for span in requests_of(path) if span["attrs"].get("ragtime.side") == "client"]
        spans = [span for span in spans if span["attrs"].get("network.protocol.name") != "dns"]
        for span in spans:
            span["name"] = ID.sub("<id>", span["name"])
        also = [span for span in spans if row.also and re.fullmatch(row.also, span["name"])]
        spans = [span for span in spans if span not in also]
        good = check_names(name, row, spans)
        good &= check_tokens(name, done.stdout, spans)
        good &= check_facts(name, row, spans)
        good &= check_rest(name, row, path)
        print("ok" if good else "WRONG", name, flush=True)
        if good:
            self.lines.append((name, self.version_of(row), carriers(row, spans), seen_of(spans, also), row.unseen))

    def write(self, path, head):
        lines = [*head, "", "| client | version | over | seen | not seen, and why |", "| --- | --- | --- | --- | --- |"]
        lines += ["| " + " | ".join(cell or "-" for cell in line) + " |" for line in self.lines]
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write("\n".join(lines) + "\n")


def check_names(name, row, spans):
    told = collections.Counter((span["name"], span["class"]) for span in spans)
    wanted = collections.Counter()
    for span, (kind, count) in row.spans.items():
        wanted[span, kind] = count
    return check(told == wanted, f"{name}: the trace says {dict(told)}, not {dict(wanted)}")


def check_tokens(name, stdout, spans):
    """The counts are those that the client was told. A client may be told of fewer calls than it made."""
    client = collections.Counter(tuple(json.loads(line)) for line in stdout.splitlines() if line.startswith("["))
    seen = collections.Counter()
    for span in spans:
        attrs = span["attrs"]
        if "gen_ai.usage.input_tokens" in attrs:
            seen[attrs["gen_ai.usage.input_tokens"], attrs.get("gen_ai.usage.output_tokens")] += 1
    return check(not client - seen, f"{name}: the client was told of {dict(client)} tokens, the trace of {dict(seen)}")


def check_facts(name, row, spans):
    streams = sum("ragtime.first_token_ns" in span["attrs"] for span in spans)
    good = check(streams == row.streams, f"{name}: {streams} of {row.streams} streams have a first token")
    addresses = {span["attrs"].get("server.address") for span in spans}
    wanted = {row.address} if spans and row.address else addresses
    good &= check(addresses == wanted, f"{name}: the far end is {addresses}, not {wanted}")
    unknown = [span["name"] for span in spans if row.socket and "ragtime.connection" not in span["attrs"]]
    good &= check(not unknown, f"{name}: the socket of {unknown} is not known")
    return good & check(all(span["status"] == "ok" for span in spans), f"{name}: a request failed")


def check_rest(name, row, path):
    """Nothing lost but what the row says, no secret told."""
    done = subprocess.run([RAGTIME, "export", "--to", "json", path], capture_output=True, timeout=120, check=True)
    good = check(KEY.encode() not in done.stdout, f"{name}: the key is in what is exported")
    done = subprocess.run([RAGTIME, "info", "--json", path], capture_output=True, timeout=120, check=True)
    lost = {entry["reason"] for entry in json.loads(done.stdout)[0]["lost"]}
    lost.discard("unfinished")  # threads that wait when the program ends
    return good & check(lost == ({"sealed"} if row.sealed else set()), f"{name}: lost {lost}")


def carriers(row, spans):
    protocols = sorted({span["attrs"]["network.protocol.name"] for span in spans})
    return ", ".join(filter(None, [*protocols, row.over]))


def seen_of(spans, also):
    """What each kind of request told, for the reader of the table."""
    groups = collections.defaultdict(list)
    for span in spans:
        groups[span["class"] and CLASSES.get(span["class"], span["class"]) or "request"].append(span)
    parts = []
    for kind in sorted(groups):
        names = sorted({span["name"] for span in groups[kind]})
        facts = sorted({fact for span in groups[kind] for fact in facts_of(span)})
        shown = ", ".join(f"`{name}`" for name in names[:4]) + (" ..." if len(names) > 4 else "")
        parts.append(f"{kind}: {shown}" + (f" ({', '.join(facts)})" if facts else ""))
    if also:
        parts.append("its other requests by name")
    return "; ".join(parts) or "nothing"


def facts_of(span):
    words = {"gen_ai.usage.input_tokens": "tokens", "ragtime.first_token_ns": "first token", "ragtime.k": "k",
             "gen_ai.usage.cache_read.input_tokens": "cached tokens", "ragtime.cache": "hit or miss",
             "db.response.returned_rows": "rows", "ragtime.affected_rows": "rows written",
             "ragtime.embedding_inputs": "inputs", "gen_ai.embeddings.dimension.count": "dimensions",
             "ragtime.rerank_documents": "documents", "ragtime.key_pattern": "key pattern", "mcp.tool.name": "tool"}
    return [word for key, word in words.items() if span["attrs"].get(key) is not None]
