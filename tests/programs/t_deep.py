# SPDX-License-Identifier: Apache-2.0
"""t_deep.py DEPTH: recursion as deep as that, and to where the interpreter stops it, on a thread with room for it."""
import sys
import threading

DEPTH = int(sys.argv[1])
STACK = 1 << 30
BEYOND = 5000
results = []


def down(n):
    return 1 + down(n - 1) if n else 0


def generate(n):
    if n:
        yield from generate(n - 1)
    yield n


def main():
    results.append(down(DEPTH))
    results.append(sum(1 for _ in generate(500)))
    try:
        down(DEPTH + BEYOND)
    except RecursionError as error:
        results.append(type(error).__name__)
    results.append(down(10))


sys.setrecursionlimit(DEPTH + 1000)
threading.stack_size(STACK)
thread = threading.Thread(target=main)
thread.start()
thread.join()
print(results)
