# SPDX-License-Identifier: Apache-2.0
"""t_two_ssl.py URL CERTIFICATE: TLS through two copies of OpenSSL in one process: the one of Python's
ssl module, and the one inside the wheel psycopg-binary, reached by ctypes. Both talk at once."""

import ctypes
import http.client
import importlib.util
import json
import socket
import ssl
import sys
import threading
import urllib.parse
from pathlib import Path

url, certificate = urllib.parse.urlsplit(sys.argv[1]), sys.argv[2]
ROUNDS = 30


def by_ssl_module(results):
    context = ssl.create_default_context(cafile=certificate)
    connection = http.client.HTTPSConnection("localhost", url.port, context=context)
    for _ in range(ROUNDS):
        connection.request("GET", "/v1/models")
        models = json.load(connection.getresponse())
        results.append(len(models["data"]))


def by_bundled_library(results, library):
    library.SSL_CTX_new.restype = library.TLS_client_method.restype = library.SSL_new.restype = ctypes.c_void_p
    library.SSL_CTX_new.argtypes = library.SSL_new.argtypes = [ctypes.c_void_p]
    library.SSL_set_fd.argtypes = [ctypes.c_void_p, ctypes.c_int]
    library.SSL_connect.argtypes = library.SSL_free.argtypes = [ctypes.c_void_p]
    library.SSL_read.argtypes = library.SSL_write.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
    context = library.SSL_CTX_new(library.TLS_client_method())
    for _ in range(ROUNDS):
        with socket.create_connection(("localhost", url.port)) as connection:
            session = library.SSL_new(context)
            library.SSL_set_fd(session, connection.fileno())
            assert library.SSL_connect(session) == 1
            request = b"GET /v1/models HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
            assert library.SSL_write(session, request, len(request)) == len(request)
            answer, buffer = b"", ctypes.create_string_buffer(4096)
            while (got := library.SSL_read(session, buffer, 4096)) > 0:
                answer += buffer.raw[:got]
            library.SSL_free(session)
            results.append(len(json.loads(answer.partition(b"\r\n\r\n")[2])["data"]))


def main():
    folder = Path(importlib.util.find_spec("psycopg_binary").origin).parents[1] / "psycopg_binary.libs"
    ctypes.CDLL(next(str(path) for path in folder.glob("libcrypto*")))
    bundled = ctypes.CDLL(next(str(path) for path in folder.glob("libssl*")))
    first, second = [], []
    threads = [
        threading.Thread(target=by_ssl_module, args=(first,)),
        threading.Thread(target=by_bundled_library, args=(second, bundled)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    own = {line.split()[-1] for line in open("/proc/self/maps") if "libssl" in line}
    print("two copies:", len(own) == 2 or sorted(own))
    print(len(first), set(first), len(second), set(second))


main()
