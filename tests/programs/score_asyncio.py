# SPDX-License-Identifier: Apache-2.0
"""score_asyncio.py REQUESTS CONCURRENT FAR_PORT [uvloop]: a RAG program on an event loop.

Everything that moves a call elsewhere: await, gather, tasks, async generators, executors,
callbacks, wait_for and cancellation, a pool of connections shared by all requests.
"""
import asyncio
import functools
import sys

from score_log import Call

requests, concurrent, port = (int(word) for word in sys.argv[1:4])
pool = []


async def post(above):
    """One exchange with the far end, over whichever connection is free."""
    with Call("post", above) as own:
        if pool:
            reader, writer = pool.pop()
        else:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        exchange, path = own.exchange()
        with exchange:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: far\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            size = int(head.lower().split(b"content-length:")[1].split()[0])
            await reader.readexactly(size)
        pool.append((reader, writer))


async def embed(above):
    with Call("embed", above) as own:
        await post(own)


def rank(above):
    with Call("rank", above):
        return sum(range(1000))


async def shard(above):
    with Call("shard", above) as own:
        await asyncio.sleep(0.001)
        rank(own)


async def search(above):
    with Call("search", above) as own:
        await asyncio.gather(*(shard(own) for _ in range(3)))
        await asyncio.get_running_loop().run_in_executor(None, functools.partial(rank, own))
        if hasattr(asyncio, "to_thread"):
            await asyncio.to_thread(rank, own)


async def tokens(above):
    with Call("tokens", above) as own:
        for _ in range(3):
            await asyncio.sleep(0)
            rank(own)
            yield "token"


async def generate(above):
    with Call("generate", above) as own:
        task = asyncio.ensure_future(post(own))
        async for _ in tokens(own):
            pass
        await task


def note(above, done):
    with Call("note", above):
        done.set_result(None)


async def remember(above):
    """By a callback, and by one that comes later."""
    with Call("remember", above) as own:
        loop = asyncio.get_running_loop()
        soon, later = loop.create_future(), loop.create_future()
        loop.call_soon(note, own, soon)
        loop.call_later(0.001, note, own, later)
        await soon
        await later


async def slow(above):
    with Call("slow", above):
        await asyncio.sleep(60)


async def give_up(above):
    with Call("give_up", above) as own:
        try:
            await asyncio.wait_for(slow(own), 0.002)
        except asyncio.TimeoutError:
            pass


async def handle(number):
    with Call("handle", request=number) as own:
        await embed(own)
        await search(own)
        await asyncio.gather(generate(own), remember(own), give_up(own))


async def main():
    gate = asyncio.Semaphore(concurrent)

    async def admitted(number):
        async with gate:
            await handle(number)

    await asyncio.gather(*(admitted(number) for number in range(requests)))
    for _, writer in pool:
        writer.close()


if sys.argv[4:] == ["uvloop"]:
    import uvloop
    uvloop.install()
asyncio.run(main())
