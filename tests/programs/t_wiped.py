# SPDX-License-Identifier: Apache-2.0
"""t_wiped.py RAGTIME: sends a secret over a connection, then stops its own trace. Prints how often the
secret stands in the shared region while it is traced, and afterwards."""
import os
import socket
import subprocess
import sys
import threading

SECRET = b"".join([b"lantern", b"-", b"orchard"])


def serve(listener):
    connection, _ = listener.accept()
    while connection.recv(1 << 16):
        pass


def region():
    found = b""
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb") as memory:
        for line in maps:
            if "memfd:ragtime" in line:
                start, end = (int(part, 16) for part in line.split()[0].split("-"))
                memory.seek(start)
                found += memory.read(end - start)
    return found


listener = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=serve, args=(listener,), daemon=True).start()
with socket.create_connection(listener.getsockname()) as client:
    client.sendall(b"POST / HTTP/1.1\r\ncontent-length: 800\r\n\r\n" + SECRET * 50)
before = region().count(SECRET)
subprocess.run([sys.argv[1], "ctl", str(os.getpid()), "stop"], check=True, stdout=subprocess.DEVNULL)
print(before, region().count(SECRET))
