#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""styles.py CAUSE__STYLE planted|healthy: causes of programs.py once more in other styles of programs
(event loops, services, pools, conversations), and those that only such programs have. The last line
of output is as there."""
import asyncio
import http.client
import json
import os
import queue
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from programs import CONTEXT, SCRATCH, SHOP, Api, all_but_longest, database, query, times


class Took:
    """with took: adds what is inside to took.ns."""

    ns = 0

    def __enter__(self):
        self.begin = time.perf_counter_ns()

    def __exit__(self, *_):
        self.ns += time.perf_counter_ns() - self.begin


took = Took()


def serve(answer, requests, clients):
    """A web service on an event loop, whose coroutine answer() does the work of a request."""

    async def handle(reader, writer):
        while line := await reader.readline():
            while (await reader.readline()).strip():
                pass
            await answer(line.split()[1].decode())
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-type: application/json\r\n\r\n{}")
            await writer.drain()
        writer.close()

    def ask(address, number):
        connection = http.client.HTTPConnection(*address, timeout=60)
        for i in range(number, requests, clients):
            connection.request("GET", f"/ask/{i}")
            connection.getresponse().read()
        connection.close()

    async def main():
        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()
        asked = [asyncio.to_thread(ask, address, number) for number in range(clients)]
        await asyncio.gather(*asked)
        server.close()

    asyncio.run(main())


class AsyncShop:
    """GET by the shop over one connection, without blocking the loop."""

    async def get(self, path):
        if not hasattr(self, "reader"):
            self.reader, self.writer = await asyncio.open_connection(*SHOP.split(":"))
        self.writer.write(f"GET {path} HTTP/1.1\r\nhost: shop\r\n\r\n".encode())
        head = await self.reader.readuntil(b"\r\n\r\n")
        await self.reader.readexactly(int(head.lower().split(b"content-length:")[1].split()[0]))


class AsyncApi:
    def __init__(self):
        import openai

        self.client = openai.AsyncOpenAI()

    async def chat(self, question, ms, **more):
        begin = time.perf_counter_ns()
        await self.client.chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": question}], max_tokens=5, **more,
            extra_headers={"x-stand-in-pace": f"first_token_ms={ms},gap_ms=0"})
        times.append(time.perf_counter_ns() - begin)


def loop_blocked__computes(planted):
    async def answer(_):
        await asyncio.sleep(0.04)
        with took:
            end = time.perf_counter() + (0.25 if planted else 0.002)
            while time.perf_counter() < end:
                sum(i * i for i in range(1000))

    serve(answer, 6, 3)
    return took.ns if planted else None


def loop_blocked__sleeps(planted):
    async def answer(_):
        if planted:
            with took:
                time.sleep(0.2)
        else:
            await asyncio.sleep(0.2)

    serve(answer, 6, 3)
    return took.ns


def sleep_on_path__asyncio(planted):
    async def main():
        shop = AsyncShop()
        for job in range(2):
            for _ in range(4 if planted else 0):
                await shop.get(f"/wait/5/jobs/{job}")
                with took:
                    await asyncio.sleep(0.2)
            await shop.get(f"/wait/100/results/{job}")

    asyncio.run(main())
    return took.ns


def consecutive_calls__awaits(planted):
    async def main():
        api = AsyncApi()
        calls = [api.chat(f"Summarise part {i}.", 400) for i in range(5)]
        if not planted:
            await asyncio.gather(*calls)
        else:
            for call in calls:
                await call

    asyncio.run(main())
    return all_but_longest()


def consecutive_calls__semaphore(planted):
    async def main():
        api, gate = AsyncApi(), asyncio.Semaphore(1 if planted else 8)

        async def ask(i):
            async with gate:
                await api.chat(f"Summarise part {i}.", 400)

        await asyncio.gather(*[ask(i) for i in range(5)])

    asyncio.run(main())
    return all_but_longest()


def lock_wait__in_turn(planted):
    """Each thread has a connection of its own, and all hold one lock meanwhile."""
    lock, apis = threading.Lock(), [Api() for _ in range(5)]

    def ask(i):
        if planted:
            with lock:
                apis[i].chat(f"Question {i}?", ms=300)
        else:
            apis[i].chat(f"Question {i}?", ms=300)

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(ask, range(5)))
    return all_but_longest()


def pool_exhausted__queue(planted):
    free = queue.Queue()
    for _ in range(1 if planted else 5):
        free.put(database())

    def work(i):
        connection = free.get()
        with connection.cursor() as cursor:
            query(cursor, "SELECT pg_sleep(0.05), %s::int", i)
        free.put(connection)

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(work, range(5)))
    return all_but_longest()


def prompt_growth__history(planted):
    api, history = Api(), []
    for i in range(8):
        history += [{"role": "user", "content": f"Question {i}? " + CONTEXT * 20}]
        sent = history if planted else history[-1:]
        api.post("/chat/completions", {"model": "gpt-4o-mini", "messages": sent, "max_tokens": 8},
                 f"first_token_ms={80 + (20 * i if planted else 0)},gap_ms=1")
        history += [{"role": "assistant", "content": f"Answer {i}."}]
    return None


def large_k__pgvector(planted):
    with database() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION IF NOT EXISTS vector")
        cursor.execute("CREATE TEMP TABLE chunks AS SELECT i AS id, 'text ' || i AS body,"
                       " ARRAY[i % 7, i % 11, i % 13]::vector AS place FROM generate_series(1, 2000) i")
        rows = query(cursor, "SELECT body FROM chunks ORDER BY place <-> '[1,2,3]' LIMIT " + ("500" if planted else "5"))
    Api().chat(context="\n".join(body for body, in rows), ms=500)
    return None


def fan_out__threads(planted):
    import urllib.request

    def fetch_one(i):
        urllib.request.urlopen(f"http://{SHOP}/wait/700/rank?document={i}").read()

    with ThreadPoolExecutor(30 if planted else 8) as pool:
        list(pool.map(fetch_one, range(30 if planted else 8)))
    return None


def n_plus_one_db__redis(planted):
    import redis

    cache = redis.Redis.from_url(os.environ["RAG_REDIS"])
    keys = [f"chunk:{i}" for i in range(800)]
    cache.mset(dict.fromkeys(keys, "text " * 20))
    with took:
        [cache.get(key) for key in keys] if planted else cache.mget(keys)
    return took.ns


def cold_load__service(planted):
    path = os.path.join(SCRATCH, "weights.bin")
    with open(path, "wb") as file:
        file.truncate(80_000_000)

    def load():
        with open(path, "rb") as file:
            return file.read()

    kept = None if planted else load()

    async def answer(_):
        with took:
            len(kept or load())
        await asyncio.sleep(0.03)

    serve(answer, 3, 1)
    return None


def conn_no_reuse__service(planted):
    kept = Api()

    async def answer(number):
        await asyncio.to_thread(lambda: (Api() if planted else kept).embed([f"text {number}", "another"], ms=4))

    serve(answer, 8, 1)
    return None


def malformed_output__prose(planted):
    api = Api()
    for _ in range(2 if planted else 1):
        api.chat("Give the hours as JSON.", ms=500, max_tokens=40,
                 **({"response_format": {"type": "json_object"}} if planted else {}))
    return times[0]


def talk_with_tools(api, tools, calls, same):
    """A conversation in which the model wants so many calls of a tool."""
    messages = [{"role": "user", "content": "When is the dome closed?"}]
    for i in range(calls + 1):
        begin = time.perf_counter_ns()
        body = {"model": "gpt-4o-mini", "messages": messages, "tools": tools}
        api.connection.request("POST", "/v1/chat/completions", json.dumps(body), {
            "content-type": "application/json", "authorization": "Bearer sk-not-a-real-key",
            "x-stand-in-pace": "first_token_ms=150,gap_ms=1", "x-stand-in-tool-calls": f"{calls}{'' if same else ',new'}"})
        message = json.loads(api.connection.getresponse().read())["choices"][0]["message"]
        times.append(time.perf_counter_ns() - begin)
        messages.append(message)
        for call in message.get("tool_calls") or []:
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": CONTEXT})


def tool(name):
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}


def agent_loop__same(planted):
    talk_with_tools(Api(), [tool("search"), tool("add")], 6 if planted else 2, planted)
    return sum(times[1:-1])


def missed_fastpath__one_tool(planted):
    talk_with_tools(Api(), [tool("search")] if planted else [tool("search"), tool("add")], 1, False)
    return times[0]


if __name__ == "__main__":
    cause, how = sys.argv[1:]
    told = globals()[cause](how == "planted")
    print(json.dumps({"planted_ns": told}))
