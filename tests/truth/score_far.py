# SPDX-License-Identifier: Apache-2.0
"""The two sides around a scored program: a far end that it asks, and clients that ask it."""
import asyncio
import threading

PAUSE = 0.002  # how long the far end thinks


class Far:
    """An HTTP/1.1 far end in a thread of its own: every GET is answered after a pause."""

    def __init__(self):
        self.ready = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self.main()), daemon=True)
        self.thread.start()
        self.ready.wait()

    async def main(self):
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0, backlog=1000)
        self.port = server.sockets[0].getsockname()[1]
        self.ready.set()
        async with server:
            await server.serve_forever()

    async def serve(self, reader, writer):
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                await asyncio.sleep(PAUSE)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nok")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


async def get(reader, writer, path):
    """The status of one GET whose answer has a length, or comes in chunks."""
    writer.write(f"GET {path} HTTP/1.1\r\nHost: near\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = int(head.split(None, 2)[1])
    if b"transfer-encoding: chunked" in head:
        while int(await reader.readline(), 16):
            await reader.readline()
        await reader.readline()
    else:
        for line in head.split(b"\r\n"):
            if line.startswith(b"content-length:"):
                await reader.readexactly(int(line.split(b":")[1]))
    return status


async def connect(port, seconds=60):
    for _ in range(seconds * 50):
        try:
            return await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.02)
    raise TimeoutError(f"nobody listens on port {port}")


async def drive(port, paths, concurrent):
    """Asks for each path once, over `concurrent` connections; then for /quit. Failed ones are returned."""
    waiting, failed = list(reversed(paths)), []

    async def lane():
        reader, writer = await connect(port)
        while waiting:
            path = waiting.pop()
            status = await get(reader, writer, path)
            if status != 200:
                failed.append((path, status))
        writer.close()

    await asyncio.gather(*(lane() for _ in range(concurrent)))
    try:
        await get(*await connect(port), "/quit")
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    return failed
