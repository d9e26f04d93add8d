# SPDX-License-Identifier: Apache-2.0
"""The far end of python_service.py: fixed answers in the shapes of an embedding, a search and an LLM. Prints its port."""
import asyncio
import json
import sys

VECTOR = [round(i / 384, 6) for i in range(384)]
ANSWERS = {
    b"/v1/embeddings": {"object": "list", "model": "text-embedding-3-small", "usage": {"prompt_tokens": 7, "total_tokens": 7},
                        "data": [{"object": "embedding", "index": 0, "embedding": VECTOR}]},
    b"/search": {"result": [{"id": i, "score": 1 / (i + 1), "payload": {"text": "passage " * 20}} for i in range(5)]},
    b"/v1/chat/completions": {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini",
                              "choices": [{"index": 0, "finish_reason": "stop",
                                           "message": {"role": "assistant", "content": "the answer " * 20}}],
                              "usage": {"prompt_tokens": 120, "completion_tokens": 40, "total_tokens": 160}},
}


def packed(answer):
    body = json.dumps(answer).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body


async def serve(reader, writer):
    answers = {path: packed(answer) for path, answer in ANSWERS.items()}
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            await reader.readexactly(int(length[0]) if length else 0)
            writer.write(answers[head.split(b" ", 2)[1]])
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
