# SPDX-License-Identifier: Apache-2.0
"""A whole Python program: start-up, imports, allocation, parsing, files, sockets, threads.

Says on standard error what it cost the process, start-up included:  python cpu_ns=123456789
"""
import json
import os
import queue
import re
import socket
import sys
import threading
import time

SCALE = int(sys.argv[1]) if len(sys.argv) > 1 else 1


def parse():
    rows = [{"i": i, "s": "x" * (i % 97), "l": list(range(i % 13))} for i in range(12000)]
    text = json.dumps(rows)
    assert json.loads(text) == rows
    return len(re.findall(r"x+", text))


def small_io():
    source = os.open("/dev/zero", os.O_RDONLY)
    sink = os.open("/dev/null", os.O_WRONLY)
    for i in range(4000):
        os.write(sink, b"y" * (i % 512))
        os.read(source, i % 300 + 1)
    os.close(source)
    os.close(sink)


def read_library():
    folder = os.path.dirname(os.__file__)
    for name in sorted(os.listdir(folder))[:100]:
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            with open(path, "rb") as file:
                for _ in file:
                    pass


def converse():
    ours, theirs = socket.socketpair()
    work = queue.Queue()

    def answer():
        while work.get() is not None:
            theirs.sendall(theirs.recv(4096))

    thread = threading.Thread(target=answer)
    thread.start()
    for i in range(500):
        ours.sendall(b"q" * (1 + i % 900))
        work.put(i)
        ours.recv(4096)
    work.put(None)
    thread.join()


for _ in range(SCALE):
    parse()
    small_io()
    read_library()
    converse()
os.write(2, f"python cpu_ns={time.process_time_ns()}\n".encode())
