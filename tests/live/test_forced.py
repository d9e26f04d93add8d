# SPDX-License-Identifier: Apache-2.0
"""--protocol: a server whose port says more than its first bytes, one that shall not be read, and rules
that are none."""
import socket
import subprocess
import threading

from far_ends import requests_of
from runs import check, command, finish, run, trace

CLIENT = """
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as s:
    s.sendall(sys.argv[2].encode())
    s.recv(99)
"""
NOISY = 'hello\n{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add"}}\n'
REDIS = "*2\r\n$3\r\nGET\r\n$5\r\nkey:1\r\n"
ANSWERS = {"h": b'{"jsonrpc":"2.0","id":1,"result":{}}\n', "*": b"$-1\r\n"}
listener = socket.create_server(("127.0.0.1", 0))
port = listener.getsockname()[1]


def serve():
    while True:
        with listener.accept()[0] as peer:
            peer.sendall(ANSWERS[peer.recv(99).decode()[0]])
            peer.recv(1)


threading.Thread(target=serve, daemon=True).start()


def names_of(said, *rules):
    path = trace()
    options = [f"--protocol={rule}" for rule in rules]
    done = run(path, "python3", "-c", CLIENT, str(port), said, options=options)
    check(done.returncode == 0, f"{rules}: {done.stderr}")
    return [span["name"] for span in requests_of(path)]


def expect(wanted, said, *rules):
    names = names_of(said, *rules)
    check(names == wanted, f"{rules}: {names}, not {wanted}")


expect([], NOISY)
expect(["tools/call add"], NOISY, f"{port}=jsonrpc")
expect(["tools/call add"], NOISY, "1=http1", f"127.0.0.1:{port}=jsonrpc", f"{port}=none")
expect(["GET"], REDIS)
expect([], REDIS, f"{port}=none")
expect([], REDIS, f"{port}=jsonrpc")
expect(["GET"], REDIS, f"127.0.0.2:{port}=none", f"[::1]:{port}=none", "1=none")
for rule in ("redis", "=redis", "0=redis", "65536=redis", "80=gopher", "host:80=http1", "80x=http1", ":80=http1"):
    done = subprocess.run(command(trace(), "true", options=["--protocol", rule]), capture_output=True, text=True)
    check(done.returncode == 2 and "--protocol" in done.stderr, f"{rule}: {done}")
finish()
