# SPDX-License-Identifier: Apache-2.0
"""Talks over WebSockets with a server of its own, in a process of its own: OpenAI's realtime client
over TLS, and plain chat with compression. Writes what it has seen, with its own clock.

    t_sockets.py CERTIFICATE SEEN          (CERTIFICATE.key beside it)
"""
import asyncio
import json
import ssl
import subprocess
import sys
import time

import openai
import websockets.sync.client
from websockets.asyncio.server import serve

ANSWERS = ([(3, 11), (7, 42), (5, 23)])
CHATS = 3
MODEL = "gpt-realtime"


async def realtime(socket):
    await socket.send(json.dumps({"type": "session.created", "event_id": "e0",
                                  "session": {"id": "s1", "type": "realtime", "model": MODEL}}))
    number = 0
    async for message in socket:
        if json.loads(message)["type"] != "response.create":
            continue
        deltas, tokens = ANSWERS[number]
        number += 1
        name = {"response_id": f"resp_{number}", "item_id": "i", "output_index": 0, "content_index": 0}
        await socket.send(json.dumps({"type": "response.created", "event_id": "e1",
                                      "response": {"id": f"resp_{number}", "status": "in_progress"}}))
        for _ in range(deltas):
            await asyncio.sleep(0.01)
            await socket.send(json.dumps({"type": "response.output_text.delta", "event_id": "e2", **name,
                                          "delta": "PLANTED "}))
        await socket.send(json.dumps({
            "type": "response.done", "event_id": "e3",
            "response": {"id": f"resp_{number}", "status": "completed", "output": [],
                         "usage": {"total_tokens": 100 + tokens, "input_tokens": 100, "output_tokens": tokens}}}))


async def chat(socket):
    async for message in socket:
        for part in range(3):
            await socket.send(message + f" PLANTED echo {part} " * 40)


async def handle(socket):
    await (realtime if socket.request.path.startswith("/v1/realtime") else chat)(socket)


async def serve_both(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate + ".key")
    async with serve(handle, "127.0.0.1", 0, ssl=context) as secure, serve(handle, "127.0.0.1", 0) as plain:
        print(secure.sockets[0].getsockname()[1], plain.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


async def ask(port, seen):
    client = openai.AsyncOpenAI(api_key="sk-" + "standin" * 4, base_url=f"https://localhost:{port}/v1")
    async with client.realtime.connect(model=MODEL) as connection:
        for _ in ANSWERS:
            await connection.conversation.item.create(
                item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "PLANTED"}]})
            entry = {"start_ns": time.monotonic_ns()}
            await connection.response.create()
            async for event in connection:
                if event.type == "response.output_text.delta":
                    entry["last_ns"] = time.monotonic_ns()
                    entry.setdefault("first_ns", entry["last_ns"])
                if event.type == "response.done":
                    entry["end_ns"] = time.monotonic_ns()
                    break
            seen.append(entry)


def talk(port):
    with websockets.sync.client.connect(f"ws://localhost:{port}/chat/room") as socket:
        for _ in range(CHATS):
            socket.send("PLANTED " * 30)
            for _ in range(3):
                socket.recv()


def main():
    if sys.argv[1] == "serve":
        asyncio.run(serve_both(sys.argv[2]))
        return
    certificate, seen_path = sys.argv[1:]
    server = subprocess.Popen([sys.executable, __file__, "serve", certificate], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)
    secure, plain = map(int, server.stdout.readline().split())
    seen = []
    asyncio.run(ask(secure, seen))
    talk(plain)
    server.stdin.close()
    server.wait()
    with open(seen_path, "w") as file:
        json.dump(seen, file)


main()
