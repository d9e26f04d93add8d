# SPDX-License-Identifier: Apache-2.0
"""t_clients.py CLIENT OUT: talks to the stand-ins for paid APIs through a real client library, and writes down what it saw itself: a JSON line for each call, times of CLOCK_MONOTONIC."""
import asyncio
import json
import os
import sys
import time

BASE = os.environ["OPENAI_BASE_URL"]
KEY = {"authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}
MODEL = "gpt-4o-mini"
LONG = {256: 1700, 1024: 5400, 5120: 28000}  # KiB of a stream: tokens that it takes
out = open(sys.argv[2], "w", buffering=1)


def question(number, words=0):
    """No two cost the same tokens: a call that got another's figures is found out."""
    text = "The keeper of the tower writes " + "one more line and " * (3 + number) + "goes to bed."
    if words:
        text += " The long story " + "ticks on " * words + "and ends."
    return [{"role": "system", "content": text}, {"role": "user", "content": f"What of {number}?"}]


def body(number, stream, words=0):
    made = {"model": MODEL, "messages": question(number, words), "stream": stream,
            "max_tokens": words or 12 + number % 7}
    return {**made, "stream_options": {"include_usage": True}} if stream else made


def pace(number):
    """Apart from each other, so that each token has a read of its own."""
    return {"x-stand-in-pace": f"first_token_ms={20 + number % 5},gap_ms=4,headers_ms=5"}


def fast(gzip=False):
    quick = "headers_ms=0,first_chunk_ms=0,first_token_ms=5,gap_ms=0,embed_ms=0"
    return {"x-stand-in-pace": quick, **({"x-stand-in-encoding": "gzip"} if gzip else {})}


class Seen:
    """What the program itself knows of one call."""

    def __init__(self, label):
        self.entry = {"label": label, "start_ns": time.monotonic_ns()}
        self.gaps = []

    def token(self):
        now = time.monotonic_ns()
        self.entry.setdefault("first_ns", now)
        self.gaps.append(now - self.entry.get("last_ns", now))
        self.entry["last_ns"] = now

    def done(self, request, usage):
        self.entry.update(request=int(request.removeprefix("req_"), 16), usage=usage,
                          end_ns=time.monotonic_ns())
        if self.entry["label"] == "stream":
            self.entry["gaps_ns"] = self.gaps[1:]
        out.write(json.dumps(self.entry) + "\n")


def take_lines(seen, lines):
    """Server-sent events, read by hand. The usage of the last one."""
    usage = None
    for line in lines:
        line = line.decode() if isinstance(line, bytes) else line
        if not line.startswith("data: ") or line == "data: [DONE]":
            continue
        event = json.loads(line[6:])
        usage = event.get("usage") or usage
        if event["choices"] and event["choices"][0]["delta"].get("content"):
            seen.token()
    return usage


def plan(largest):
    """Label, body, headers of every call of the libraries that know HTTP alone."""
    for number in range(12):
        yield "stream", body(number, True), pace(number)
    for number in range(12, 18):
        yield "whole", body(number, False), fast()
    yield "gzip", body(18, False), fast(True)
    yield "gzip stream", body(19, True), fast(True)
    for size, tokens in LONG.items():
        if size <= largest:
            yield f"{size} KiB", body(20 + size, True, tokens), fast()
    yield "1024 KiB gzip", body(30, True, LONG[1024]), fast(True)


def use_httpx():
    import httpx
    with httpx.Client(headers=KEY, timeout=60) as client:
        for label, content, headers in plan(largest=5120):
            seen = Seen(label)
            url = BASE + "/chat/completions"
            if not content["stream"]:
                answer = client.post(url, json=content, headers=headers)
                seen.done(answer.headers["x-request-id"], answer.json()["usage"])
                continue
            with client.stream("POST", url, json=content, headers=headers) as answer:
                usage = take_lines(seen, answer.iter_lines())
                seen.done(answer.headers["x-request-id"], usage)


def use_requests():
    import requests
    with requests.Session() as client:
        for label, content, headers in plan(largest=1024):
            seen = Seen(label)
            answer = client.post(BASE + "/chat/completions", json=content, timeout=60,
                                 headers={**KEY, **headers}, stream=content["stream"])
            usage = take_lines(seen, answer.iter_lines(1)) if content["stream"] else answer.json()["usage"]
            seen.done(answer.headers["x-request-id"], usage)


def take_event(seen, event):
    if event.choices and event.choices[0].delta.content:
        seen.token()
    return event.usage and event.usage.model_dump()


def use_openai():
    import openai
    client = openai.OpenAI()
    for number in range(16):
        seen = Seen("stream" if number < 12 else "whole")
        content, headers = body(number, number < 12), pace(number) if number < 12 else fast()
        raw = client.chat.completions.with_raw_response.create(**content, extra_headers=headers)
        request, answer = raw.headers["x-request-id"], raw.parse()
        usage = None
        if number >= 12:
            usage = answer.usage.model_dump()
        else:
            for event in answer:
                usage = take_event(seen, event) or usage
        seen.done(request, usage)
    for number in range(3):
        seen = Seen("embeddings")
        raw = client.embeddings.with_raw_response.create(
            model="stand-in-384", input=["word " * (number + 2)] * (number + 1), extra_headers=fast())
        seen.done(raw.headers["x-request-id"], raw.parse().usage.model_dump())


def use_responses():
    import openai
    client = openai.OpenAI()
    for number in range(10):
        seen = Seen("stream" if number < 8 else "whole")
        system, user = question(number)
        raw = client.responses.with_raw_response.create(
            model=MODEL, instructions=system["content"], input=[user], stream=number < 8,
            max_output_tokens=16 + number, extra_headers=pace(number))
        answer = raw.parse()
        for event in answer if number < 8 else []:
            if event.type == "response.output_text.delta":
                seen.token()
            elif event.type == "response.completed":
                answer = event.response
        seen.done(raw.headers["x-request-id"], {"prompt_tokens": answer.usage.input_tokens,
                                                "completion_tokens": answer.usage.output_tokens})


def use_anthropic():
    import anthropic
    client = anthropic.Anthropic(base_url=os.environ["FAR_ANTHROPIC"])
    for number in range(10):
        seen = Seen("stream" if number < 8 else "whole")
        system, user = question(number)
        asked = {"model": "claude-stand-in", "max_tokens": 16 + number, "messages": [user],
                 "system": [{"type": "text", "text": system["content"], "cache_control": {"type": "ephemeral"}}],
                 "extra_headers": pace(number)}
        if number < 8:
            with client.messages.stream(**asked) as stream:
                for _ in stream.text_stream:
                    seen.token()
                usage, request = stream.get_final_message().usage, stream.response.headers["x-request-id"]
        else:
            raw = client.messages.with_raw_response.create(**asked)
            usage, request = raw.parse().usage, raw.headers["x-request-id"]
        seen.done(request, {"prompt_tokens": usage.input_tokens + usage.cache_read_input_tokens,
                            "completion_tokens": usage.output_tokens})


async def one_http2(client, number, label="stream"):
    seen = Seen(label)
    async with client.stream("POST", "/v1/chat/completions", json=body(number, True), headers=pace(number)) as answer:
        assert answer.http_version == "HTTP/2"
        usage = None
        async for line in answer.aiter_lines():
            usage = take_lines(seen, [line]) or usage
        seen.done(answer.headers["x-request-id"], usage)


async def use_http2():
    """Eight streams at once on one connection, again and again."""
    import httpx
    async with httpx.AsyncClient(http2=True, base_url=os.environ["FAR_OPENAI_H2"], headers=KEY, timeout=60) as client:
        await one_http2(client, 24, "first")
        for first in range(0, 24, 8):
            await asyncio.gather(*(one_http2(client, number) for number in range(first, first + 8)))


async def chat(client, number):
    seen, usage = Seen("stream"), None
    raw = await client.chat.completions.with_raw_response.create(
        **body(number, True), extra_headers=pace(number))
    async for event in raw.parse():
        usage = take_event(seen, event) or usage
    seen.done(raw.headers["x-request-id"], usage)


async def use_async():
    import openai
    async with openai.AsyncOpenAI(timeout=120) as client:
        await asyncio.gather(*(chat(client, number) for number in range(40)))


if __name__ == "__main__":
    use = globals()["use_" + sys.argv[1]]
    if asyncio.iscoroutinefunction(use):
        asyncio.run(use())
    else:
        use()
