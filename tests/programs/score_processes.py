# SPDX-License-Identifier: Apache-2.0
"""score_processes.py REQUESTS CONCURRENT FAR_PORT: a process a request's part, forked and spawned."""
import multiprocessing
import os
import sys
import threading

from score_log import Call


def rank(above):
    with Call("rank", above):
        return sum(range(1000))


def part(above):
    with Call("part", above) as own:
        rank(own)


def handle(number, kind):
    with Call("handle", request=number) as own:
        child = multiprocessing.get_context(kind).Process(target=part, args=(own.link,))
        child.start()
        rank(own)
        child.join()
        if kind == "fork":
            pid = os.fork()
            if not pid:
                part(own)
                os._exit(0)
            os.waitpid(pid, 0)


def serve(numbers):
    for number in numbers:
        handle(number, "fork" if number % 4 else "spawn")


def main():
    requests, concurrent, _ = (int(word) for word in sys.argv[1:4])
    lanes = [threading.Thread(target=serve, args=(range(lane, requests, concurrent),)) for lane in range(concurrent)]
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()


if __name__ == "__main__":
    main()
