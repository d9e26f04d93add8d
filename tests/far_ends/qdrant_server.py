#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for Qdrant over HTTP: creating collections, upserting points, querying, in its true wire
format. Filters are accepted and not applied."""

import collections

import far_end
from nearest import Collection

store = collections.defaultdict(Collection)


class Qdrant(far_end.RoutedHandler):
    routes = [
        ("GET", "/", "about"),
        ("PUT", "/collections/([^/]+)", "create"),
        ("PUT", "/collections/([^/]+)/points", "upsert"),
        ("POST", "/collections/([^/]+)/points/query", "query"),
    ]

    def done(self, result):
        self.send_json(200, {"result": result, "status": "ok", "time": 0.0005})

    def about(self, _):
        self.send_json(200, {"title": "qdrant - vector search engine (stand-in)", "version": "1.15.0"})

    def create(self, _, name):
        store[name] = Collection()
        self.done(True)

    def upsert(self, body, name):
        for point in body["points"]:
            store[name].put(point["id"], point["vector"], point.get("payload"))
        self.done({"operation_id": 1, "status": "completed"})

    def query(self, body, name):
        wanted = body["query"]["nearest"] if isinstance(body["query"], dict) else body["query"]
        found = store[name].nearest(wanted, body.get("limit", 10))
        points = [{"id": key, "version": 1, "score": score, "payload": payload} for score, key, payload in found]
        self.done({"points": points})


if __name__ == "__main__":
    far_end.serve(Qdrant, "stand-in for Qdrant", {})
