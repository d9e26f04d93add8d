#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""connections.py client KIND FOLDER: starts a server of its own in another process and talks to it.

KIND is tcp, tls, streams (TLS of asyncio), unix, reuse (a port taken twice), ollama (by its port alone) or threads (one thread
sends, another receives). The server answers each path with the path; /slow after PAUSE, in two parts
PAUSE apart.
"""
import asyncio
import http.client
import http.server
import os
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
import time

PAUSE = 0.03
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-{:016x}-01"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        size = int(self.headers.get("Content-Length", 0))
        self.rfile.read(size)
        body = self.path.encode()
        if self.path.startswith("/slow"):
            time.sleep(PAUSE)
        self.send_response(404 if self.path.startswith("/api") else 200)
        self.send_header("Content-Length", str(2 * len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
        if self.path.startswith("/slow"):
            time.sleep(PAUSE)
        self.wfile.write(body)

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass

    def address_string(self):
        return "-"


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_):
        pass  # resets, of clients that want their port back


class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def serve(kind, folder):
    if kind == "unix":
        server = UnixServer(os.path.join(folder, "socket"), Handler)
    else:
        address = ("127.0.0.11", 11434) if kind == "ollama" else ("127.0.0.1", 0)
        Handler.disable_nagle_algorithm = True
        server = Server(address, Handler)
    if kind in ("tls", "streams"):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(os.path.join(folder, "cert.pem"), os.path.join(folder, "cert.pem.key"))
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        server.socket = context.wrap_socket(server.socket, server_side=True)
    print(server.server_address[1] if kind != "unix" else 0, flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


def ask(connection, path, number, body=None):
    connection.request("POST" if body else "GET", path, body, {"traceparent": TRACEPARENT.format(number)})
    answer = connection.getresponse()
    assert answer.read() == path.encode() * 2


class UnixConnection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.host)


def tcp(port):
    for first in (1, 4):
        connection = http.client.HTTPConnection("localhost", port)
        ask(connection, "/slow", first)
        time.sleep(PAUSE)
        ask(connection, "/items/4711", first + 1)
        ask(connection, "/items", first + 2, b"x" * 20000)
        connection.close()


def tls(port, folder):
    context = ssl.create_default_context(cafile=os.path.join(folder, "cert.pem"))
    session = None
    for number in (1, 2):
        plain = socket.create_connection(("localhost", port))
        secure = context.wrap_socket(plain, server_hostname="localhost", session=session)
        session = secure.session
        connection = http.client.HTTPConnection("localhost", port)
        connection.sock = secure
        ask(connection, "/slow", number)
        connection.close()
        secure.close()


async def ask_by_stream(port, context, number):
    reader, writer = await asyncio.open_connection("localhost", port, ssl=context)
    head = f"GET /slow HTTP/1.1\r\nHost: localhost\r\ntraceparent: {TRACEPARENT.format(number)}\r\n\r\n"
    writer.write(head.encode())
    await reader.readuntil(b"\r\n\r\n")
    assert await reader.readexactly(10) == b"/slow/slow"
    writer.close()
    await writer.wait_closed()


def streams(port, folder):
    """TLS over memory, three connections at once."""
    context = ssl.create_default_context(cafile=os.path.join(folder, "cert.pem"))

    async def all_of_them():
        await asyncio.gather(*(ask_by_stream(port, context, number) for number in (1, 2, 3)))

    asyncio.run(all_of_them())


def unix(folder):
    for number in (1, 2):
        connection = UnixConnection(os.path.join(folder, "socket"))
        ask(connection, "/items", number)
        ask(connection, "/slow", number + 10)
        connection.close()


def reuse(port):
    own = None
    for number in (1, 2, 3):
        connection = http.client.HTTPConnection("127.0.0.1", port, source_address=own)
        connection.connect()
        own = connection.sock.getsockname()
        # a reset instead of waiting for late segments: the port is free at once
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        ask(connection, "/items", number)
        connection.close()


def ollama(port):
    connection = http.client.HTTPConnection("127.0.0.11", port)
    ask(connection, "/api/chat", 1, b'{"model": "tiny", "stream": false}')


def threads(port, count=400):
    """The answer is often read before the call that sent its request is over."""
    link = socket.create_connection(("127.0.0.1", port))
    turn = threading.Semaphore(1)

    def receive():
        seen = b""
        for _ in range(count):
            while seen.count(b"/items/items") == 0:
                seen += link.recv(4096)
            seen = seen.split(b"/items/items", 1)[1]
            turn.release()

    reader = threading.Thread(target=receive)
    reader.start()
    for _ in range(count):
        turn.acquire()
        link.sendall(b"GET /items HTTP/1.1\r\nHost: localhost\r\n\r\n")
    reader.join()
    link.close()


def client(kind, folder):
    server = subprocess.Popen([sys.executable, os.path.abspath(__file__), "serve", kind, folder],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    port = int(server.stdout.readline())
    if kind in ("tls", "streams"):
        globals()[kind](port, folder)
    elif kind == "unix":
        unix(folder)
    else:
        globals()[kind](port)
    server.stdin.close()
    server.wait()


if __name__ == "__main__":
    {"serve": serve, "client": client}[sys.argv[1]](*sys.argv[2:])
