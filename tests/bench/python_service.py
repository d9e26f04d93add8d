# SPDX-License-Identifier: Apache-2.0
"""python_service.py FAR_PORT: a RAG service on FastAPI, uvicorn and httpx. Prints its port; answers a line on its
standard input with the CPU time that it has used, in us; ends with its standard input."""
import asyncio
import os
import signal
import socket
import sys
import threading
import time
from contextlib import asynccontextmanager

import fastapi
import httpx
import pydantic
import uvicorn

FAR = f"http://127.0.0.1:{sys.argv[1]}"


class Answer(pydantic.BaseModel):
    text: str
    passages: list[str]


@asynccontextmanager
async def lifespan(app):
    async with httpx.AsyncClient(base_url=FAR, timeout=60) as client:
        app.state.client = client
        yield


app = fastapi.FastAPI(lifespan=lifespan)


async def embed(text):
    answer = await app.state.client.post("/v1/embeddings", json={"model": "text-embedding-3-small", "input": [text]})
    return answer.json()["data"][0]["embedding"]


async def search(vector, limit):
    answer = await app.state.client.post("/search", json={"vector": vector, "limit": limit})
    return answer.json()["result"]


def rank(question, found):
    words = set(question.split())
    return sorted(found, key=lambda hit: (-len(words & set(hit["payload"]["text"].split())), -hit["score"]))


def prompt_of(question, found):
    return "\n\n".join(hit["payload"]["text"] for hit in found) + "\n\n" + question


async def generate(prompt):
    messages = [{"role": "system", "content": "Answer from the passages."}, {"role": "user", "content": prompt}]
    answer = await app.state.client.post("/v1/chat/completions", json={"model": "gpt-4o-mini", "messages": messages})
    return answer.json()["choices"][0]["message"]["content"]


@app.get("/items/{number}")
async def ask(number: int) -> Answer:
    question = f"What is said of thing {number}?"
    narrow, wide = await asyncio.gather(embed(question), embed(question + " More widely."))
    found = [*await search(narrow, 5), *await search(wide, 5)]
    ranked = rank(question, found)
    return Answer(text=await generate(prompt_of(question, ranked)), passages=[hit["payload"]["text"] for hit in ranked])


def control():
    for _ in sys.stdin:
        print(time.process_time_ns() // 1000, flush=True)
    os.kill(os.getpid(), signal.SIGTERM)


listening = socket.create_server(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
threading.Thread(target=control, daemon=True).start()
uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, loop="asyncio", http="h11")).run([listening])
