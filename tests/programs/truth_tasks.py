# SPDX-License-Identifier: Apache-2.0
"""Requests that run side by side on one loop, in threads and in generators, and their true tree.

truth_tasks.py LOG [REQUESTS] [--rounds]. Every function's name ends with its request's number, and EDGES says
who calls whom, so that the parent of each call is known. LOG gets, as JSON: the edges, and how often
each function was entered. With --rounds it says "ready", and does it all anew for each line that it reads.
"""
import asyncio
import collections
import contextvars
import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

EDGES = {
    "helper": "handler", "helped": "helper", "first": "handler", "leaf": "first", "second": "handler",
    "leaf2": "second", "background": "handler", "leaf3": "background", "agen": "handler",
    "gen": "handler", "leaf4": "gen", "outer": "handler", "inner": "outer", "pooled": "handler", "leaf5": "pooled",
    "moved": "handler", "leaf6": "moved", "thread": "handler", "leaf7": "thread", "callback": "handler",
    "leaf8": "callback", "fails": "handler", "cancelled": "handler", "dropped": "handler",
    "thrown": "handler", "grand": "leaf3", "recursive": "handler", "enduring": "handler", "waits": "enduring",
    "after": "waits", "closed": "handler", "cleanup": "closed",
}
# Not traced. An exception goes right to its innermost function, past those around it.
LIBRARY = '''
async def endure(call):
    try: await asyncio.sleep(10)
    except asyncio.CancelledError:
        call()
        await asyncio.sleep(0)
        call()
def clean(call):
    try: yield
    finally: call()
'''
SOURCE = '''
def leaf5_K(): hit("leaf5")
def pooled_K(): hit("pooled"); leaf5_K()
def leaf6_K(): hit("leaf6")
def moved_K(): hit("moved"); time.sleep(0.001); leaf6_K()
def leaf7_K(): hit("leaf7")
def thread_K(): hit("thread"); leaf7_K()
def leaf8_K(): hit("leaf8")
def callback_K(): hit("callback"); leaf8_K()
async def leaf_K(): hit("leaf"); await asyncio.sleep(0.001)
async def first_K(): hit("first"); await asyncio.sleep(0.002); await leaf_K()
async def leaf2_K(): hit("leaf2"); await asyncio.sleep(0)
async def second_K():
    hit("second")
    for _ in range(3): await asyncio.sleep(0.001)
    await leaf2_K()
async def grand_K(): hit("grand"); await asyncio.sleep(0)
async def leaf3_K(): hit("leaf3"); await asyncio.ensure_future(grand_K())
async def background_K(): hit("background"); await asyncio.sleep(0.003); await leaf3_K()
async def agen_K():
    hit("agen")
    for i in range(2):
        await asyncio.sleep(0.001)
        yield i
def leaf4_K(): hit("leaf4")
def gen_K():
    hit("gen")
    for i in range(2): yield leaf4_K()
def inner_K():
    hit("inner")
    yield 1
    yield 2
def outer_K():
    hit("outer")
    yield from inner_K()
def dropped_K():
    hit("dropped")
    yield 1
    yield 2
def thrown_K():
    hit("thrown")
    try:
        yield 1
    finally: pass
def recursive_K():
    hit("recursive")
    deeper(30)
async def helper_K(): hit("helper"); await asyncio.sleep(0); helped_K()
def helped_K(): hit("helped")
def after_K(): hit("after")
async def waits_K(): hit("waits"); await endure(after_K)
async def enduring_K(): hit("enduring"); await waits_K()
def cleanup_K(): hit("cleanup")
def closed_K(): hit("closed"); yield from clean(cleanup_K)
async def fails_K(): hit("fails"); await asyncio.sleep(0.001); raise ValueError
async def cancelled_K(): hit("cancelled"); await asyncio.sleep(10)
async def handler_K():
    hit("handler")
    loop = asyncio.get_running_loop()
    await helper_K()
    later = asyncio.ensure_future(background_K())
    await asyncio.gather(first_K(), second_K())
    list(gen_K()); list(outer_K())
    async for _ in agen_K(): pass
    next(dropped_K())
    it = thrown_K(); next(it)
    try: it.throw(KeyError)
    except KeyError: pass
    try: recursive_K()
    except KeyError: pass
    await loop.run_in_executor(pool, pooled_K)
    context = contextvars.copy_context()
    await loop.run_in_executor(None, lambda: context.run(moved_K))
    own = threading.Thread(target=thread_K)
    own.start()
    while own.is_alive(): await asyncio.sleep(0.001)
    loop.call_soon(callback_K)
    await asyncio.sleep(0)
    try: await fails_K()
    except ValueError: pass
    task = asyncio.ensure_future(enduring_K())
    await asyncio.sleep(0.001)
    task.cancel()
    await task
    it = closed_K(); next(it); it.close()
    try: await asyncio.wait_for(cancelled_K(), 0.002)
    except asyncio.TimeoutError: pass
    await later
'''

hits = collections.Counter()
hit_lock = threading.Lock()
pool = ThreadPoolExecutor(4)


def hit(name):
    with hit_lock:
        hits[name] += 1


def deeper(left):
    if left == 0:
        raise KeyError
    deeper(left - 1)


async def one(number):
    await asyncio.sleep(0.001 * (number % 5))
    await globals()[f"handler_{number}"]()


async def main(count):
    await asyncio.gather(*[one(number) for number in range(count)])


def write(log):
    with open(log, "w") as file:
        json.dump({"edges": EDGES, "hits": hits}, file)


async def rounds(log, count):
    loop = asyncio.get_running_loop()
    print("ready", flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        hits.clear()
        await main(count)
        write(log)
        print("done", flush=True)


def run(log, count):
    library = {"__name__": "library", "asyncio": asyncio}
    exec(compile(LIBRARY, "/lib/site-packages/library.py", "exec"), library)
    globals().update(endure=library["endure"], clean=library["clean"])
    for number in range(count):
        exec(compile(SOURCE.replace("_K", f"_{number}"), "requests.py", "exec"), globals())
    if "--uvloop" in sys.argv:
        import uvloop
        uvloop.install()
    if "--rounds" in sys.argv:
        asyncio.run(rounds(log, count))
        return
    asyncio.run(main(count))
    write(log)


run(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 20)
