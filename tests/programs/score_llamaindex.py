# SPDX-License-Identifier: Apache-2.0
"""score_llamaindex.py REQUESTS CONCURRENT FAR_PORT: LlamaIndex: an index, its retriever and query engine
with an embedding and a model of our own that ask the far end; sync in threads and async."""
import asyncio
import sys
from typing import Any

import httpx
from llama_index.core import Document, VectorStoreIndex
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.llms import CompletionResponse, CustomLLM, LLMMetadata
from llama_index.core.llms.callbacks import llm_completion_callback

from score_log import Call

requests, concurrent, port = (int(word) for word in sys.argv[1:4])
limits = httpx.Limits(max_connections=1000)
client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, limits=limits)
state = {}
calls = {}  # question: the call that asks it, for what LlamaIndex calls with the question alone


def above_of(text):
    for question, call in list(calls.items()):
        if question in text:
            return call
    return None


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


class Embedding(BaseEmbedding):
    def _get_text_embedding(self, text):
        return [float(len(text)), 1.0, 0.5]

    def _get_query_embedding(self, query):
        with Call("_get_query_embedding", above_of(query)) as own:
            post(own)
            return [1.0, 0.5, 0.25]

    async def _aget_query_embedding(self, query):
        with Call("_aget_query_embedding", above_of(query)) as own:
            await apost(own)
            return [1.0, 0.5, 0.25]


class Model(CustomLLM):
    @property
    def metadata(self):
        return LLMMetadata()

    @llm_completion_callback()
    def complete(self, prompt: str, **_: Any):
        with Call("complete", above_of(prompt)) as own:
            post(own)
            return CompletionResponse(text="an answer")

    @llm_completion_callback()
    async def acomplete(self, prompt: str, **_: Any):
        with Call("acomplete", above_of(prompt)) as own:
            await apost(own)
            return CompletionResponse(text="an answer")

    @llm_completion_callback()
    def stream_complete(self, prompt: str, **_: Any):
        raise NotImplementedError


index = VectorStoreIndex.from_documents([Document(text=f"document {i}") for i in range(4)], embed_model=Embedding())
engine = index.as_query_engine(llm=Model(), embed_model=Embedding())


def handle(number):
    with Call("handle", request=number) as own:
        question = f"question <{number}>"
        calls[question] = own
        engine.query(question)
        calls.pop(question)


async def ahandle(number):
    with Call("ahandle", request=number) as own:
        question = f"question <{number}>"
        calls[question] = own
        await engine.aquery(question)
        calls.pop(question)


async def main():
    gate = asyncio.Semaphore(concurrent)

    async def admitted(number):
        async with gate:
            await (asyncio.to_thread(handle, number) if number % 2 else ahandle(number))

    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60, limits=limits) as own:
        state["client"] = own
        await asyncio.gather(*(admitted(number) for number in range(requests)))


asyncio.run(main())
