# SPDX-License-Identifier: Apache-2.0
"""docs/compatibility.md: real clients, unmodified, and what a trace says of what they did.

The quick size runs the common ones; SIZE=full runs all and writes the table. Rows are chosen by words
of their titles on the command line.
"""
import contextlib
import importlib.metadata
import json
import os
import re
import subprocess
import sys

from compat import Table
from compat_rows import ALL, PYTHON, QUICK
import compat_servers
from far_ends import TESTS
from runs import BUILD, FULL, failures_so_far, finish

HEAD = """# Compatibility

What `ragtime run` sees of real clients, unmodified. `SIZE=full` of `tests/live/test_compat.py` runs each of
them and writes this table (`make docs-tables`): a row is here because all of it held. Requests are those
that the client made, tokens are those that the client itself was told, nothing was lost, and the key it
used is nowhere. Servers are real (PostgreSQL with pgvector, Redis, MariaDB, Memcached, Chroma, Milvus) or,
for paid APIs and for what cannot run here (MongoDB, Elasticsearch, Qdrant), stand-ins in their true wire
format (`tests/far_ends`).
"""


def version_of(row):
    if row.argv[0] == "sh":
        told = subprocess.run([row.client, "--version"], capture_output=True, text=True).stdout
        return re.search(r"\d+\.[\d.]+", told).group()
    if row.argv[0] == "node":
        with open(os.path.join(os.environ["NODE_MODULES"], row.client, "package.json")) as file:
            return json.load(file)["version"]
    return importlib.metadata.version(row.client)


def chosen(rows):
    """Those that the command line names; all of them if it names none."""
    return [row for row in rows if len(sys.argv) < 2 or any(word in (row.title or row.client) for word in sys.argv[1:])]


def node_modules():
    folder = subprocess.run(["sh", TESTS / "node/env.sh", BUILD], check=True, stdout=subprocess.PIPE, text=True)
    return folder.stdout.strip() + "/node_modules"


def main():
    if os.path.realpath(sys.prefix) != os.path.dirname(os.path.dirname(PYTHON)):
        os.execv(PYTHON, [PYTHON, *sys.argv])  # the servers are packages too
    sys.path.append(str(TESTS / "demo"))
    servers = importlib.import_module("servers").Servers(None)
    names = ["openai", "anthropic"] + (["gemini", "cohere", "ollama", "bedrock"] if FULL else [])
    table = Table(version_of)
    with contextlib.ExitStack() as stack:
        environment = {**compat_servers.trust(), **compat_servers.models(stack, names),
                       **compat_servers.databases(stack, servers)}
        if FULL:
            os.environ["NODE_MODULES"] = node_modules()
            environment.update(compat_servers.stores(stack, servers.folder))
        for row in chosen(ALL if FULL else QUICK):
            table.add(row, environment)
    if FULL and len(sys.argv) < 2 and not failures_so_far():
        table.write(os.path.join(BUILD, "tables/compatibility.md"), HEAD.splitlines())
    finish()


main()
