# SPDX-License-Identifier: Apache-2.0
"""Answers small requests on a port that it prints, on asyncio; ends with its standard input."""
import asyncio
import json
import sys
import time

ANSWER = json.dumps({"item": 4711, "name": "a thing", "price": 12.5}).encode()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


async def answer(reader, writer):
    try:
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(HEAD % len(ANSWER) + ANSWER)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


def tell_cpu():
    if not sys.stdin.readline():
        sys.exit(0)
    print(int(time.process_time() * 1e6), flush=True)


async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    asyncio.get_running_loop().add_reader(sys.stdin, tell_cpu)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
