# SPDX-License-Identifier: Apache-2.0
"""t_garbage.py PORT CALLS CONNECTIONS: makes CALLS calls of a model through httpx, and meanwhile opens
CONNECTIONS connections to PORT that talk nonsense of every kind and end in every way. Prints the
tokens of each call as the client was told, a JSON line each."""
import itertools
import json
import os
import random
import socket
import struct
import sys
import threading

import httpx

port, calls, connections = map(int, sys.argv[1:])
numbers = itertools.count()

BEGINNINGS = [
    b"",
    b"GET / HTTP/1.1\r\nhost: x\r\n",
    b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 999999999999\r\n\r\n{\"model\":\"",
    b"POST /v1/chat/completions HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nffffffffff\r\n",
    b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n\x1f\x8b\x08",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]),
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([255, 255, 255, 1, 4, 0, 0, 0, 1]),
    struct.pack(">II", 86, 196608) + b"user\0postgres\0\0",
    b"Q\xff\xff\xff\xf0SELECT 1",
    b"*2147483647\r\n$3\r\nGET\r\n",
    b"*2\r\n$3\r\nGET\r\n$999999999\r\n",
    b"get " + b"k" * 250 + b" ",
    struct.pack("<iiii", 48000000, 1, 0, 2013) + b"\0" * 5,
    b"\x4a\0\0\0\x0a8.0.36\0",
    bytes([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]),
    b"data: {\"choices\":[{\"delta\":{\"content\":\"",
]


def nonsense(number):
    dice = random.Random(number)
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(5)
        connection.sendall(BEGINNINGS[number % len(BEGINNINGS)])
        connection.sendall(dice.randbytes(dice.choice((0, 1, 9, 100, 5000, 200000))))
        end = number % 4
        if end == 0:
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass
        elif end == 1:
            connection.recv(10)
        elif end == 2:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def disturb():
    while (number := next(numbers)) < connections:
        try:
            nonsense(number)
        except OSError:
            pass


def talk(client, number):
    body = {"model": "gpt-4o-mini", "max_tokens": 5 + number % 9, "stream": number % 2 == 0,
            "messages": [{"role": "user", "content": "tell of a lamp " * (1 + number % 11)}]}
    if body["stream"]:
        body["stream_options"] = {"include_usage": True}
    headers = {"x-stand-in-pace": "headers_ms=0,first_chunk_ms=0,first_token_ms=0,gap_ms=0"}
    answer = client.post("/v1/chat/completions", json=body, headers=headers).text
    if body["stream"]:
        events = [json.loads(line[6:]) for line in answer.splitlines() if line.startswith("data: {")]
        usage = next(event["usage"] for event in events if event.get("usage"))
    else:
        usage = json.loads(answer)["usage"]
    print(json.dumps([usage["prompt_tokens"], usage["completion_tokens"]]))


def main():
    threads = [threading.Thread(target=disturb) for _ in range(3 if connections else 0)]
    for thread in threads:
        thread.start()
    with httpx.Client(base_url=os.environ["OPENAI_BASE_URL"].removesuffix("/v1"), timeout=60) as client:
        for number in range(calls):
            talk(client, number)
    for thread in threads:
        thread.join()


main()
