# SPDX-License-Identifier: Apache-2.0
"""Asks four servers over and over in tasks of one loop: loop.py PORTS ROUNDS WORKERS. Prints each exchange."""
import asyncio
import os
import sys
import time

import asking

ports = dict(zip(asking.KINDS, map(int, sys.argv[1].split(","))))
rounds, workers = int(sys.argv[2]), int(sys.argv[3])
SOURCE = """
async def handle_K(links):
    for kind, link in links.items():
        await exchange(link, kind, K)
"""


async def exchange(link, kind, number):
    data = asking.KINDS[kind](number)
    begin = time.monotonic_ns()
    link[1].write(data)
    await link[0].readuntil(asking.ENDS[kind])
    os.write(1, f"{kind} {number} {begin} {time.monotonic_ns()}\n".encode())


async def links():
    made = {kind: await asyncio.open_connection("127.0.0.1", port) for kind, port in ports.items()}
    made["sql"][1].write(asking.HELLO)
    await made["sql"][0].readuntil(asking.ENDS["sql"])
    return made


async def work(base, mine):
    for number in range(base, base + rounds):
        await asyncio.create_task(globals()[f"handle_{number}"](mine))
        await asyncio.sleep(0.002)


async def main():
    own = [await links() for _ in range(workers)]
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    await asyncio.gather(*[work(worker * rounds, own[worker]) for worker in range(workers)])


for number in range(rounds * workers):
    exec(SOURCE.replace("K", str(number)))
asyncio.run(main())
