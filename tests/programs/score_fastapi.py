# SPDX-License-Identifier: Apache-2.0
"""score_fastapi.py PORT FAR_PORT: a FastAPI service that asks its far end through one httpx client."""
import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager

import fastapi
import httpx
import uvicorn
from fastapi.responses import StreamingResponse

from score_log import Call

port, far_port = (int(word) for word in sys.argv[1:3])


@asynccontextmanager
async def lifespan(app):
    limits = httpx.Limits(max_connections=1000, max_keepalive_connections=100)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{far_port}", timeout=60, limits=limits) as client:
        app.state.client = client
        yield


app = fastapi.FastAPI(lifespan=lifespan)


async def post(above):
    with Call("post", above) as own:
        exchange, path = own.exchange()
        with exchange:
            (await app.state.client.get(path)).raise_for_status()


async def embed(above):
    with Call("embed", above) as own:
        await post(own)


def rank(above):
    with Call("rank", above):
        return sum(range(1000))


async def search(above):
    with Call("search", above) as own:
        await asyncio.gather(post(own), post(own), asyncio.get_running_loop().run_in_executor(None, rank, own))


async def token(first):
    with Call("token", beside=first) as own:
        await asyncio.sleep(0.001)
        rank(own)


async def tokens(first):
    """Runs when the handler has returned."""
    for _ in range(3):
        await token(first)
        yield b"token "


@app.get("/answer/{number}")
async def ask(number: int):
    with Call("ask", request=number) as own:
        await embed(own)
        await search(own)
        return StreamingResponse(tokens(own))


@app.get("/plain/{number}")
def plain(number: int):
    """In a thread of anyio's."""
    with Call("plain", request=number) as own:
        rank(own)
        return {"answer": number}


@app.get("/quit")
async def leave():
    asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGINT)


uvicorn.run(app, port=port, log_level="warning")
