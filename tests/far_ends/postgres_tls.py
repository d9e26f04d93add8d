#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""TLS before a real PostgreSQL that was built without: answers a client's SSLRequest as the server
would, and passes on what comes after the handshake.

postgres_tls.py PORT BACKEND_PORT CERT KEY
"""

import socket
import ssl
import sys
import threading

SSL_REQUEST = bytes([0, 0, 0, 8, 4, 210, 22, 47])


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        sink.close()


def serve(client, backend_port, context):
    """One client. Until it asks for TLS nothing of it goes to the server."""
    if client.recv(8, socket.MSG_WAITALL) != SSL_REQUEST:
        client.close()
        return
    client.sendall(b"S")
    with context.wrap_socket(client, server_side=True) as inside:
        with socket.create_connection(("127.0.0.1", backend_port)) as backend:
            for end in (inside, backend):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            answers = threading.Thread(target=pump, args=(backend, inside), daemon=True)
            answers.start()
            pump(inside, backend)
            answers.join()


def guarded(client, *rest):
    try:
        serve(client, *rest)
    except (OSError, ssl.SSLError):
        client.close()


def main():
    port, backend_port, certificate, key = int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", port)) as listener:
        while True:
            client, _ = listener.accept()
            threading.Thread(target=guarded, args=(client, backend_port, context), daemon=True).start()


if __name__ == "__main__":
    main()
