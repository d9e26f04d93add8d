# SPDX-License-Identifier: Apache-2.0
"""t_compat_llm.py CLIENT: one short talk through a real client of language models. Prints what the
client itself was told: a line `input tokens, output tokens` for each call that says."""
import asyncio
import json
import os
import sys

QUESTION = "What does the keeper of the tower write, and when does she go to bed?"
STORY = "The keeper of the tower writes one line for each ship. Then she goes to bed at midnight."
TALK = [{"role": "system", "content": STORY}, {"role": "user", "content": QUESTION}]
PROMPT = [TALK[1]]
CHAT = "gpt-4o-mini"
TEXTS = ["a lamp in the tower", "ships pass at night"]


def told(usage, read="prompt_tokens", written="completion_tokens"):
    usage = usage if isinstance(usage, dict) else vars(usage)
    print(json.dumps([usage.get(read), usage.get(written)]), flush=True)


def far(name, path=""):
    return os.environ["FAR_" + name.upper()] + path


def http_body(stream):
    more = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    return {"model": CHAT, "messages": TALK, "max_tokens": 12, **more}


def http_headers(packed=""):
    accepted = {"accept-encoding": packed} if packed else {}
    return {"authorization": "Bearer " + os.environ["OPENAI_API_KEY"], **accepted}


def from_lines(lines):
    for line in lines:
        if line.startswith("data: {"):
            usage = json.loads(line[6:]).get("usage")
            if usage:
                told(usage)


def openai_sync():
    import openai
    client = openai.OpenAI()
    told(client.chat.completions.create(**http_body(False)).usage)
    for event in client.chat.completions.create(**http_body(True)):
        if event.usage:
            told(event.usage)
    response = client.responses.create(model=CHAT, input=QUESTION, instructions=STORY)
    told(response.usage, "input_tokens", "output_tokens")
    for event in client.responses.create(model=CHAT, input=QUESTION, instructions=STORY, stream=True):
        if event.type == "response.completed":
            told(event.response.usage, "input_tokens", "output_tokens")
    told(client.embeddings.create(model="stand-in-384", input=TEXTS).usage)


async def openai_async():
    import openai
    async with openai.AsyncOpenAI() as client:
        told((await client.chat.completions.create(**http_body(False))).usage)
        async for event in await client.chat.completions.create(**http_body(True)):
            if event.usage:
                told(event.usage)


def anthropic_told(usage):
    read = usage.input_tokens + (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)
    told({"read": read, "written": usage.output_tokens}, "read", "written")


def anthropic_sync():
    import anthropic
    client = anthropic.Anthropic(base_url=far("anthropic"))
    marked = [{"type": "text", "text": STORY, "cache_control": {"type": "ephemeral"}}]
    asked = {"model": "claude-sonnet-4-5", "max_tokens": 2000, "messages": PROMPT}
    anthropic_told(client.messages.create(**asked, system=marked).usage)
    with client.messages.stream(**asked, thinking={"type": "enabled", "budget_tokens": 1024}) as stream:
        anthropic_told(stream.get_final_message().usage)


async def anthropic_async():
    import anthropic
    async with anthropic.AsyncAnthropic(base_url=far("anthropic")) as client:
        async with client.messages.stream(model="claude-sonnet-4-5", max_tokens=99, messages=PROMPT) as stream:
            anthropic_told((await stream.get_final_message()).usage)


def httpx_sync():
    import httpx
    with httpx.Client(base_url=far("openai"), headers=http_headers()) as client:
        told(client.post("/v1/chat/completions", json=http_body(False)).json()["usage"])
        with client.stream("POST", "/v1/chat/completions", json=http_body(True)) as answer:
            from_lines(answer.iter_lines())


async def httpx_async():
    import httpx
    async with httpx.AsyncClient(base_url=far("openai"), headers=http_headers()) as client:
        told((await client.post("/v1/chat/completions", json=http_body(False))).json()["usage"])


async def httpx_h2():
    """Eight requests at once on one connection."""
    import httpx

    async def one(client, stream):
        async with client.stream("POST", "/v1/chat/completions", json=http_body(stream)) as answer:
            assert answer.http_version == "HTTP/2"
            text = (await answer.aread()).decode()
        if stream:
            from_lines(text.splitlines())
        else:
            told(json.loads(text)["usage"])

    async with httpx.AsyncClient(http2=True, base_url=far("openai_h2"), headers=http_headers()) as client:
        await one(client, False)
        await asyncio.gather(*(one(client, number % 2) for number in range(8)))


def httpx_packed():
    """Bodies in each encoding that the far end and the client know."""
    import httpx
    for encoding in ("gzip", "deflate", "br", "zstd"):
        headers = {**http_headers(encoding), "x-stand-in-encoding": encoding}
        with httpx.Client(base_url=far("openai"), headers=headers) as client:
            answer = client.post("/v1/chat/completions", json=http_body(False))
            assert answer.headers["content-encoding"] == encoding
            told(answer.json()["usage"])


def requests_sync():
    import requests
    with requests.Session() as client:
        url = far("openai", "/v1/chat/completions")
        told(client.post(url, json=http_body(False), headers=http_headers()).json()["usage"])
        answer = client.post(url, json=http_body(True), headers=http_headers(), stream=True)
        from_lines(line.decode() for line in answer.iter_lines())


async def aiohttp_async():
    import ssl

    import aiohttp
    trust = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"]))
    async with aiohttp.ClientSession(connector=trust, headers=http_headers()) as client:
        url = far("openai", "/v1/chat/completions")
        async with client.post(url, json=http_body(False)) as answer:
            told((await answer.json())["usage"])
        async with client.post(url, json=http_body(True)) as answer:
            from_lines([line.decode() async for line in answer.content])


async def on_uvloop():
    await httpx_async()
    await aiohttp_async()


def langchain_chain():
    from langchain_core.output_parsers import StrOutputParser
    from langchain_core.prompts import ChatPromptTemplate
    from langchain_openai import ChatOpenAI, OpenAIEmbeddings
    OpenAIEmbeddings(model="stand-in-384", check_embedding_ctx_length=False).embed_documents(TEXTS)
    model = ChatOpenAI(model=CHAT, max_tokens=12, stream_usage=True)
    prompt = ChatPromptTemplate.from_messages([("system", "{story}"), ("user", "{question}")])
    filled = {"story": STORY, "question": QUESTION}
    told((prompt | model).invoke(filled).usage_metadata, "input_tokens", "output_tokens")
    for part in (prompt | model).stream(filled):
        if part.usage_metadata:
            told(part.usage_metadata, "input_tokens", "output_tokens")
    assert (prompt | model | StrOutputParser()).invoke(filled)


def llama_index_query():
    from llama_index.core import Document, VectorStoreIndex
    from llama_index.embeddings.openai import OpenAIEmbedding
    from llama_index.llms.openai import OpenAI
    base = os.environ["OPENAI_BASE_URL"]
    index = VectorStoreIndex.from_documents(
        [Document(text=text) for text in (STORY, *TEXTS)],
        embed_model=OpenAIEmbedding(model_name="text-embedding-3-small", api_base=base))
    model = OpenAI(model=CHAT, max_tokens=12, api_base=base)
    assert index.as_query_engine(llm=model, similarity_top_k=2).query(QUESTION).response


def google_genai():
    from google import genai
    client = genai.Client(api_key=os.environ["OPENAI_API_KEY"], http_options={"base_url": far("gemini")})
    usage = client.models.generate_content(model="gemini-2.5-flash", contents=QUESTION).usage_metadata
    told(usage, "prompt_token_count", "candidates_token_count")
    for part in client.models.generate_content_stream(model="gemini-2.5-flash", contents=QUESTION):
        usage = part.usage_metadata
    told(usage, "prompt_token_count", "candidates_token_count")
    client.models.embed_content(model="gemini-embedding-001", contents=TEXTS)


def cohere_v2():
    import cohere
    client = cohere.ClientV2(api_key=os.environ["OPENAI_API_KEY"], base_url=far("cohere"))
    told(client.chat(model="command-a-03-2025", messages=TALK).usage.tokens, "input_tokens", "output_tokens")
    for event in client.chat_stream(model="command-a-03-2025", messages=TALK):
        if event.type == "message-end":
            told(event.delta.usage.tokens, "input_tokens", "output_tokens")
    client.embed(model="embed-v4.0", texts=TEXTS, input_type="search_document", embedding_types=["float"])
    client.rerank(model="rerank-v3.5", query=QUESTION, documents=[STORY, *TEXTS], top_n=2)


def mistral():
    from mistralai.client import Mistral
    with Mistral(api_key=os.environ["OPENAI_API_KEY"], server_url=far("openai")) as client:
        told(client.chat.complete(model=CHAT, messages=TALK, max_tokens=12).usage)


def ollama_native():
    import ollama
    client = ollama.Client(host=far("ollama"))
    answer = client.chat(model="llama3.2", messages=TALK)
    told(answer, "prompt_eval_count", "eval_count")
    for answer in client.generate(model="llama3.2", prompt=QUESTION, stream=True):
        pass
    told(answer, "prompt_eval_count", "eval_count")
    client.embed(model="all-minilm", input=TEXTS)


def bedrock():
    import boto3
    client = boto3.client("bedrock-runtime", endpoint_url=far("bedrock"), region_name="us-east-1",
                          aws_access_key_id="AKIASTANDIN", aws_secret_access_key=os.environ["OPENAI_API_KEY"])
    asked = {"modelId": "us.amazon.nova-lite-v1:0", "messages": [{"role": "user", "content": [{"text": QUESTION}]}]}
    told(client.converse(**asked)["usage"], "inputTokens", "outputTokens")
    for event in client.converse_stream(**asked)["stream"]:
        if "metadata" in event:
            told(event["metadata"]["usage"], "inputTokens", "outputTokens")
    client.invoke_model(modelId="amazon.titan-embed-text-v2:0", body=json.dumps({"inputText": QUESTION}))


async def mcp_stdio():
    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client
    server = StdioServerParameters(command=sys.executable, args=[__file__, "mcp_server", "stdio"], env=dict(os.environ))
    async with stdio_client(server) as (reading, writing):
        await mcp_talk(ClientSession(reading, writing))


async def mcp_http():
    from mcp import ClientSession
    from mcp.client.streamable_http import streamable_http_client
    async with streamable_http_client(f"http://127.0.0.1:{os.environ['FAR_MCP']}/mcp") as streams:
        await mcp_talk(ClientSession(streams[0], streams[1]))


async def mcp_talk(session):
    async with session:
        await session.initialize()
        await session.list_tools()
        await session.call_tool("look_up", {"query": QUESTION})


def mcp_server():
    """The far end of both, over the transport that argv[2] names."""
    from mcp.server import MCPServer
    server = MCPServer("tower")

    @server.tool()
    def look_up(query: str) -> str:
        return "one line for each ship"

    server.run(sys.argv[2], **({"port": int(sys.argv[3])} if len(sys.argv) > 3 else {}))


if __name__ == "__main__":
    run = globals()[sys.argv[1]]
    if sys.argv[1] == "on_uvloop":
        import uvloop
        uvloop.run(run())
    elif asyncio.iscoroutinefunction(run):
        asyncio.run(run())
    else:
        run()
