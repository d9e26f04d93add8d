# SPDX-License-Identifier: Apache-2.0
"""The rows of docs/compatibility.md: what each client does, and what is to be seen of it."""
from compat import Row
from far_ends import TESTS, python_of
from runs import FULL

LOCK = "compat" if FULL else "clients"
PYTHON = python_of(LOCK)
LLM = [PYTHON, str(TESTS / "programs/t_compat_llm.py")]
STORES = [PYTHON, str(TESTS / "programs/t_compat_stores.py")]
NODE = ["node", str(TESTS / "programs/t_compat_node.mjs")]

CHAT, CLAUDE = "chat gpt-4o-mini", "chat claude-sonnet-4-5"
EMBED = "embeddings stand-in-384"
llm, embed, rerank, tool = "llm_generation", "embedding_generation", "reranking", "tool_call"
call = "api_call"
vector, query, cache = "vector_search", "database_query", "cache_lookup"

ASYNC = "TLS over asyncio"
BORING = "requests: grpcio has a BoringSSL of its own inside, without names; `info` counts the connection"
MCP = "(tools/list|initialize|notifications/.*|server/.*|(GET|POST|DELETE) /mcp)"


def model(client, name, spans, over="TLS", title="", **more):
    return Row(client, [*LLM, *name.split()], spans, over, title=title, **more)


QUICK_LLM = [
    model("openai", "openai_sync", {CHAT: (llm, 4), EMBED: (embed, 1)}, streams=2),
    model("openai", "openai_async", {CHAT: (llm, 2)}, ASYNC, "openai, async", streams=1),
    model("anthropic", "anthropic_sync", {CLAUDE: (llm, 2)}, streams=1),
    model("anthropic", "anthropic_async", {CLAUDE: (llm, 1)}, ASYNC, "anthropic, async", streams=1),
    model("httpx", "httpx_sync", {CHAT: (llm, 2)}, streams=1),
    model("httpx", "httpx_async", {CHAT: (llm, 1)}, ASYNC, "httpx, async"),
    model("httpx", "httpx_h2", {CHAT: (llm, 9)}, "TLS, eight streams at once", "httpx, HTTP/2", streams=4),
    model("httpx", "httpx_packed", {CHAT: (llm, 4)}, "TLS, bodies in gzip, deflate, br, zstd", "httpx, compressed"),
    model("requests", "requests_sync", {CHAT: (llm, 2)}, streams=1),
    model("aiohttp", "aiohttp_async", {CHAT: (llm, 2)}, ASYNC, streams=1),
    model("uvloop", "on_uvloop", {CHAT: (llm, 3)}, "TLS, httpx and aiohttp on uvloop", streams=1),
]

FULL_LLM = [
    model("langchain", "langchain_chain", {CHAT: (llm, 3), EMBED: (embed, 1)}, streams=1),
    model("llama-index-core", "llama_index_query",
          {CHAT: (llm, 1), "embeddings text-embedding-3-small": (embed, 2)}, title="llama-index"),
    model("google-genai", "google_genai",
          {"generate_content gemini-2.5-flash": (llm, 2), "embeddings gemini-embedding-001": (embed, 1)}, streams=1),
    model("cohere", "cohere_v2", {"chat command-a-03-2025": (llm, 2), "embeddings embed-v4.0": (embed, 1),
                                  "rerank rerank-v3.5": (rerank, 1)}, streams=1),
    model("mistralai", "mistral", {CHAT: (llm, 1)}),
    model("ollama", "ollama_native", {"chat llama3.2": (llm, 1), "text_completion llama3.2": (llm, 1),
                                      "embeddings all-minilm": (embed, 1)}, streams=1),
    model("boto3", "bedrock", {"chat us.amazon.nova-lite-v1:0": (llm, 2),
                               "embeddings amazon.titan-embed-text-v2:0": (embed, 1)}, title="boto3, Bedrock", streams=1),
    model("mcp", "mcp_http", {"tools/call look_up": (tool, 1)}, "plain, streamable HTTP", "mcp, HTTP", address=None,
          also=MCP),
    model("mcp", "mcp_stdio", {"tools/call look_up": (tool, 1)}, "pipes", "mcp, stdio", address=None, socket=False,
          also=MCP),
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

SETUP = "(CREATE|DROP|BEGIN|COMMIT|DEALLOCATE|SELECT pg_type|HELLO|CLIENT|INFO|SET|DEL|QUIT)( .*)?"


def notes(table, count=3):
    return {f"SELECT {table}": (vector, 1), f"INSERT {table}": (query, count)}


def store(client, name, spans, over="plain", title="", address="127.0.0.1", also=SETUP, **more):
    return Row(client, [*STORES, *name.split()], spans, over, also=also, title=title, address=address, **more)


QUICK_STORES = [
    store("psycopg", "psycopg_sync disable", notes("note_p")),
    store("psycopg", "psycopg_sync require", notes("note_p"), "TLS of the wheel's own OpenSSL", "psycopg, TLS"),
    store("asyncpg", "asyncpg_async disable", notes("note_a")),
    store("asyncpg", "asyncpg_async require", notes("note_a"), ASYNC, "asyncpg, TLS"),
    store("redis", "redis_sync plain", {"GET": (cache, 2), "MGET": (cache, 1)}),
    store("redis", "redis_sync tls", {"GET": (cache, 2), "MGET": (cache, 1)}, "TLS", "redis, TLS"),
    store("redis", "redis_async", {"GET": (cache, 1), "GETDEL": (cache, 1)}, ASYNC, "redis, async"),
]

FULL_STORES = [
    store("pymysql", "pymysql_sync", {"INSERT note": (query, 1), "SELECT note": (query, 1)}, "Unix socket",
          address=None),
    store("pymemcache", "pymemcache_sync", {"get": (cache, 2), "set": (query, 1)}),
    store("pymongo", "pymongo_sync", {"insert notes": (query, 1), "find notes": (query, 1),
                                      "aggregate notes": (vector, 1)}, also="(hello|endSessions|isMaster|ismaster)( .*)?"),
    store("elasticsearch", "elasticsearch_sync", {"bulk notes": (query, 1), "search notes": (vector, 1)},
          address="localhost"),
    store("qdrant-client", "qdrant_http", {"query notes": (vector, 1), "upsert notes": (query, 1)},
          title="qdrant-client, HTTP", address="localhost", also="PUT /collections/.*"),
    store("qdrant-client", "qdrant_grpc", {"query notes": (vector, 1), "upsert notes": (query, 1)},
          title="qdrant-client, gRPC", address="localhost", also="Create notes"),
    store("chromadb", "chromadb_http", {"query <id>": (vector, 1), "upsert <id>": (query, 1)}, address="localhost",
          also="(GET|POST) /api/v2.*|create_collection notes", unseen="a collection's name: requests carry its id"),
    store("pymilvus", "pymilvus_grpc", {"search notes": (vector, 1), "insert notes": (query, 1)}, address=None,
          also="(Connect|Alloc|Create|Describe|Load|GetLoad)[A-Za-z]*( notes)?"),
    store("grpcio", "grpc_call plain", {"tower.Keeper/Say": (call, 1), "tower.Keeper/Tell": (call, 1)},
          title="grpcio", address="localhost"),
    store("grpcio", "grpc_call tls", {}, "TLS", "grpcio, TLS", unseen=BORING, sealed=True),
]


def node(client, name, spans, over="TLS", title="", address="localhost", **more):
    return Row(client, [*NODE, *name.split()], spans, over, title=title or f"{client} (Node)", address=address,
               also=SETUP, **more)


NODE_ROWS = [
    node("openai", "openai", {CHAT: (llm, 2), EMBED: (embed, 1)}, streams=1),
    node("@anthropic-ai/sdk", "anthropic", {CLAUDE: (llm, 2)}, streams=1),
    node("langchain", "langchain", {CHAT: (llm, 1)}),
    node("pg", "pg plain", notes("note_n", 1), "plain", address="127.0.0.1"),
    node("pg", "pg tls", notes("note_n", 1), title="pg, TLS (Node)", address="127.0.0.1"),
    node("ioredis", "ioredis plain", {"GET": (cache, 2)}, "plain", address="127.0.0.1"),
    node("ioredis", "ioredis tls", {"GET": (cache, 2)}, title="ioredis, TLS (Node)", address="127.0.0.1"),
]

QUICK = QUICK_LLM + TOOLS + QUICK_STORES
ALL = QUICK_LLM + FULL_LLM + TOOLS + QUICK_STORES + FULL_STORES + NODE_ROWS
