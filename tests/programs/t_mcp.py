# SPDX-License-Identifier: Apache-2.0
"""The mcp package's own client and servers: over pipes to two servers at once, over an event stream
that a GET opens (the older form), and over streamable HTTP.

    t_mcp.py            the client; starts the servers, stops them
    t_mcp.py serve WAY [PORT]
"""
import asyncio
import contextlib
import os
import socket
import subprocess
import sys

from mcp import ClientSession, StdioServerParameters, stdio_client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.mcpserver import MCPServer

server = MCPServer("standin")


@server.tool()
async def look_up(query: str, k: int) -> str:
    await asyncio.sleep(0.02)
    return f"PLANTED {query} " * k


@server.tool()
def break_down(why: str) -> str:
    raise ValueError("PLANTED " + why)


async def use(streams, sizes=(1, 2, 20000)):
    async with ClientSession(streams[0], streams[1]) as session:
        await session.initialize()
        await session.list_tools()
        for k in sizes:
            answer = await session.call_tool("look_up", {"query": "PLANTED text", "k": k})
            assert len(answer.content[0].text) == 21 * k, answer
        answer = await session.call_tool("break_down", {"why": "PLANTED"})
        assert answer.is_error


async def over_pipes():
    parameters = StdioServerParameters(command=sys.executable, args=[__file__, "serve", "stdio"], env=dict(os.environ))
    async with contextlib.AsyncExitStack() as stack:
        pairs = [await stack.enter_async_context(stdio_client(parameters)) for _ in range(2)]
        await asyncio.gather(use(pairs[0]), use(pairs[1], (3, 4, 15000)))


async def over_http(way):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    child = subprocess.Popen([sys.executable, __file__, "serve", way, str(port)])
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            await asyncio.sleep(0.05)
        base = f"http://127.0.0.1:{port}"
        opened = sse_client(base + "/sse") if way == "sse" else streamable_http_client(base + "/mcp")
        async with opened as streams:
            await use(streams)
    finally:
        child.terminate()
        child.wait()


async def main():
    await over_pipes()
    await over_http("sse")
    await over_http("streamable-http")


if sys.argv[1:2] == ["serve"]:
    options = {"port": int(sys.argv[3])} if len(sys.argv) > 3 else {}
    server.run(sys.argv[2], **options)
else:
    asyncio.run(main())
