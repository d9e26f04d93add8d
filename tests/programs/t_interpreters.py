# SPDX-License-Identifier: Apache-2.0
"""Interpreters in one process, with functions, tasks and Contexts of their own, one after the other and, where the
interpreter itself bears that, in several threads at once."""
import sys
import threading

try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters

BEARS_THREADS = sys.version_info >= (3, 13)
BEARS_TASKS = sys.version_info[:2] != (3, 12)  # which ends by double free
TASKS = """
import asyncio, contextvars
def one(n): return n + 1
async def main():
    await asyncio.gather(*(asyncio.sleep(0) for _ in range(5)))
    return one(1)
assert asyncio.run(main()) == 2
assert contextvars.copy_context().run(one, 1) == 2
"""
PLAIN = """
def one(n): return n + 1
assert one(1) == 2
assert sum(one(n) for n in range(3)) == 6
"""


def run(times):
    for _ in range(times):
        interpreter = interpreters.create()
        print(interpreters.run_string(interpreter, TASKS if BEARS_TASKS else PLAIN))
        interpreters.destroy(interpreter)


run(4)
threads = [threading.Thread(target=run, args=(3,)) for _ in range(3 if BEARS_THREADS else 0)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(interpreters.list_all()))
