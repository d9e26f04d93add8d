# SPDX-License-Identifier: Apache-2.0
"""Databases made of a few lines of Python, to try detectors on: one process, its threads, what they
do one after the other. Times are in ms from the start; `at` moves on by itself."""
import pathlib
import sqlite3

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BASE = 1_000_000_000_000
CLASSES = ["none", "query_classification", "retrieval", "embedding_generation", "vector_search", "reranking",
           "llm_generation", "cache_lookup", "database_query", "api_call", "tool_call", "model_load", "post_process"]
CALLS = {"connect": 129, "recv": 137, "getaddrinfo": 160, "epoll_wait": 194, "nanosleep": 195, "sem_wait": 196,
         "SSL_do_handshake": 322, "read": 66}
WAITS = {"connect": 8, "recv": 10, "getaddrinfo": 7, "epoll_wait": 11, "nanosleep": 12, "sem_wait": 3,
         "SSL_do_handshake": 9, "read": 16, "run queue": 2, "take_gil": 4, "page fault": 6}
MS = 1_000_000


class Trace:
    def __init__(self, path):
        pathlib.Path(path).unlink(missing_ok=True)
        self.path, self.at, self.last, self.parent = path, 0.0, 10, 2
        self.operations, self.objects = {}, {}
        self.database = sqlite3.connect(path)
        self.database.executescript("PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY")
        self.database.executescript((ROOT / "wire/schema.sql").read_text())
        self.thread, self.threads = 1, []

    def put(self, table, *row):
        self.database.execute(f"INSERT INTO {table} VALUES ({','.join('?' * len(row))})", row)

    def operation(self, name, kind, wait):
        key = (name, kind)
        if key not in self.operations:
            number = CALLS.get(name, 6000 + len(self.operations)) if kind == 0 else 6000 + len(self.operations)
            self.operations[key] = number
            self.put("operation", number, name, None, None, 3, wait, kind)
        return self.operations[key]

    def object(self, name, kind=2, fresh=False, closed=None):
        key = (name, len(self.objects) if fresh else 0)
        if key not in self.objects:
            self.objects[key] = len(self.objects) + 1
            self.put("object", self.objects[key], 1, kind, name, None, 4, None, int(BASE + self.at * MS),
                     None if closed is None else int(BASE + closed * MS))
        return self.objects[key]

    def span(self, kind, operation, ms, status=0, obj=None, attributes=(), at=None, parent=None):
        begin = self.at if at is None else at
        self.last += 1
        self.put("span", self.last, parent or self.parent, self.thread, operation, kind, int(BASE + begin * MS),
                 int(BASE + (begin + ms) * MS), 3, status, None, obj, None)
        for key, value in dict(attributes).items():
            self.put("attribute", self.last, key, value)
        if at is None:
            self.at += ms
        return self.last

    def wait(self, ms):
        self.at += ms

    def request(self, name, ms, kind, obj=None, status=0, at=None, parent=None, **attributes):
        attributes = {key.replace("__", "."): value for key, value in attributes.items() if value is not None}
        attributes.setdefault("ragtime.side", "client")
        return self.span(3, self.operation(name, CLASSES.index(kind), 10), ms, status,
                         obj, attributes, at, parent)

    def query(self, statement, ms, kind="database_query", peer="10.0.0.2:5432", at=None, fresh=False):
        """fresh: on a connection of its own."""
        return self.request(" ".join(statement.split()[:2]), ms, kind, self.object(peer, fresh=fresh), at=at,
                            db__system__name="postgresql", db__query__text=statement,
                            db__operation__name=statement.split()[0])

    def get(self, path, ms, host="api.example.com", method="GET", status=200, kind="api_call", **more):
        return self.request(f"{method} {path}", ms, kind, self.object(host + ":443"), status=71 if status >= 400 else 0,
                            http__request__method=method, url__template=path, server__address=host,
                            http__response__status_code=status, network__protocol__name="http1", **more)

    def chat(self, ms, model="gpt-4o-mini", stream=1, first=200, asked=100, said=50, digest=None, status=200, **more):
        more.setdefault("gen_ai__usage__cache_read__input_tokens", None)
        token = {"ragtime__first_token_ns": int(first * MS), "ragtime__last_token_ns": int(ms * MS)} if stream else {}
        return self.request(f"chat {model}", ms, "llm_generation", self.object("10.0.0.9:443"),
                            status=71 if status >= 400 else 0, gen_ai__operation__name="chat",
                            gen_ai__request__model=model, gen_ai__request__stream=stream,
                            gen_ai__usage__input_tokens=asked, gen_ai__usage__output_tokens=said,
                            http__response__status_code=status, http__request__method="POST",
                            network__protocol__name="http1", ragtime__request_hash=digest,
                            ragtime__first_byte_ns=int(first * MS), **token, **more)

    def embed(self, ms, inputs=1, digest=None, model="small"):
        return self.request(f"embeddings {model}", ms, "embedding_generation", self.object("10.0.0.9:443"),
                            gen_ai__operation__name="embeddings", gen_ai__request__model=model,
                            ragtime__embedding_inputs=inputs, ragtime__request_hash=digest,
                            http__request__method="POST", network__protocol__name="http1")

    def lookup(self, answer, ms=1):
        return self.request("GET", ms, "cache_lookup", self.object("10.0.0.3:6379"), db__system__name="redis",
                            db__operation__name="GET", ragtime__key_pattern="answer:*", ragtime__cache=answer)

    def call(self, name, ms, obj=None, at=None, status=0, attributes=()):
        return self.span(6, self.operation(name, 0, WAITS[name]), ms, status, obj, attributes, at)

    def connection(self, peer, ms, name=None, tls=0, closed_after=10.0):
        """Looked up, made and secured; closed again so much later."""
        if name:
            self.call("getaddrinfo", 3, self.object(name, 8))
        begin = self.at
        obj = self.object(peer, fresh=True, closed=begin + ms + tls + closed_after)
        self.call("connect", ms, obj)
        if tls:
            self.call("SSL_do_handshake", tls, obj, attributes={"tls.resumed": 0})
        return obj

    def serve(self, ms, name="POST /ask"):
        """What comes until at + ms is done for this request."""
        self.parent = 2
        self.parent = self.request(name, ms, "none", self.object("*:8000"), at=self.at, ragtime__side="server")

    def on(self, thread, name):
        """What comes is done in a function of this thread: 3 and 4 are others than the main one."""
        self.thread, self.parent = thread, 2
        if thread > 1:
            self.threads.append(thread)
            self.parent = 10_000 + thread
        self.parent = self.span(6, self.operation(name, 6, 0), 0)

    def memory(self, mb):
        self.put("usage", 1, int(BASE + self.at * MS), 0, mb * 1_000_000, 1, 0, 0, 0, 0)

    def folded(self, name, obj, calls, total_ms, size, first=None):
        number = self.database.execute("SELECT COUNT(*) FROM fold").fetchone()[0] + 1
        ns, begin = int(total_ms * MS), int(BASE + (self.at if first is None else first) * MS)
        self.put("fold", number, None, self.thread, self.operation(name, 0, WAITS[name]), obj, calls, ns, ns,
                 ns // calls, ns // calls, 0, size, calls, begin, begin + ns, None, calls, ns, ns // calls,
                 ns // calls, None, None)

    def count(self, name, calls):
        self.put("counter", self.thread, self.operation(name, 0, 5), calls, 0)

    def finish(self):
        end = int(BASE + (self.at + 5) * MS)
        self.put("run", 1, "0" * 32, "0.1.0", "lab", "Linux", "shim", "app.py", "CPU", 2, BASE, end, None, 0, "exit", 0)
        self.put("process", 1, 1, 4711, 1, "/usr/bin/python3", "/srv/app.py", 1, BASE, end, 0, 1)
        self.put("thread", 1, 1, 4711, "python3", BASE, end, None, 2, 100)
        for thread in sorted(set(self.threads)):
            self.put("thread", thread, 1, 4711 + thread, "worker", BASE, end, None, 10_000 + thread, 100)
            self.put("span", 10_000 + thread, 2, thread, None, 10, BASE, end, 3, 0, None, None, None)
        self.put("span", 1, None, None, None, 9, BASE, end, 3, 0, None, None, None)
        self.put("span", 2, 1, 1, None, 10, BASE, end, 3, 0, None, None, None)
        self.database.executescript((ROOT / "wire/schema_index.sql").read_text())
        self.database.commit()
        self.database.close()
