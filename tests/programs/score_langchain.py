# SPDX-License-Identifier: Apache-2.0
"""score_langchain.py REQUESTS CONCURRENT FAR_PORT: chains of LangChain, sync in its threads and async."""
import asyncio
import sys

import httpx
from langchain_core.runnables import RunnableConfig, RunnableLambda, RunnableParallel

from score_log import Call

requests, concurrent, port = (int(word) for word in sys.argv[1:4])
limits = httpx.Limits(max_connections=1000)
client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, limits=limits)


def post(above):
    with Call("post", above) as own:
        exchange, path = own.exchange()
        with exchange:
            client.get(path).raise_for_status()


async def apost(above):
    with Call("apost", above) as own:
        exchange, path = own.exchange()
        with exchange:
            (await state["client"].get(path)).raise_for_status()


def embed(above):
    with Call("embed", above) as own:
        post(own)
    return above


def search(above):
    with Call("search", above) as own:
        post(own)
    return above


def rank(above):
    with Call("rank", above):
        return above


async def generate(above):
    with Call("generate", above) as own:
        await apost(own)
    return above


def one(parts):
    return parts["dense"]


state = {}
retrieve = RunnableParallel(dense=RunnableLambda(embed), sparse=RunnableLambda(search)) | one | RunnableLambda(rank)
answer = retrieve | RunnableLambda(generate)


def handle(number):
    with Call("handle", request=number) as own:
        retrieve.invoke(own)
        retrieve.batch([own, own], RunnableConfig(max_concurrency=2))


async def ahandle(number):
    with Call("ahandle", request=number) as own:
        await answer.ainvoke(own)
        async for _ in answer.astream(own):
            pass


async def main():
    gate = asyncio.Semaphore(concurrent)

    async def admitted(number):
        async with gate:
            if number % 2:
                await asyncio.to_thread(handle, number)
            else:
                await ahandle(number)

    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60, limits=limits) as own:
        state["client"] = own
        await asyncio.gather(*(admitted(number) for number in range(requests)))


asyncio.run(main())
