# SPDX-License-Identifier: Apache-2.0
"""docs/compatibility.md: real clients, unmodified, and what a trace says of what they did.

The quick size runs the common ones; SIZE=full runs all and writes the table.
"""
import contextlib
import importlib
import os
import re
import socket
import subprocess
import sys

from far_ends import StandIn, TESTS, certificate, python_of
from runs import BUILD, FULL, TMP, check, finish, wait_until
import compat
from compat import Row

LOCK = "compat" if FULL else "clients"
PYTHON = python_of(LOCK)
LLM = [PYTHON, str(TESTS / "programs/t_compat_llm.py")]
CHAT = "chat gpt-4o-mini"
llm, embed = "llm_generation", "embedding_generation"

QUICK_LLM = [
    Row("openai", [*LLM, "openai_sync"], {CHAT: (llm, 4), "embeddings stand-in-384": (embed, 1)}, "TLS", streams=2),
    Row("openai", [*LLM, "openai_async"], {CHAT: (llm, 2)}, "TLS over asyncio", title="openai, async", streams=1),
    Row("anthropic", [*LLM, "anthropic_sync"], {"chat claude-sonnet-4-5": (llm, 2)}, "TLS", streams=1),
    Row("anthropic", [*LLM, "anthropic_async"], {"chat claude-sonnet-4-5": (llm, 1)}, "TLS over asyncio",
        title="anthropic, async", streams=1),
    Row("httpx", [*LLM, "httpx_sync"], {CHAT: (llm, 2)}, "TLS", streams=1),
    Row("httpx", [*LLM, "httpx_async"], {CHAT: (llm, 1)}, "TLS over asyncio", title="httpx, async"),
    Row("httpx", [*LLM, "httpx_h2"], {CHAT: (llm, 9)}, "TLS, eight streams at once", title="httpx, HTTP/2", streams=4),
    Row("httpx", [*LLM, "httpx_packed"], {CHAT: (llm, 4)}, "TLS, bodies in gzip, deflate, br, zstd",
        title="httpx, compressed"),
    Row("requests", [*LLM, "requests_sync"], {CHAT: (llm, 2)}, "TLS", streams=1),
    Row("aiohttp", [*LLM, "aiohttp_async"], {CHAT: (llm, 2)}, "TLS over asyncio", streams=1),
    Row("uvloop", [*LLM, "on_uvloop"], {CHAT: (llm, 3)}, "TLS, httpx and aiohttp on uvloop", streams=1),
]

ASKED = ('{"model": "gpt-4o-mini", "stream": true, "stream_options": {"include_usage": true},'
         ' "messages": [{"role": "user", "content": "What of the lamp?"}]}')


def curl(version, far):
    script = f"curl -sS --fail --{version} -H 'content-type: application/json' -d '{ASKED}' $FAR_{far}/v1/chat/completions"
    return Row("curl", ["sh", "-c", script], {CHAT: (llm, 1)}, "TLS", title=f"curl --{version}", streams=1)


WGET = (f"wget -q -O - --ca-certificate=$SSL_CERT_FILE --header 'content-type: application/json' --post-data '{ASKED}'"
        " $FAR_OPENAI/v1/chat/completions")
TOOLS = [
    curl("http1.1", "OPENAI"),
    curl("http2", "OPENAI_H2"),
    Row("wget", ["sh", "-c", WGET], {CHAT: (llm, 1)}, "TLS of GnuTLS", streams=1),
]
STORES = [PYTHON, str(TESTS / "programs/t_compat_stores.py")]
vector, query, cache = "vector_search", "database_query", "cache_lookup"
SETUP = "(CREATE|DROP|BEGIN|COMMIT|DEALLOCATE|SELECT pg_type|HELLO|CLIENT|SET|DEL)( .*)?"


def notes(table):
    return {f"SELECT {table}": (vector, 1), f"INSERT {table}": (query, 3)}


def store(client, argv, spans, over, title="", address="127.0.0.1", **more):
    return Row(client, [*STORES, *argv], spans, over, also=SETUP, title=title, address=address, **more)


QUICK_STORES = [
    store("psycopg", ["psycopg_sync", "disable"], notes("note_p"), "plain"),
    store("psycopg", ["psycopg_sync", "require"], notes("note_p"), "TLS of the wheel's own OpenSSL", "psycopg, TLS"),
    store("asyncpg", ["asyncpg_async", "disable"], notes("note_a"), "plain"),
    store("asyncpg", ["asyncpg_async", "require"], notes("note_a"), "TLS over asyncio", "asyncpg, TLS"),
    store("redis", ["redis_sync", "plain"], {"GET": (cache, 2), "MGET": (cache, 1)}, "plain"),
    store("redis", ["redis_sync", "tls"], {"GET": (cache, 2), "MGET": (cache, 1)}, "TLS", "redis, TLS"),
    store("redis", ["redis_async"], {"GET": (cache, 1), "GETDEL": (cache, 1)}, "TLS over asyncio", "redis, async"),
]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def server(argv, port, **options):
    """A real server, until the block ends."""
    with open(os.path.join(TMP, os.path.basename(argv[0]) + ".log"), "w") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, **options)
    try:
        if not wait_until(lambda: listens(port) or process.poll() is not None, 60) or process.poll() is not None:
            raise RuntimeError(f"{argv[0]} did not come up, see its log:\n" + open(log.name).read()[-2000:])
        yield process
    finally:
        process.terminate()
        process.wait(20)


def start_stores(stack, servers):
    """PostgreSQL and Redis, with TLS and without; their ports."""
    postgres, postgres_tls, redis, redis_tls = (free_port() for _ in range(4))
    servers.postgres("-c", "listen_addresses=127.0.0.1", "-c", f"port={postgres}")
    front = [PYTHON, str(TESTS / "far_ends/postgres_tls.py"), str(postgres_tls), str(postgres), certificate(),
             certificate() + ".key"]
    stack.enter_context(server(front, postgres_tls))
    secured = ["--tls-port", str(redis_tls), "--tls-cert-file", certificate(), "--tls-key-file", certificate() + ".key",
               "--tls-ca-cert-file", certificate(), "--tls-auth-clients", "no"]
    stack.enter_context(server(["redis-server", "--port", str(redis), "--save", "", *secured], redis, cwd=TMP))
    return {"FAR_POSTGRES": str(postgres), "FAR_POSTGRES_TLS": str(postgres_tls), "FAR_REDIS": str(redis), "FAR_REDIS_TLS": str(redis_tls)}


def http2_front(port, backend):
    path = certificate()
    return ["nghttpx", "--conf=/dev/null", f"--frontend=127.0.0.1,{port}", f"--backend=127.0.0.1,{backend};;tls",
            "--insecure", "--no-ocsp", "--workers=1", path + ".key", path]


def version_of(package):
    if package in ("curl", "wget"):
        told = subprocess.run([package, "--version"], capture_output=True, text=True).stdout
        return re.search(r"\d+\.[\d.]+", told).group()
    done = subprocess.run([PYTHON, "-c", "import importlib.metadata as m, sys; print(m.version(sys.argv[1]))", package],
                          capture_output=True, text=True)
    return done.stdout.strip()


def only(rows):
    """Those that the command line names; all of them if it names none."""
    return [row for row in rows if len(sys.argv) < 2 or any(word in (row.title or row.client) for word in sys.argv[1:])]


def main():
    if os.path.realpath(sys.prefix) != os.path.dirname(os.path.dirname(PYTHON)):
        os.execv(PYTHON, [PYTHON, *sys.argv])  # the servers are packages too
    sys.path.append(str(TESTS / "demo"))
    servers = importlib.import_module("servers").Servers(None)
    table = compat.Table(version_of)
    with contextlib.ExitStack() as stack:
        fars = {name: stack.enter_context(StandIn(name, name, PYTHON)) for name in ("openai", "anthropic")}
        front = free_port()
        stack.enter_context(server(http2_front(front, fars["openai"].port()), front))
        environment = {**compat.environment_of(fars), "FAR_OPENAI_H2": f"https://localhost:{front}"}
        stack.callback(servers.stop)
        environment.update(start_stores(stack, servers))
        for row in only(QUICK_LLM + TOOLS + QUICK_STORES):
            table.add(row, environment)
    finish()


main()
