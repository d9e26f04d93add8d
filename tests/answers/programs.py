#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""programs.py CAUSE planted|healthy: a small RAG program with one cause of slowness planted, or its
twin that does the same work as it should be done. Ordinary programs: they know nothing of being
traced. The last line of output is {"planted_ns": N}: by the program's own clock the time that the
cause costs, null where that is no time that would go."""
import asyncio
import http.client
import json
import os
import ssl
import sys
import threading
import time
import urllib.parse

URL = urllib.parse.urlsplit(os.environ["OPENAI_BASE_URL"])
SHOP = os.environ["SHOP"]
CONTEXT = "The dome is closed when the wind is stronger than 15 metres a second. The lens is cleaned in May. "
SCRATCH = os.environ["SCRATCH"]
times = []


def connect():
    return http.client.HTTPSConnection(URL.hostname, URL.port, context=ssl.create_default_context(), timeout=60)


class Api:
    """The stand-in for the OpenAI API, by its HTTP interface, over one kept connection."""

    def __init__(self):
        self.connection = connect()
        self.connection.connect()

    def post(self, path, body, pace="", fault="", connection=None):
        begin = time.perf_counter_ns()
        connection = connection or self.connection
        headers = {"content-type": "application/json", "authorization": "Bearer sk-not-a-real-key"}
        if pace:
            headers["x-stand-in-pace"] = pace
        if fault:
            headers["x-stand-in-fault"] = fault
        connection.request("POST", "/v1" + path, json.dumps(body), headers)
        answer = connection.getresponse()
        answer.read()
        times.append(time.perf_counter_ns() - begin)
        return answer.status

    def embed(self, texts, ms=40.0):
        return self.post("/embeddings", {"model": "stand-in-384", "input": texts}, f"embed_ms={ms / len(texts)}")

    def chat(self, question="When is the dome closed?", ms=400, stream=True, context=CONTEXT, fault="", **more):
        body = {"model": "gpt-4o-mini", "stream": stream, "max_tokens": 12, **more,
                "messages": [{"role": "system", "content": context}, {"role": "user", "content": question}]}
        if stream:
            body["stream_options"] = {"include_usage": True}
        first = ms - 120
        pace = f"headers_ms=0,first_chunk_ms=0,first_token_ms={first},gap_ms=10"
        return self.post("/chat/completions", body, pace, fault)


class Shop:
    """A web service of the test's own: paths say how long an answer takes and how long it is."""

    def __init__(self):
        self.connection = http.client.HTTPConnection(*SHOP.split(":"), timeout=60)
        self.connection.connect()

    def get(self, path):
        begin = time.perf_counter_ns()
        self.connection.request("GET", path)
        answer = self.connection.getresponse()
        answer.read()
        times.append(time.perf_counter_ns() - begin)
        return answer.status


def database():
    import psycopg

    return psycopg.connect(os.environ["RAG_POSTGRES"], autocommit=True)


def query(cursor, statement, *values):
    begin = time.perf_counter_ns()
    rows = cursor.execute(statement, values).fetchall()
    times.append(time.perf_counter_ns() - begin)
    return rows


def all_but_longest(first=0):
    return sum(times[first:]) - max(times[first:])


def unbatched_embeddings(planted):
    api = Api()
    texts = [f"text number {i} about the dome" for i in range(12)]
    for text in texts if planted else [texts]:
        api.embed([text] if planted else text)
    saved = all_but_longest()
    api.chat()
    return saved


def redundant_call(planted):
    api = Api()
    api.chat()
    api.chat() if planted else api.chat("When is the lens cleaned?")
    return times[1]


def cache_miss_repeat(planted):
    import redis

    api, cache = Api(), redis.Redis.from_url(os.environ["RAG_REDIS"])
    cache.delete("answer:dome")
    for _ in range(2):
        if cache.get("answer:dome") is None:
            api.chat()
            if not planted:
                cache.set("answer:dome", "closed")
    return times[-1]


def conn_no_reuse(planted):
    api, spent = Api(), 0
    for i in range(6):
        if planted:
            begin = time.perf_counter_ns()
            api.connection.close()
            api.connection = connect()
            api.connection.connect()
            spent += (time.perf_counter_ns() - begin) * (i > 0)
        api.embed([f"text {i}", "another"], ms=4)
        api.chat(f"Question {i}?", ms=150)
    return None


def n_plus_one_api(planted):
    shop = Shop()
    for i in range(10):
        shop.get(f"/wait/50/documents/{1000 + i}") if planted else None
    saved = all_but_longest() if planted else None
    shop.get("/wait/60/documents")
    return saved


def consecutive_calls(planted):
    def ask(i):
        Api().chat(f"Summarise part {i}.", ms=1100)

    if planted:
        api = Api()
        for i in range(4):
            api.chat(f"Summarise part {i}.", ms=1100)
        return all_but_longest()
    threads = [threading.Thread(target=ask, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return None


def retry_storm(planted):
    api, begin = Api(), time.perf_counter_ns()
    for _ in range(4 if planted else 1):
        api.chat(fault="500")
        time.sleep(0.1)
    spent = time.perf_counter_ns() - begin
    api.chat()
    return spent


def rate_limited(planted):
    api, begin = Api(), time.perf_counter_ns()
    if planted:
        api.chat(fault="429")
        time.sleep(0.5)
    spent = time.perf_counter_ns() - begin
    api.chat()
    return spent


def malformed_output(planted):
    api = Api()
    form = {"response_format": {"type": "json_object"}}
    api.chat("Give the hours as JSON.", ms=600, **{**form, "max_tokens": 3 if planted else 400})
    if planted:
        api.chat("Give the hours as JSON.", ms=600, **{**form, "max_tokens": 400})
    return times[0]


def token_overhead(planted):
    Api().chat(context=CONTEXT * (600 if planted else 10), ms=1500)
    return None


def prompt_cache_miss(planted):
    api = Api()
    for i in range(3):
        # the part that never changes stands first only where the cache can use it; this API has none
        api.chat(f"Question {i}?", context=CONTEXT * 80 if planted else f"{i} " + CONTEXT)
    return None


def no_streaming(planted):
    Api().chat(ms=2400, stream=not planted) if planted else Api().chat(ms=1200)
    return None


def n_plus_one_db(planted):
    with database() as connection, connection.cursor() as cursor:
        query(cursor, "SELECT generate_series(1, 20)")
        if planted:
            for i in range(20):
                query(cursor, "SELECT pg_sleep(0.008), %s::int", i)
        else:
            query(cursor, "SELECT pg_sleep(0.012), count(*) FROM generate_series(1, 20)")
    return all_but_longest(1)


def pattern_db(planted):
    with database() as connection, connection.cursor() as cursor:
        for i in range(10 if planted else 1):
            query(cursor, "SELECT pg_sleep(0.008) AS body, %s::int", i)
            query(cursor, "SELECT pg_sleep(0.008) AS author, %s::int", i)
    return sum(times[2:])


def consecutive_db(planted):
    names = ("orders", "prices", "stock", "shops", "carts", "taxes", "users", "votes")
    with database() as connection, connection.cursor() as cursor:
        for name in names if planted else names[:1]:
            query(cursor, f"SELECT pg_sleep(0.065) AS {name}")
    return all_but_longest()


def slow_db(planted):
    with database() as connection, connection.cursor() as cursor:
        query(cursor, "SELECT pg_sleep(%s)", 0.8 if planted else 0.05)
    return times[0] - 500_000_000


def pool_saturation(planted):
    connections = [database() for _ in range(14 if planted else 3)]
    together = threading.Barrier(len(connections))

    def work(connection):
        together.wait()
        connection.execute("SELECT pg_sleep(0.15)").fetchall() if planted else connection.execute("SELECT 1").fetchall()

    threads = [threading.Thread(target=work, args=(connection,)) for connection in connections]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return None


def large_payload(planted):
    Shop().get(f"/size/{2_000_000 if planted else 20_000}/export")
    return None


def sleep_on_path(planted):
    shop, spent = Shop(), 0
    for i in range(4):
        shop.get(f"/wait/5/jobs{i}" if planted else f"/wait/150/jobs{i}")
        if planted:
            begin = time.perf_counter_ns()
            time.sleep(0.15)
            spent += time.perf_counter_ns() - begin
    return spent


def lock_wait(planted):
    lock, ready, spent = threading.Lock(), threading.Event(), 0

    def hold():
        with lock:
            ready.set()
            end = time.monotonic() + (0.3 if planted else 0.0)
            while time.monotonic() < end:
                time.sleep(0.001)
        # its work goes on: what is waited for is the lock alone
        time.sleep(0.25)

    thread = threading.Thread(target=hold)
    thread.start()
    ready.wait()
    begin = time.perf_counter_ns()
    with lock:
        spent = time.perf_counter_ns() - begin
    Shop().get("/wait/900/x")
    thread.join()
    return spent


def loop_blocked(planted):
    async def tick():
        for _ in range(40):
            await asyncio.sleep(0.01)

    async def main():
        ticking = asyncio.create_task(tick())
        await asyncio.sleep(0.1)
        if planted:
            Shop().get("/wait/300/blocking")
        else:
            await asyncio.to_thread(Shop().get, "/wait/300/blocking")
        await ticking

    asyncio.run(main())
    return None


def small_reads(planted):
    path = os.path.join(SCRATCH, "index.bin")
    with open(path, "wb") as file:
        file.write(bytes(400_000))
    with open(path, "rb", buffering=0) as file:
        while file.read(16 if planted else 65536):
            pass
    return None


def slow_stage(planted):
    Api().chat(ms=2800 if planted else 600)
    return times[0] - 2_000_000_000


if __name__ == "__main__":
    cause, how = sys.argv[1:]
    told = globals()[cause](how == "planted")
    print(json.dumps({"planted_ns": told}))
