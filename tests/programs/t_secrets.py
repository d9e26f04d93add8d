# SPDX-License-Identifier: Apache-2.0
"""t_secrets.py PLANTS ...: sends the secrets of a JSON file wherever a program has them: HTTP both
ways, PostgreSQL, Redis, files, names of hosts, threads, sockets and programs, errors, and what
t_secrets_beside.py has. The further
arguments are secrets too. Servers that are not there are left out."""
import ctypes
import gzip
import http.client
import http.server
import json
import os
import pathlib
import socket
import subprocess
import sys
import threading

from t_secrets_beside import use_beside

with open(sys.argv[1]) as file:
    PLANTS = {place: [plant["text"] for plant in plants] for place, plants in json.load(file).items()}
answers = {}  # by path: status, headers, body


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length") or 0))
        status, headers, body = answers.get(self.path.partition("?")[0], (200, {}, b"{}"))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST

    def log_message(self, *_):
        pass


class Client:
    """Sends what it is told to, byte for byte: no library cleans it up before."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)

    def send(self, path, body=None, answer=None, status=200, headers=(), answer_headers=()):
        encoded = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
        packed = answer if isinstance(answer, bytes) else json.dumps(answer or {}).encode()
        kind = {"content-type": "application/json"}
        answers[path.partition("?")[0]] = status, {**kind, **dict(answer_headers)}, packed
        self.connection.request("POST", path, encoded, {**kind, **dict(headers)})
        self.connection.getresponse().read()


def chat_answer(content, **more):
    message = {"role": "assistant", "content": content}
    return {"id": "chatcmpl-1", "object": "chat.completion", "model": "gpt-4o-mini",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}, **more}


def chat(content, **more):
    return {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": content}], **more}


def events(*contents):
    chunks = [{"choices": [{"index": 0, "delta": {"content": content}}]} for content in contents]
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks) + b"data: [DONE]\n\n"


HEADERS = ["authorization", "x-api-key", "api-key", "cookie", "proxy-authorization", "x-goog-api-key", "x-custom",
           "x-request-id", "traceparent", "referer", "user-agent"]
ANSWER_HEADERS = ["set-cookie", "x-request-id", "location", "www-authenticate", "x-cache", "retry-after",
                  "x-amzn-errortype", "x-ratelimit-remaining-tokens", "openai-organization", "x-custom"]
CHAT = "/v1/chat/completions"


def send_headers(client):
    for place, secret in enumerate(PLANTS["header"]):
        client.send(CHAT, chat("hello"), chat_answer("hello"), headers={HEADERS[place % len(HEADERS)]: secret})
    for place, secret in enumerate(PLANTS["answer header"]):
        name = ANSWER_HEADERS[place % len(ANSWER_HEADERS)]
        client.send(CHAT, chat("hello"), chat_answer("hello"), 200 if place % 2 else 429, answer_headers={name: secret})


def send_bodies(client):
    for place, secret in enumerate(PLANTS["prompt"]):
        tool = {"type": "function", "function": {"name": "look_up", "description": secret, "parameters": {}}}
        bodies = [chat(secret), chat("hello", user=secret, metadata={"note": secret}), chat("hello", tools=[tool]),
                  chat("hello", stop=[secret]), {"model": "stand-in-384", "input": [secret]},
                  {"model": "claude-3", "system": secret, "max_tokens": 5, "messages": []},
                  {"contents": [{"parts": [{"text": secret}]}]}, {"model": "rerank-v3.5", "query": secret, "documents": [secret]}]
        paths = [CHAT, CHAT, CHAT, CHAT, "/v1/embeddings", "/v1/messages", "/v1beta/models/gemini-2.0:generateContent",
                 "/v2/rerank"]
        client.send(paths[place % 8], bodies[place % 8], chat_answer("hello"))
    for place, secret in enumerate(PLANTS["completion"]):
        call = {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": json.dumps({"q": secret})}}
        choices = [{"index": 0, "message": {"role": "assistant", "tool_calls": [call]}, "finish_reason": "tool_calls"}]
        kinds = [(chat_answer(secret), {}), (events("hello ", secret, " bye"), {"content-type": "text/event-stream"}),
                 (chat_answer("", choices=choices), {}),
                 (gzip.compress(json.dumps(chat_answer(secret)).encode()), {"content-encoding": "gzip"})]
        answer, headers = kinds[place % 4]
        client.send(CHAT, chat("hello", stream=place % 4 == 1), answer, answer_headers=headers)


def send_labels(client):
    """Where a name is expected that a trace keeps."""
    for place, secret in enumerate(PLANTS["label"]):
        tool = {"type": "function", "function": {"name": secret, "parameters": {}}}
        call = {"id": secret, "type": "function", "function": {"name": secret, "arguments": "{}"}}
        choices = [{"index": 0, "message": {"role": "assistant", "tool_calls": [call]}, "finish_reason": secret}]
        bodies = [({**chat("hello"), "model": secret}, chat_answer("hello")), (chat("hello"), chat_answer("hello", id=secret)),
                  (chat("hello", tools=[tool]), chat_answer("", choices=choices)),
                  (chat("hello"), chat_answer("hello", model=secret, system_fingerprint=secret, service_tier=secret))]
        client.send(CHAT, *bodies[place % 4])
    for place, secret in enumerate(PLANTS["error"]):
        errors = [{"error": {"message": secret, "type": "invalid_request_error", "param": secret, "code": "bad"}},
                  {"error": {"message": "no", "type": secret, "code": secret, "status": secret}}, {"error": secret},
                  {"detail": secret, "message": secret, "code": secret, "type": secret}]
        client.send([CHAT, "/v1/messages", "/api/chat", "/v2/rerank"][place // 4 % 4], chat("hello"), errors[place % 4],
                    401 if place % 2 else 500)


def send_urls(client):
    for place, secret in enumerate(PLANTS["url"]):
        paths = [f"/v1/items?key={secret}", f"/users/{secret}/orders", f"http://keeper:{secret}@127.0.0.1/v1/items",
                 f"/collections/{secret}/points/search", f"/v1/items?q=1&session={secret}#x"]
        client.send(paths[place % 5], {"vector": [0.1], "limit": 3}, {"result": []})


def use_http():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    client = Client(server.server_address[1])
    for send in (send_headers, send_bodies, send_labels, send_urls):
        send(client)
    client.connection.close()
    server.shutdown()


def use_postgres(where):
    import psycopg
    with psycopg.connect(where, autocommit=True, application_name=PLANTS["sql"][0]) as database:
        database.execute("CREATE TABLE keeper (name text, body text)")
        for place, secret in enumerate(PLANTS["sql"]):
            statements = [f"SELECT '{secret}'", f"SELECT $$ {secret} $$", f"SELECT $tag$it's {secret}$tag$",
                          f"SELECT 1 /* {secret} */", f"SELECT 1 -- {secret}", f"SELECT E'it\\'s {secret}'",
                          f"INSERT INTO keeper VALUES ('a''b {secret}', NULL)", f"SELECT * FROM keeper WHERE body = '{secret}'",
                          f"SELECT CAST('{secret}' AS int)", f"SET application_name = '{secret}'", f"NOTIFY keeper, '{secret}'",
                          f"COMMENT ON TABLE keeper IS '{secret}'", f"SELECT * FROM nobody_knows WHERE body = '{secret}'",
                          f"CREATE ROLE keeper{place} PASSWORD '{secret}'"]
            try:
                database.execute(statements[place % len(statements)])
            except psycopg.Error:
                pass
        for secret in PLANTS["sql parameter"]:
            database.execute("INSERT INTO keeper VALUES (%s, %s)", (secret, "x" * 100), prepare=True)
            database.execute("SELECT body FROM keeper WHERE name = %s", (secret,)).fetchall()
        with database.cursor().copy("COPY keeper (name) FROM STDIN") as copy:
            for secret in PLANTS["sql parameter"]:
                copy.write_row((secret,))
        database.execute("SELECT * FROM keeper").fetchall()


def use_redis(where):
    import redis
    client = redis.Redis.from_url(where)
    for place, secret in enumerate(PLANTS["redis"]):
        orders = [("SET", secret, "1"), ("SET", "plain", secret), ("GET", f"user:{secret}:name"), ("GET", secret),
                  ("AUTH", secret), ("AUTH", "keeper", secret), ("HSET", "book", secret, secret), ("EVAL", f"return '{secret}'", "0"),
                  ("PUBLISH", secret, secret), ("CLIENT", "SETNAME", secret), ("LPUSH", f"{secret}/list", secret),
                  ("NOSUCH", secret), ("INCR", "plain"), ("MGET", f"a:{secret}", f"{secret}-b"), (secret, "1")]
        try:
            client.execute_command(*orders[place % len(orders)])
        except redis.RedisError:
            pass
    for secret in PLANTS["redis key"]:
        for name in (secret, f"session:{secret}"):
            client.set(name, "1")
            client.get(name)


def use_names():
    here = pathlib.Path(sys.argv[1]).parent
    for place, secret in enumerate(PLANTS["path"]):
        path = here / (secret if place % 2 else f"{secret}.txt")
        path.write_text("x")
        path.read_text()
        path.rename(path.with_suffix(".new"))
        if place % 4 == 0:
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(("\0" if place % 8 else str(here) + "/s") + secret[:60])
                listener.listen()
                with socket.socket(socket.AF_UNIX) as caller:
                    caller.connect(listener.getsockname())
    for secret in PLANTS["host"]:
        try:
            socket.getaddrinfo(secret, 80)
        except (OSError, UnicodeError):
            pass
    libc = ctypes.CDLL(None)
    for secret in PLANTS["thread"]:
        libc.prctl(15, secret[:15].encode(), 0, 0, 0)
        thread = threading.Thread(target=lambda name=secret: libc.prctl(15, name[:15].encode(), 0, 0, 0))
        thread.start()
        thread.join()
    for place, secret in enumerate(PLANTS["program"]):
        command = [["true", secret], ["sh", "-c", f"exit 0 # {secret}"], ["sh", "-c", f"PASSWORD='{secret}' true"]][place % 3]
        subprocess.run(command, env={**os.environ, "APP_SECRET": secret}, check=True)


if __name__ == "__main__":
    use_http()
    use_names()
    use_beside(PLANTS, pathlib.Path(sys.argv[1]).parent)
    if "RAG_POSTGRES" in os.environ:
        use_postgres(os.environ["RAG_POSTGRES"])
    if "RAG_REDIS" in os.environ:
        use_redis(os.environ["RAG_REDIS"])
