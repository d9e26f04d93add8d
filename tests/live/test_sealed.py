# SPDX-License-Identifier: Apache-2.0
"""A TLS handshake on the wire without a library that says so is told as a connection that was not read;
one through a library that is hooked is not."""
import json
import ssl
import subprocess

from far_ends import StandIn, certificate
from runs import RAGTIME, check, finish, run, trace

SEALED = """
import socket, sys
for _ in range(3):
    with socket.create_connection(("localhost", int(sys.argv[1]))) as connection:
        connection.sendall(bytes.fromhex(sys.argv[2]))
        connection.recv(100)
"""
OPEN = """
import socket, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[2])
with context.wrap_socket(socket.create_connection(("localhost", int(sys.argv[1]))), server_hostname="localhost") as connection:
    connection.sendall(b"GET /v1/models HTTP/1.0\\r\\n\\r\\n")
    connection.recv(100)
"""
MEMORY = """
import asyncio, ssl, sys
async def main():
    context = ssl.create_default_context(cafile=sys.argv[2])
    reader, writer = await asyncio.open_connection("localhost", int(sys.argv[1]), ssl=context)
    writer.write(b"GET /v1/models HTTP/1.0\\r\\n\\r\\n")
    await reader.read(100)
    writer.close()
asyncio.run(main())
"""


def client_hello():
    out = ssl.MemoryBIO()
    session = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost")
    try:
        session.do_handshake()
    except ssl.SSLWantReadError:
        return out.read().hex()


def losses(path):
    done = subprocess.run([RAGTIME, "info", "--json", path], capture_output=True, check=True, timeout=60)
    return {loss["reason"]: loss["count"] for loss in json.loads(done.stdout)[0]["lost"]}


def main():
    path = trace()
    with StandIn() as far:
        port = open(far.ready).read()
        for program, argument, wanted in ((SEALED, client_hello(), 3), (OPEN, certificate(), 0), (MEMORY, certificate(), 0)):
            done = run(path, "python3", "-c", program, port, argument)
            check(done.returncode == 0, f"{done}")
            told = losses(path)
            check(told.get("sealed", 0) == wanted, f"{told}, not {wanted}")
    done = subprocess.run([RAGTIME, "report", path], capture_output=True, text=True, check=True, timeout=60)
    check("Nothing was lost" in done.stdout, done.stdout)


main()
finish()
