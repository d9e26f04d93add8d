#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real memcached: lookups that miss and hit, and neither key nor value in what is written."""
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time

BUILD = os.environ["BUILD"]
TMP = os.environ["TMP"]
SECRET = "SECRET8231"

CLIENT = """
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
def ask(text, end):
    s.sendall(text.encode())
    got = b""
    while not got.endswith(end):
        got += s.recv(4096)
ask("get answer:%(secret)s\\r\\n", b"END\\r\\n")
ask("set answer:%(secret)s 0 60 10\\r\\n%(secret)s\\r\\n", b"STORED\\r\\n")
ask("get answer:%(secret)s\\r\\n", b"END\\r\\n")
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def main():
    if not shutil.which("memcached"):
        print("memcached is not installed")
        return 77
    port = free_port()
    server = subprocess.Popen(["memcached", "-u", "nobody", "-l", "127.0.0.1", "-p", str(port)])
    try:
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.02)
        script = os.path.join(TMP, "client.py")
        with open(script, "w") as file:
            file.write(CLIENT % {"secret": SECRET})
        trace = os.path.join(TMP, "t.rtrace")
        subprocess.run([f"{BUILD}/ragtime", "run", "-o", trace, sys.executable, script, str(port)],
                       check=True, stdout=subprocess.DEVNULL)
    finally:
        server.terminate()
        server.wait()
    database = os.path.join(TMP, "t.db")
    subprocess.run([f"{BUILD}/ragtime", "decode", trace, "-o", database], check=True,
                   stdout=subprocess.DEVNULL)
    rows = sqlite3.connect(database).execute(
        "SELECT a.value, c.value, k.value FROM span s"
        " JOIN attribute a ON a.span = s.id AND a.key = 'db.operation.name'"
        " JOIN attribute k ON k.span = s.id AND k.key = 'ragtime.key_pattern'"
        " LEFT JOIN attribute c ON c.span = s.id AND c.key = 'ragtime.cache'"
        " ORDER BY s.start_ns").fetchall()
    print(rows)
    if rows != [("get", "miss", "answer:*"), ("set", None, "answer:*"), ("get", "hit", "answer:*")]:
        return 1
    with open(database, "rb") as file:
        if SECRET.encode() in file.read():
            print("the key or the value is in the database")
            return 1
    return 0


sys.exit(main())
