# SPDX-License-Identifier: Apache-2.0
"""Asks four servers over and over from several threads: threads.py PORTS ROUNDS WORKERS. Prints each exchange."""
import os
import socket
import sys
import threading
import time

import asking

ports = dict(zip(asking.KINDS, map(int, sys.argv[1].split(","))))
rounds, workers = int(sys.argv[2]), int(sys.argv[3])
SOURCE = """
def handle_K(links):
    for kind, link in links.items():
        exchange(link, kind, K)
"""


def exchange(link, kind, number):
    data = asking.KINDS[kind](number)
    begin = time.monotonic_ns()
    link.sendall(data)
    answer = b""
    while not answer.endswith(asking.ENDS[kind]):
        answer += link.recv(65536)
    os.write(1, f"{kind} {number} {begin} {time.monotonic_ns()}\n".encode())


def links():
    made = {kind: socket.create_connection(("127.0.0.1", port)) for kind, port in ports.items()}
    made["sql"].sendall(asking.HELLO)
    while not made["sql"].recv(65536).endswith(asking.ENDS["sql"]):
        pass
    return made


def work(base, mine):
    for number in range(base, base + rounds):
        globals()[f"handle_{number}"](mine)
        time.sleep(0.002)


for number in range(rounds * workers):
    exec(SOURCE.replace("K", str(number)))
own = [links() for _ in range(workers)]
sys.stdin.readline()
running = [threading.Thread(target=work, args=(worker * rounds, own[worker])) for worker in range(workers)]
[thread.start() for thread in running]
[thread.join() for thread in running]
