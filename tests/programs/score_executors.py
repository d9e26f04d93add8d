# SPDX-License-Identifier: Apache-2.0
"""score_executors.py REQUESTS CONCURRENT FAR_PORT: pools of threads, one handing to the next."""
import http.client
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, wait

from score_log import Call

requests, concurrent, port = (int(word) for word in sys.argv[1:4])
own_thread = threading.local()


def post(above):
    with Call("post", above) as own:
        connection = getattr(own_thread, "connection", None)
        if not connection:
            connection = own_thread.connection = http.client.HTTPConnection("127.0.0.1", port)
        exchange, path = own.exchange()
        with exchange:
            connection.request("GET", path)
            connection.getresponse().read()


def rank(above):
    with Call("rank", above):
        return sum(range(1000))


def shard(above):
    with Call("shard", above) as own:
        rank(own)
        post(own)


def search(above):
    with Call("search", above) as own:
        wait([shards.submit(shard, own) for _ in range(3)])
        list(shards.map(rank, [own, own]))


def handle(number):
    with Call("handle", request=number) as own:
        search(own)
        later = shards.submit(rank, own)
        later.result()


with ThreadPoolExecutor(min(concurrent, 64)) as handlers, ThreadPoolExecutor(8) as shards:
    wait([handlers.submit(handle, number) for number in range(requests)])
