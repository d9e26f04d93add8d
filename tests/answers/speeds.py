#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""speeds.py SHAPE FACTOR: asks questions in one of several shapes; FACTOR makes the one operation that
is tried really faster. Prints the time of all questions together by its own clock."""
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from programs import Shop

SHAPE, FACTOR = sys.argv[1], float(sys.argv[2])
shop, other = Shop(), Shop()


def slow(by=shop):
    by.get(f"/wait/{int(600 * FACTOR)}/tried")


def serial(_):
    shop.get("/wait/150/embed")
    slow()
    shop.get("/wait/100/store")


def beside(pool):
    """Something else takes 450 ms at the same time: no more than 150 of it can be saved."""
    waits = [pool.submit(other.get, "/wait/450/beside"), pool.submit(slow)]
    for wait in waits:
        wait.result()
    shop.get("/wait/100/store")


def twice(_):
    slow()
    shop.get("/wait/200/embed")
    slow()


with ThreadPoolExecutor(2) as threads:
    begin = time.perf_counter_ns()
    for _ in range(2):
        globals()[SHAPE](threads)
    print(time.perf_counter_ns() - begin)
