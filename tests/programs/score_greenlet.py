# SPDX-License-Identifier: Apache-2.0
"""score_greenlet.py REQUESTS CONCURRENT FAR_PORT: bare greenlets that switch to each other in turn."""
import sys
from collections import deque

import greenlet

from score_log import Call

requests, concurrent, _ = (int(word) for word in sys.argv[1:4])
ready = deque()
main = greenlet.getcurrent()


def pause():
    """The others' turn."""
    ready.append(greenlet.getcurrent())
    main.switch()


def rank(above):
    with Call("rank", above):
        pause()
        return sum(range(1000))


def search(above):
    with Call("search", above) as own:
        pause()
        rank(own)
        pause()
        rank(own)


def handle(number):
    with Call("handle", request=number) as own:
        rank(own)
        child = greenlet.greenlet(search)
        ready.append((child, own))
        pause()
        search(own)


def serve(numbers):
    for number in numbers:
        handle(number)


for lane in range(concurrent):
    ready.append((greenlet.greenlet(serve), range(lane, requests, concurrent)))
while ready:
    turn = ready.popleft()
    if isinstance(turn, tuple):
        turn[0].parent = main
        turn[0].switch(turn[1])
    else:
        turn.switch()
