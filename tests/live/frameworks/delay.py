# SPDX-License-Identifier: Apache-2.0
"""A delay of the program itself, written down as delay.c does."""
import os
import time


def delay(place):
    begin = time.monotonic_ns()
    time.sleep(0.3)
    if "DELAY_LOG" in os.environ:
        with open(os.environ["DELAY_LOG"], "a") as log:
            log.write(f"{os.getpid()}\t{place}\t{begin}\t{time.monotonic_ns()}\n")
