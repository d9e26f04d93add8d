#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for Elasticsearch: bulk indexing, search by kNN, info, in its true wire format."""

import collections
import json

import far_end
from nearest import Collection

PRODUCT = [("x-elastic-product", "Elasticsearch")]
store = collections.defaultdict(Collection)


class Elasticsearch(far_end.RoutedHandler):
    routes = [
        ("GET", "/", "about"),
        ("HEAD", "/", "about"),
        ("PUT", "/_bulk", "bulk"),
        ("POST", "/_bulk", "bulk"),
        ("POST", "/([^/_]+)/_search", "search"),
    ]

    def read_json(self):
        """One document, or a document a line."""
        lines = self.read_body().splitlines()
        return [json.loads(line) for line in lines] if len(lines) > 1 else json.loads(b"".join(lines) or b"{}")

    def about(self, _):
        version = {"number": "9.0.0", "build_flavor": "default", "minimum_wire_compatibility_version": "8.18.0"}
        self.send_json(200, {"name": "stand-in", "cluster_name": "stand-in", "version": version,
                             "tagline": "You Know, for Search"}, PRODUCT)

    def bulk(self, lines):
        items = []
        for action, document in zip(lines[::2], lines[1::2]):
            index = action["index"]["_index"]
            key = action["index"].get("_id") or f"doc{len(store[index].documents)}"
            vector = next((value for value in document.values() if isinstance(value, list)), [])
            store[index].put(key, vector, document)
            items.append({"index": {"_index": index, "_id": key, "status": 201, "result": "created"}})
        self.send_json(200, {"took": 1, "errors": False, "items": items}, PRODUCT)

    def search(self, body, index):
        knn = body["knn"]
        found = store[index].nearest(knn["query_vector"], knn["k"])
        hits = [{"_index": index, "_id": key, "_score": score, "_source": source} for score, key, source in found]
        total = {"value": len(hits), "relation": "eq"}
        answer = {"total": total, "max_score": hits[0]["_score"] if hits else None, "hits": hits}
        self.send_json(200, {"took": 1, "timed_out": False, "hits": answer}, PRODUCT)


if __name__ == "__main__":
    far_end.serve(Elasticsearch, "stand-in for Elasticsearch", {})
