# SPDX-License-Identifier: Apache-2.0
"""score_threads.py REQUESTS CONCURRENT FAR_PORT: a thread a request, and threads that it starts."""
import http.client
import queue
import sys
import threading

from score_log import Call

requests, concurrent, port = (int(word) for word in sys.argv[1:4])
idle = queue.LifoQueue()


def post(above):
    with Call("post", above) as own:
        try:
            connection = idle.get_nowait()
        except queue.Empty:
            connection = http.client.HTTPConnection("127.0.0.1", port)
        exchange, path = own.exchange()
        with exchange:
            connection.request("GET", path)
            connection.getresponse().read()
        idle.put(connection)


def rank(above):
    with Call("rank", above):
        return sum(range(1000))


def shard(above):
    with Call("shard", above) as own:
        rank(own)
        post(own)


class Worker(threading.Thread):
    def __init__(self, above):
        super().__init__()
        self.above = above

    def run(self):
        with Call("run", self.above) as own:
            rank(own)


def generator(above):
    with Call("generator", above) as own:
        for _ in range(3):
            rank(own)
            yield 1


def handle(number):
    with Call("handle", request=number) as own:
        post(own)
        threads = [threading.Thread(target=shard, args=(own,)) for _ in range(2)]
        threads.append(Worker(own))
        timer = threading.Timer(0.001, rank, (own,))
        threads.append(timer)
        for thread in threads:
            thread.start()
        for _ in generator(own):
            pass
        for thread in threads:
            thread.join()


def serve(numbers):
    for number in numbers:
        handle(number)


lanes = [threading.Thread(target=serve, args=(range(lane, requests, concurrent),)) for lane in range(concurrent)]
for lane in lanes:
    lane.start()
for lane in lanes:
    lane.join()
