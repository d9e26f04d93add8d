# SPDX-License-Identifier: Apache-2.0
"""The places of t_secrets.py that are no HTTP/1, PostgreSQL or Redis: streams of HTTP/2 and gRPC, tools
over pipes, SQLite, exceptions, arguments of functions that are hooked, spans that a program tells."""
import asyncio
import contextlib
import ctypes
import json
import os
import pathlib
import socket
import sqlite3
import subprocess
import sys
import threading

import h2.config
import h2.connection
import h2.events

API = pathlib.Path(__file__).parent.parent.parent / "api"
ECHO = """
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    secret = asked["params"].get("arguments", {}).get("q", "")
    said = {"content": [{"type": "text", "text": secret}], "isError": asked["id"] % 3 == 0}
    answer = {"error": {"code": -32000, "message": secret}} if asked["id"] % 4 == 3 else {"result": said}
    print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], **answer}), flush=True)
"""


def message(text):
    """A gRPC message whose first field is this text, as a store's collection name is."""
    field = b"\n" + bytes([len(text)]) + text.encode()
    return b"\0" + len(field).to_bytes(4, "big") + field


def serve(listener, secrets):
    """Answers each stream with the secret of its turn, in a header, the body and a trailer."""
    caller, _ = listener.accept()
    connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
    connection.initiate_connection()
    caller.sendall(connection.data_to_send())
    with caller:
        while data := caller.recv(65536):
            for event in connection.receive_data(data):
                if not isinstance(event, h2.events.StreamEnded):
                    continue
                secret = secrets[event.stream_id // 2 % len(secrets)]
                connection.send_headers(event.stream_id, [(":status", "200"), ("content-type", "application/grpc"),
                                                          ("set-cookie", secret), ("x-note", secret)])
                connection.send_data(event.stream_id, message(secret))
                connection.send_headers(event.stream_id, [("grpc-status", "7"), ("grpc-message", secret),
                                                          ("x-note-bin", secret)], end_stream=True)
            caller.sendall(connection.data_to_send())


def use_http2(secrets):
    paths = ["/qdrant.Points/Search", "/shop.Orders/List", "/{}.Orders/List", "/shop.Orders/{}", "/v1/items?key={}",
             "/v1/{}/items"]
    names = ["authorization", "x-api-key", "cookie", "x-goog-api-key", "grpc-metadata-note", "x-request-id", "user-agent"]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, args=(listener, secrets))
        server.start()
        connection = h2.connection.H2Connection()
        connection.initiate_connection()
        with socket.create_connection(listener.getsockname()) as caller:
            for place, secret in enumerate(secrets):
                stream = connection.get_next_available_stream_id()
                connection.send_headers(stream, [
                    (":method", "POST"), (":scheme", "http"), (":authority", "localhost"),
                    (":path", paths[place % len(paths)].format(secret)), ("te", "trailers"),
                    ("content-type", "application/grpc"), (names[place % len(names)], secret)])
                connection.send_data(stream, message(secret), end_stream=True)
                caller.sendall(connection.data_to_send())
                while not any(isinstance(event, h2.events.StreamEnded)
                              for event in connection.receive_data(caller.recv(65536))):
                    caller.sendall(connection.data_to_send())
        server.join()


def use_tools(secrets):
    with subprocess.Popen([sys.executable, "-c", ECHO], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as tools:
        for place, secret in enumerate(secrets):
            asked = [("tools/call", {"name": "look_up", "arguments": {"q": secret}}),
                     ("resources/read", {"uri": f"https://example.com/?token={secret}", "arguments": {"q": secret}}),
                     ("prompts/get", {"name": "greet", "arguments": {"q": secret}}),
                     ("initialize", {"clientInfo": {"name": "t", "version": secret}, "arguments": {"q": secret}})]
            method, params = asked[place % 4]
            print(json.dumps({"jsonrpc": "2.0", "id": place + 1, "method": method, "params": params}), file=tools.stdin,
                  flush=True)
            tools.stdout.readline()
        tools.stdin.close()


def use_sqlite(words, keys):
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        database.execute("CREATE TABLE keeper (name, body)")
        for secret in words:
            for statement in (f"SELECT '{secret}'", f'SELECT * FROM keeper WHERE name = "{secret}"', f"SELECT 1 -- {secret}",
                              f"SELECT 1 /* {secret} */", f"INSERT INTO keeper VALUES ('a''b {secret}', x'00')",
                              f"SELECT * FROM nobody_knows WHERE name = '{secret}'", f"ATTACH ':memory:' AS '{secret}'",
                              f"SELECT 'open {secret}"):
                with contextlib.suppress(sqlite3.Error):
                    database.execute(statement)
            database.execute("INSERT INTO keeper VALUES (?, ?)", (secret, secret))
        for secret in keys:
            for statement in (f"SELECT SECRET_{secret} FROM keeper", f"CREATE TABLE t{secret} (a)", f"PRAGMA {secret}",
                              f'SELECT "{secret}" FROM keeper'):
                with contextlib.suppress(sqlite3.Error):
                    database.execute(statement)


def fail(secret):
    raise ValueError(secret)


async def fail_later(secret):
    await asyncio.sleep(0)
    raise RuntimeError(secret) from ValueError(secret)


def use_exceptions(secrets):
    for secret in secrets:
        with contextlib.suppress(ValueError):
            fail(secret)
        with contextlib.suppress(RuntimeError):
            asyncio.run(fail_later(secret))


def use_functions(secrets, folder):
    """gzopen, gzputs and gzclose are hooked by name."""
    libz = ctypes.CDLL("libz.so.1")
    libz.gzopen.restype = ctypes.c_void_p
    for secret in secrets:
        file = libz.gzopen(os.path.join(folder, secret).encode(), b"w")
        libz.gzputs(ctypes.c_void_p(file), secret.encode())
        libz.gzclose(ctypes.c_void_p(file))


def use_spans(secrets):
    sys.path.insert(0, str(API))
    from ragtime import profiler
    for secret in secrets:
        with contextlib.suppress(ValueError), profiler.profile(f"step {secret}", query=secret) as span:
            span.set(secret, "value")
            span.set("url", f"https://keeper:{secret}@localhost/x?key={secret}")
            raise ValueError(secret)


def use_beside(plants, folder):
    use_http2(plants["http2"])
    use_tools(plants["tools"])
    use_sqlite(plants["sqlite"], plants["sqlite name"])
    use_exceptions(plants["exception"])
    use_functions(plants["function"], folder)
    use_spans(plants["span"])
