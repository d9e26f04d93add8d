# SPDX-License-Identifier: Apache-2.0
"""t_clients.py CLIENT OUT: talks to the stand-in for the OpenAI API through a real client library,
and writes down what it saw itself: a JSON line for each call, times of CLOCK_MONOTONIC."""
import asyncio
import json
import os
import sys
import time

BASE = os.environ["OPENAI_BASE_URL"]
KEY = {"authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}
MODEL = "gpt-4o-mini"
LONG = {256: 1700, 1024: 5400}  # KiB of a stream: tokens that it takes
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

    def token(self):
        self.entry.setdefault("first_ns", time.monotonic_ns())
        self.entry["last_ns"] = time.monotonic_ns()

    def done(self, request, usage):
        self.entry.update(request=int(request.removeprefix("req_"), 16), usage=usage,
                          end_ns=time.monotonic_ns())
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


def plan():
    """Label, body, headers of every call of the libraries that know HTTP alone."""
    for number in range(12):
        yield "stream", body(number, True), pace(number)
    for number in range(12, 18):
        yield "whole", body(number, False), fast()
    yield "gzip", body(18, False), fast(True)
    yield "gzip stream", body(19, True), fast(True)
    for size, tokens in LONG.items():
        yield f"{size} KiB", body(20 + size, True, tokens), fast()
    yield "1024 KiB gzip", body(30, True, LONG[1024]), fast(True)


def use_httpx():
    import httpx
    with httpx.Client(headers=KEY, timeout=60) as client:
        for label, content, headers in plan():
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
        for label, content, headers in plan():
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
    if sys.argv[1] == "async":
        asyncio.run(use_async())
    else:
        {"httpx": use_httpx, "requests": use_requests, "openai": use_openai}[sys.argv[1]]()
