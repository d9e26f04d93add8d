# SPDX-License-Identifier: Apache-2.0
"""The scorer itself: a tree that is right, and the same with each kind of mistake planted in it."""
import copy
import sys

from score_tree import OUTCOMES, score


def call(number, name, above, request, start, end, **more):
    return {"id": f"1.{number}", "name": name, "kind": "function", "request": request, "pid": 1, "tid": 1,
            "parent": above and f"1.{above}", "beside": None, "start": start * 10000, "end": end * 10000, **more}


def span(number, name, parent, start, end, kind="call", **attrs):
    return {"type": "span", "id": number, "name": name, "parent": parent, "kind": kind, "pid": 1, "tid": 1,
            "start_ns": start * 10000 - 500, "end_ns": end * 10000 + 500, "evidence": "exact", "attrs": attrs}


# two requests at once: handle(embed(exchange), and a token beside)
CALLS = [call(1, "handle", None, 1, 10, 90), call(2, "handle", None, 2, 20, 95),
         call(3, "embed", 1, 1, 30, 50), call(4, "embed", 2, 2, 35, 60),
         call(5, "exchange0001", 3, 1, 40, 45, kind="exchange"),
         call(6, "exchange0002", 4, 2, 41, 46, kind="exchange"),
         call(7, "token", None, 1, 91, 92, beside="1.1")]
SPANS = [span(100, "python", None, 0, 100, "process"), span(101, "main", 100, 0, 100, "thread"),
         span(110, "run_asgi", 101, 5, 98), span(120, "run_asgi", 101, 6, 99),
         span(1, "app.handle", 110, 10, 90), span(2, "app.handle", 120, 20, 95),
         span(3, "app.embed", 1, 30, 50), span(4, "app.embed", 2, 35, 60),
         span(50, "send", 3, 40, 41), span(60, "send", 4, 41, 42),
         span(5, "GET", 50, 40, 45, "request", **{"url.template": "/far/exchange0001"}),
         span(6, "GET", 60, 41, 46, "request", **{"url.template": "/far/exchange0002"}),
         span(7, "app.token", 110, 91, 92)]
failures = 0


def expect(what, calls, spans, **outcomes):
    global failures
    found = dict(score(calls, spans).outcomes)
    if found != outcomes:
        failures += 1
        print(f"FAILED: {what}: {found}, not {outcomes}")


def moved(number, **members):
    spans = copy.deepcopy(SPANS)
    next(one for one in spans if one["id"] == number).update(members)
    return spans


expect("all right", CALLS, SPANS, right=5)
expect("joined to another request", CALLS, moved(4, parent=1), right=4, stranger=1)
expect("joined to a sibling", CALLS + [call(8, "rank", 1, 1, 42, 43)], SPANS + [span(8, "rank", 3, 42, 43)],
       right=5, wrong=1)
expect("nobody above", CALLS, moved(3, parent=101), right=4, orphan=1)
expect("an exchange of nobody", CALLS, moved(5, parent=101), right=4, orphan=1)
expect("parent not traced", CALLS, [one for one in moved(50, parent=1) if one["id"] != 3], right=3, missing=2)
expect("an exchange not traced", CALLS, [one for one in SPANS if one["id"] != 6], right=4, missing=1)
expect("of another thread", CALLS, moved(4, tid=2), right=3, missing=2)
expect("stream under another request", CALLS, moved(7, parent=120), right=4, stranger=1)
expect("stream outside its request", CALLS, moved(7, parent=101), right=4, orphan=1)
expect("nothing traced", CALLS, [], missing=5)
assert set(OUTCOMES) == {"right", "stranger", "wrong", "orphan", "missing"}
sys.exit(1 if failures else 0)
