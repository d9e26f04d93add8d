# SPDX-License-Identifier: Apache-2.0
"""What every HTTP far end needs: listening, TLS, keep-alive, chunked bodies, pacing, faults, a log.

A far end is a stand-in for a service that cannot run here. It speaks the service's true wire
format, so that unmodified clients talk to it, and says in every answer what it is. A dialect
(openai_server.py) is a subclass of Handler with do_GET and do_POST, and a call of serve().

One thread serves one connection, and paces with time.sleep: waits are good to some tens of
microseconds, which a log that is compared with a trace has to be.

Not here: HTTP/2, gRPC and binary protocols.
"""

import argparse
import http.server
import importlib
import itertools
import json
import os
import random
import re
import signal
import socket
import ssl
import sys
import threading
import time
import urllib.parse
import zlib

PACE_HEADER = "x-stand-in-pace"  # "first_token_ms=500,gap_ms=5": for this request alone
ENCODING_HEADER = "x-stand-in-encoding"  # "gzip", "deflate", "br", "zstd": this answer's, each event flushed
FAULT_HEADER = "x-stand-in-fault"  # "429", "500", "drop" (cut the stream), "reset" (before a byte)


def encode(document):
    return json.dumps(document, separators=(",", ":")).encode()


class Fault(Exception):
    """The request asked to be failed: an HTTP status with the service's own error body."""

    def __init__(self, status, code, message, headers=()):
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, headers


class Packer:
    """A content encoding. What the standard library does not know is asked of the packages that do."""

    def __init__(self, name):
        if name in ("gzip", "deflate"):
            packer = zlib.compressobj(wbits=31 if name == "gzip" else 15)
            self.compress, self.end = packer.compress, packer.flush
            self.flush = lambda: packer.flush(zlib.Z_SYNC_FLUSH)
        elif name == "br":
            packer = importlib.import_module("brotli").Compressor()
            self.compress, self.flush, self.end = packer.process, packer.flush, packer.finish
        elif name == "zstd":
            zstd = importlib.import_module("zstandard")
            packer = zstd.ZstdCompressor().compressobj()
            self.compress, self.end = packer.compress, packer.flush
            self.flush = lambda: packer.flush(zstd.COMPRESSOBJ_FLUSH_BLOCK)
        else:
            raise Fault(400, "invalid_encoding", f"{ENCODING_HEADER}: no such encoding: {name}")

    def piece(self, data):
        return self.compress(data) + self.flush()


class Log:
    """One JSON line an exchange; times in ns of CLOCK_MONOTONIC. Without a file it keeps nothing."""

    def __init__(self, path):
        self.lock = threading.Lock()
        self.file = open(path, "a", buffering=1) if path else None

    def write(self, entry):
        if self.file:
            with self.lock:
                self.file.write(json.dumps(entry) + "\n")


class Pace:
    """Delays in ms with a spread, the same at every run: they depend on the seed and the request."""

    def __init__(self, defaults, spread, seed):
        self.defaults, self.spread, self.seed = defaults, spread, seed

    def of_request(self, number, override):
        values = dict(self.defaults)
        for part in filter(None, (override or "").split(",")):
            name, _, value = part.partition("=")
            if name not in values:
                raise Fault(400, "invalid_pace", f"{PACE_HEADER}: no such delay: {name}")
            values[name] = float(value)
        dice = random.Random(self.seed * 1_000_003 + number)

        def wait(name):
            delay = values[name] * (1 + self.spread * dice.uniform(-1, 1)) / 1000
            if delay > 0:
                time.sleep(delay)

        return wait


class Handler(http.server.BaseHTTPRequestHandler):
    """A connection. Subclasses answer with send_json(), or begin_stream(), send_chunk(), end_stream()."""

    protocol_version = "HTTP/1.1"
    server_version = "ragtime-stand-in"
    sys_version = ""
    wbufsize = -1  # status line and headers leave in one write; chunks are flushed one by one

    def setup(self):
        self.accepted = time.monotonic_ns()
        self.connection_number = next(self.server.connections)
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if isinstance(self.request, ssl.SSLSocket):
            self.request.do_handshake()
        self.secured = time.monotonic_ns()
        super().setup()

    def parse_request(self):
        """The request line has just arrived: everything known of this exchange starts here."""
        self.entry = {
            "connection": self.connection_number,
            "request": next(self.server.requests),
            "peer_port": self.client_address[1] if isinstance(self.client_address, tuple) else None,
            "accepted_ns": self.accepted,
            "secured_ns": self.secured,
            "request_first_ns": time.monotonic_ns(),
            "chunks_ns": [],
            "bytes_out": 0,
        }
        return super().parse_request()

    def read_body(self):
        """The whole body; reads the headers that steer this request."""
        if self.headers.get("transfer-encoding") == "chunked":
            body = b"".join(self.read_chunks())
        else:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.entry.update(path=self.path, bytes_in=len(body), request_last_ns=time.monotonic_ns())
        self.packer = None
        self.encoding = self.headers.get(ENCODING_HEADER)
        if self.encoding:
            self.packer = Packer(self.encoding)
        self.wait = self.server.pace.of_request(self.entry["request"], self.headers.get(PACE_HEADER))
        self.fault = self.headers.get(FAULT_HEADER) or self.server.fault_of(self.entry["request"])
        if self.fault == "reset":
            raise ConnectionResetError("asked for")
        if self.fault and self.fault.isdigit():
            raise self.fault_error(int(self.fault))
        return body

    def read_chunks(self):
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def read_json(self):
        body = self.read_body()
        try:
            return json.loads(body or b"{}")
        except ValueError:
            raise Fault(400, "invalid_json", "We could not parse the JSON body of your request.") from None

    def fault_error(self, status):
        if status == 429:
            return Fault(429, "rate_limit_exceeded", "Rate limit reached (asked for).", [("retry-after-ms", "50")])
        return Fault(status, "server_error", f"Status {status} (asked for).")

    def send_headers(self, status, content_type, extra=()):
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("x-request-id", f"req_{self.entry['request']:024x}")
        self.send_header("x-stand-in", "true")
        if self.packer:
            self.send_header("content-encoding", self.encoding)
        for name, value in extra:
            self.send_header(name, value)
        self.entry["status"] = status

    def send_json(self, status, document, extra=()):
        body = encode(document)
        if self.packer:
            body = self.packer.compress(body) + self.packer.end()
        self.send_headers(status, "application/json", extra)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.flush(len(body))
        self.finish_exchange()

    def begin_stream(self, extra=(), content_type="text/event-stream; charset=utf-8"):
        self.send_headers(200, content_type, extra)
        self.send_header("cache-control", "no-cache")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        self.entry["response_first_ns"] = time.monotonic_ns()

    def send_chunk(self, data):
        """One event, one chunk, one write: as a service that flushes each token does."""
        if self.fault == "drop" and len(self.entry["chunks_ns"]) == 5:
            raise ConnectionResetError("asked for")
        self.write_chunk(self.packer.piece(data) if self.packer else data)
        self.flush(len(data))

    def write_chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def end_stream(self):
        if self.packer:
            self.write_chunk(self.packer.end())
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()
        self.finish_exchange()

    def flush(self, size):
        self.wfile.flush()
        now = time.monotonic_ns()
        self.entry["chunks_ns"].append(now)
        self.entry.setdefault("response_first_ns", now)
        self.entry["bytes_out"] += size

    def finish_exchange(self):
        self.entry["response_last_ns"] = time.monotonic_ns()
        self.server.log.write(self.entry)

    def guarded(self, answer):
        """Runs the dialect; a fault becomes an answer, a cut connection a line in the log."""
        try:
            answer()
        except Fault as fault:
            self.entry["error"] = fault.code
            kind = "invalid_request_error" if fault.status < 429 else fault.code
            error = {"message": fault.message, "type": kind, "param": None, "code": fault.code}
            self.send_json(fault.status, {"error": error}, fault.headers)
        except (ConnectionError, ssl.SSLError) as error:
            self.entry["error"] = str(error)
            self.finish_exchange()
            self.close_connection = True

    def log_message(self, *args):
        pass


class RoutedHandler(Handler):
    """A dialect as a table: (method, pattern of the path, name of what answers). That is called with
    the body and what the pattern's groups have caught."""

    routes = ()

    def route(self):
        path = urllib.parse.unquote(self.path.partition("?")[0])
        for method, pattern, name in self.routes:
            match = re.fullmatch(pattern, path)
            if match and method == self.command:
                answer = getattr(self, name)
                return self.guarded(lambda: answer(self.read_json(), *match.groups()))
        return self.guarded(self.not_found)

    def not_found(self):
        self.read_body()
        raise Fault(404, "not_found", f"no such thing here: {self.command} {self.path}")

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = route

    def count(self, prompt, answer):
        """What the log and the answer say of tokens."""
        self.entry["usage"] = {"prompt_tokens": prompt, "completion_tokens": answer}

    def paced(self, tokens):
        """Each token when its time has come."""
        for number, token in enumerate(tokens):
            self.wait("gap_ms" if number else "first_token_ms")
            yield token


LLM_DELAYS = {
    "headers_ms": (10.0, "ms before the headers of a stream"),
    "first_token_ms": (30.0, "ms to the first token"),
    "gap_ms": (4.0, "ms between tokens"),
}


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address, handler, context, log, pace, fail_every):
        super().__init__(address, handler)
        self.context, self.log, self.pace, self.fail_every = context, log, pace, fail_every
        self.connections, self.requests = itertools.count(1), itertools.count(1)

    def fault_of(self, number):
        return "429" if self.fail_every and number % self.fail_every == 0 else None

    def get_request(self):
        """Accepts; the handshake is left to the connection's own thread."""
        connection, address = super().get_request()
        if self.context:
            connection = self.context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def handle_error(self, request, client_address):
        """A peer that goes away, or that does not trust the certificate, is no error of the server's."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, ssl.SSLError, TimeoutError)):
            super().handle_error(request, client_address)


def serve(handler, what, delays):
    """The command line of a far end: listens, tells where, serves until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any free one, told by --ready")
    parser.add_argument("--cert", help="certificate chain (PEM): speak TLS")
    parser.add_argument("--key", help="its private key (PEM)")
    parser.add_argument("--ready", help="write the port into this file once connections are accepted")
    parser.add_argument("--log", help="append a JSON line for each exchange, with its times")
    parser.add_argument("--spread", type=float, default=0.3, help="delays vary by this share (default 0.3)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fail-every", type=int, default=0, help="answer every Nth request with 429")
    for name, (default, text) in delays.items():
        parser.add_argument("--" + name.replace("_", "-"), type=float, default=default, help=f"{text} (default {default})")
    options = parser.parse_args()

    context = None
    if options.cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.cert, options.key)
        context.set_alpn_protocols(["http/1.1"])
    pace = Pace({name: getattr(options, name) for name in delays}, options.spread, options.seed)
    address = (options.host, options.port)
    server = Server(address, handler, context, Log(options.log), pace, options.fail_every)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    port = server.server_address[1]
    print(f"{what}: listening on {'https' if context else 'http'}://{options.host}:{port}", flush=True)
    if options.ready:
        with open(options.ready + ".new", "w") as file:
            file.write(str(port))
        os.rename(options.ready + ".new", options.ready)
    server.serve_forever()
