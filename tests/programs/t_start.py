# SPDX-License-Identifier: Apache-2.0
"""t_start.py N: begins and ends in one of several ways: with threads, tasks, generators under way, by force."""
import asyncio
import os
import sys
import threading
import time


def numbers():
    try:
        yield 1
        yield 2
    finally:
        print("closed")


async def main():
    task = asyncio.ensure_future(asyncio.sleep(60))
    await asyncio.gather(*(asyncio.sleep(0) for _ in range(3)))
    return task.cancel()


def plain():
    return sum(range(10))


def daemon():
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    return threading.active_count()


def suspended():
    global held
    held = numbers()
    return next(held)


def forked():
    child = os.fork()
    if not child:
        os._exit(plain() % 7)
    return os.waitpid(child, 0)[1] >> 8


def by_force():
    sys.stdout.flush()
    os._exit(0)


def by_exception():
    raise SystemExit(0)


WAYS = (plain, lambda: asyncio.run(main()), daemon, suspended, forked, by_force, by_exception)
print(WAYS[int(sys.argv[1]) % len(WAYS)]())
