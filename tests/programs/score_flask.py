# SPDX-License-Identifier: Apache-2.0
"""gunicorn --threads N score_flask:app, with FAR_PORT in the environment: a Flask service."""
import http.client
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import flask

from score_log import Call

app = flask.Flask(__name__)
far_port = int(os.environ["FAR_PORT"])
local = threading.local()
pool = None


def post(above):
    with Call("post", above) as own:
        connection = getattr(local, "connection", None)
        if not connection:
            connection = local.connection = http.client.HTTPConnection("127.0.0.1", far_port)
        exchange, path = own.exchange()
        with exchange:
            connection.request("GET", path)
            connection.getresponse().read()


def rank(above):
    with Call("rank", above):
        return sum(range(1000))


def search(above):
    global pool
    with Call("search", above) as own:
        pool = pool or ThreadPoolExecutor(8)
        parts = [pool.submit(rank, own), pool.submit(post, own)]
        for part in parts:
            part.result()


def token(first):
    with Call("token", beside=first) as own:
        rank(own)


def tokens(first):
    """Runs when the handler has returned."""
    for _ in range(3):
        token(first)
        yield b"token "


@app.get("/answer/<int:number>")
def ask(number):
    with Call("ask", request=number) as own:
        post(own)
        search(own)
        return flask.Response(tokens(own))


@app.get("/plain/<int:number>")
def plain(number):
    with Call("plain", request=number) as own:
        rank(own)
        return "plain"


@app.get("/quit")
def leave():
    os.kill(os.getppid(), signal.SIGTERM)
    return "bye"
