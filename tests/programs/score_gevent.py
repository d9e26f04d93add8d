# SPDX-License-Identifier: Apache-2.0
"""score_gevent.py REQUESTS CONCURRENT FAR_PORT: greenlets on gevent's loop."""
from gevent import monkey

monkey.patch_all()

import http.client  # noqa: E402
import sys  # noqa: E402
import threading  # noqa: E402

import gevent  # noqa: E402
import gevent.pool  # noqa: E402

from score_log import Call  # noqa: E402

requests, concurrent, port = (int(word) for word in sys.argv[1:4])
idle = []


def post(above):
    with Call("post", above) as own:
        connection = idle.pop() if idle else http.client.HTTPConnection("127.0.0.1", port)
        exchange, path = own.exchange()
        with exchange:
            connection.request("GET", path)
            connection.getresponse().read()
        idle.append(connection)


def rank(above):
    with Call("rank", above):
        return sum(range(1000))


def shard(above):
    with Call("shard", above) as own:
        gevent.sleep(0.001)
        rank(own)
        post(own)


def search(above):
    with Call("search", above) as own:
        gevent.joinall([gevent.spawn(shard, own) for _ in range(3)])
        thread = threading.Thread(target=rank, args=(own,))
        thread.start()
        thread.join()


def handle(number):
    with Call("handle", request=number) as own:
        post(own)
        search(own)


gevent.pool.Pool(concurrent).map(handle, range(requests))
