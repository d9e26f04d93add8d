#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for MongoDB: hello, insert, find and aggregate with $vectorSearch, as OP_MSG on the wire.

mongo_server.py PORT. BSON is the package pymongo's (tests/python/compat.lock).
"""

import collections
import socketserver
import struct
import sys

import bson

from nearest import Collection

OP_REPLY, OP_QUERY, OP_MSG = 1, 2004, 2013
HELLO = {"isWritablePrimary": True, "ismaster": True, "helloOk": True, "maxBsonObjectSize": 16 << 20,
         "maxMessageSizeBytes": 48000000, "maxWriteBatchSize": 100000, "localTime": None,
         "logicalSessionTimeoutMinutes": 30, "minWireVersion": 0, "maxWireVersion": 21, "readOnly": False, "ok": 1.0}
store = collections.defaultdict(Collection)


def sections_of(body):
    """The command, with the sequences of documents that came beside it."""
    at, command = 4, {}
    while at < len(body):
        kind, size = body[at], struct.unpack_from("<i", body, at + 1)[0]
        if kind == 0:
            command = {**bson.decode(body[at + 1 : at + 1 + size]), **command}
        else:
            end = body.index(b"\0", at + 5)
            documents = bson.decode_all(body[end + 1 : at + 1 + size])
            command[body[at + 5 : end].decode()] = documents
        at += 1 + size
    return command


def matches(document, wanted):
    return all(document.get(key) == value for key, value in wanted.items())


def answer(command):
    database, first = command.get("$db"), next(iter(command))
    if first in ("hello", "ismaster", "isMaster"):
        return {key: value for key, value in HELLO.items() if value is not None}
    name = f"{database}.{command[first]}"
    if first == "insert":
        for document in command["documents"]:
            store[name].put(document["_id"], document.get("embedding", []), document)
        return {"n": len(command["documents"]), "ok": 1.0}
    if first == "find":
        found = [one for _, one in store[name].documents.values() if matches(one, command.get("filter", {}))]
    elif first == "aggregate":
        search = command["pipeline"][0]["$vectorSearch"]
        found = [one for _, _, one in store[name].nearest(search["queryVector"], search["limit"])]
    elif first == "endSessions":
        return {"ok": 1.0}
    else:
        return {"ok": 0.0, "errmsg": f"no such command: '{first}'", "code": 59, "codeName": "CommandNotFound"}
    return {"cursor": {"firstBatch": found, "id": bson.Int64(0), "ns": name}, "ok": 1.0}


class Mongo(socketserver.BaseRequestHandler):
    def take(self, size):
        data = self.request.recv(size, 256)  # MSG_WAITALL
        if len(data) < size:
            raise ConnectionResetError
        return data

    def handle(self):
        try:
            while True:
                self.serve_one()
        except ConnectionError:
            pass

    def serve_one(self):
        size, number, _, kind = struct.unpack("<iiii", self.take(16))
        body = self.take(size - 16)
        if kind == OP_QUERY:  # the first hello of a client that knows nothing yet
            document = bson.encode(answer({"hello": 1}))
            reply = struct.pack("<iqii", 8, 0, 0, 1) + document
            kind = OP_REPLY
        else:
            reply = struct.pack("<IB", 0, 0) + bson.encode(answer(sections_of(body)))
        self.request.sendall(struct.pack("<iiii", 16 + len(reply), number + 1000, number, kind) + reply)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


if __name__ == "__main__":
    with Server(("127.0.0.1", int(sys.argv[1])), Mongo) as server:
        server.serve_forever()
