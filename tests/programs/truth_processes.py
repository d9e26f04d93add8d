# SPDX-License-Identifier: Apache-2.0
"""Work in child processes: who forked is the parent of what the child calls; one that was started
anew is a tree of its own. And three threads that want the interpreter at once.
"""
import multiprocessing
import os
import threading
import time


def work(number):
    return leaf(number)


def leaf(number):
    return number * number


def by_fork():
    pid = os.fork()
    if pid == 0:
        work(3)
        os._exit(0)
    os.waitpid(pid, 0)


def by_process():
    child = multiprocessing.get_context("fork").Process(target=work, args=(5,))
    child.start()
    child.join()


def by_pool():
    with multiprocessing.get_context("fork").Pool(2) as pool:
        pool.map(work, range(4))


def by_spawn():
    child = multiprocessing.get_context("spawn").Process(target=work, args=(7,))
    child.start()
    child.join()


def spin():
    end = time.monotonic() + 0.2
    while time.monotonic() < end:
        pass


def contend():
    threads = [threading.Thread(target=spin) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    by_fork()
    by_process()
    by_pool()
    by_spawn()
    contend()
