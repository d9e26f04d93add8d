# SPDX-License-Identifier: Apache-2.0
"""asyncio: streams over TCP and Unix sockets, a subprocess, a thread pool, cancellation, signals."""

import asyncio
import os
import signal
import socket
import sys


async def echo(reader, writer):
    while data := await reader.readline():
        writer.write(data.upper())
        await writer.drain()
    writer.close()


async def ask(opened, number):
    reader, writer = await opened
    answers = []
    for i in range(20):
        writer.write(f"line {number} {i}\n".encode())
        await writer.drain()
        answers.append((await reader.readline()).decode().strip())
    writer.close()
    await writer.wait_closed()
    return answers[-1]


async def cancelled():
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        return "cancelled"


async def main():
    loop = asyncio.get_running_loop()
    tcp = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = tcp.sockets[0].getsockname()[1]
    unix = await asyncio.start_unix_server(echo, "socket")
    print(*await asyncio.gather(*(ask(asyncio.open_connection("localhost", port), i) for i in range(20))), sep="\n")
    print(*await asyncio.gather(*(ask(asyncio.open_unix_connection("socket"), i) for i in range(5))), sep="\n")
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "print(input()[::-1]); raise SystemExit(3)", stdin=-1, stdout=-1
    )
    print((await child.communicate(b"abc\n"))[0], child.returncode)
    print(await asyncio.gather(*(loop.run_in_executor(None, pow, 3, i) for i in range(10))))
    task = asyncio.create_task(cancelled())
    await asyncio.sleep(0)
    task.cancel()
    print(await task)
    got = asyncio.Event()
    loop.add_signal_handler(signal.SIGUSR1, got.set)
    os.kill(os.getpid(), signal.SIGUSR1)
    await got.wait()
    try:
        await loop.getaddrinfo("no-such-host.invalid", 80)
    except socket.gaierror as error:
        print("name lookup fails:", error.errno < 0)
    tcp.close()
    unix.close()


asyncio.run(main())
