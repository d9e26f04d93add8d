# SPDX-License-Identifier: Apache-2.0
"""For each detector what it has to see (fires) and what looks like it and is none (quiet)."""


def n_plus_one_db(t, fires):
    t.query("SELECT id FROM docs WHERE topic = ?", 4)
    for _ in range(20 if fires else 3):
        t.query("SELECT body FROM chunks WHERE doc = ?", 6)
        t.wait(0.5)
    if not fires:
        t.query("INSERT INTO log VALUES (?)", 2)


def pattern_db(t, fires):
    for i in range(8):
        t.query("SELECT body FROM chunks WHERE doc = ?", 6)
        t.query("SELECT name FROM authors WHERE id = ?" if fires else f"SELECT a FROM t{i} WHERE id = ?", 5)


def n_plus_one_api(t, fires):
    for _ in range(8):
        t.get("/documents/{id}", 60, method="GET")
        t.wait(2 if fires else 40)


def unbatched_embeddings(t, fires):
    if fires:
        for _ in range(12):
            t.embed(30)
            t.wait(3)
    else:
        t.embed(60, inputs=12)
        for _ in range(3):
            t.embed(30)
            t.chat(700)


def redundant_call(t, fires):
    t.chat(900, digest="aaaa")
    t.wait(5)
    t.chat(900, digest="aaaa" if fires else "bbbb")


def cache_miss_repeat(t, fires):
    t.lookup("miss")
    t.chat(900, digest="aaaa")
    t.lookup("miss" if fires else "hit")
    if fires:
        t.chat(900, digest="aaaa")


def consecutive_calls(t, fires):
    for i in range(4):
        # what has to read the answer before it is longer than that
        t.chat(1200, digest=f"{i:04}", asked=100 if fires else 100 + 60 * i)
        t.wait(10)


def consecutive_db(t, fires):
    for table in ("orders", "prices", "stock"):
        t.query(f"SELECT sum(x) FROM {table}", 95)
        t.wait(1 if fires else 200)


def conn_no_reuse(t, fires):
    obj = None
    for _ in range(6):
        if fires or obj is None:
            obj = t.connection("10.0.0.9:443", 20, tls=30, closed_after=41)
        t.request("GET /x", 40, "api_call", obj, http__request__method="GET", url__template="/x",
                  network__protocol__name="http1")
        t.wait(20)


def dns_each_call(t, fires):
    for i in range(5):
        t.call("getaddrinfo", 25, t.object("api.example.com" if fires else f"host{i}.example.com", 8))
        t.get("/x" if fires else f"/{i}", 50)
        t.wait(30)


def tls_each_call(t, fires):
    obj = t.object("10.0.0.9:443", fresh=True)
    for _ in range(4):
        if fires:
            obj = t.object("10.0.0.9:443", fresh=True, closed=t.at + 60)
        t.call("SSL_do_handshake", 30, obj, attributes={"tls.resumed": 0})
        t.get("/x", 20)
        t.wait(30)


def retry_storm(t, fires):
    for _ in range(4 if fires else 1):
        t.get("/search", 50, status=503)
        t.call("nanosleep", 100)
    t.get("/search", 50)


def rate_limited(t, fires):
    t.chat(20, status=429 if fires else 500, digest="aaaa", stream=0)
    t.call("nanosleep", 400)
    t.chat(500, digest="aaaa")


def agent_loop(t, fires):
    # conversations that begin anew, and ask the same of one tool or not
    for talk in range(3):
        for i in range(3):
            t.chat(300, digest=f"aa{talk}{i:03}", asked=100 + 80 * i, ragtime__messages=2 + 2 * i,
                   ragtime__tools_called="look_up" if i < 2 or fires else None,
                   ragtime__tool_argument_hash="eeee" if fires else f"{talk}{i}")
            t.get("/search", 40)
    for i in range(6 if fires else 3):
        t.request("tools/call", 50, "tool_call", gen_ai__tool__name="web_search", mcp__method__name="tools/call")
        t.chat(300, digest=f"{i:04}", asked=100 + 80 * i)


def malformed_output(t, fires):
    asked, answered = {"gen_ai__output__type": "json"}, {"ragtime__answer_form": "json"}
    t.chat(400, digest="aaaa", **asked, ragtime__answer_form="broken" if fires else "json")
    t.chat(400, digest="bbbb", **asked, **answered)
    # asked for in the prompt: what is no JSON may be what was meant
    t.chat(400, digest="cccc", ragtime__answer_form="broken" if fires else None)
    t.chat(400, digest="cccc" if fires else "dddd", **answered)


def missed_fastpath(t, fires):
    t.chat(800, ragtime__tools_offered=1 if fires else 5, ragtime__tools_called="look_up")


def token_overhead(t, fires):
    t.chat(1800, first=900, asked=24000 if fires else 4000)


def prompt_growth(t, fires):
    for i in range(9):
        t.chat(200, asked=500 + 600 * i if fires else 500 + 60 * i, digest=f"dd{i:02}", ragtime__messages=2 + 2 * i)


def large_k(t, fires):
    t.request("SELECT docs", 20, "vector_search", t.object("10.0.0.2:5432"), db__system__name="postgresql",
              ragtime__k=400 if fires else 20)
    t.chat(900)


def fan_out(t, fires):
    for i in range(30):
        t.get("/rank", 300 if fires else 5, method="POST", at=t.at + 6 * i)
    t.wait(600)


def memory_growth(t, fires):
    for i in range(40):
        t.serve(50)
        t.get("/x", 40)
        t.wait(60)
        # what fills a cache stops
        t.memory(200 + 2 * (i if fires else min(i, 12)))


def prompt_cache_miss(t, fires):
    for i in range(3):
        t.chat(700, asked=3000, digest=f"{i:04}", ragtime__prompt_prefix_hash="ffff",
               gen_ai__usage__cache_read__input_tokens=0 if fires or not i else 2048)


def no_streaming(t, fires):
    t.chat(2600 if fires else 1500, stream=0)


def slow_db(t, fires):
    t.query("SELECT body FROM chunks ORDER BY created", 900 if fires else 90)


def large_payload(t, fires):
    t.get("/export", 400, ragtime__bytes_in=2_000_000 if fires else 20_000, ragtime__first_byte_ns=50_000_000)


def chatty(t, fires):
    t.serve(900)
    for i in range(30 if fires else 8):
        t.get("/" + "part"[:i % 4 + 1] * (i // 4 + 1), 20)


def pool_saturation(t, fires):
    for i in range(14):
        # the queries of a pipeline wait for nobody
        t.query(f"SELECT v FROM t{i}", 80, at=t.at + 6 * i, fresh=fires)
    t.wait(200)


def pool_exhausted(t, fires):
    """One connection, or one for each of three threads, that all wait for a lock before."""
    for i in range(3):
        t.on((1, 3, 4)[i], "app.fetch")
        t.call("sem_wait", 100 * i + 1, t.object(f"lock{i}", 3), at=0)
        t.query("SELECT body FROM chunks", 95, at=100 * i + 2, fresh=not fires)
    t.wait(320)


def loop_blocked(t, fires):
    for i in range(4):
        t.call("epoll_wait", 5)
        t.call("recv" if fires else "epoll_wait", 300 if i == 2 else 1, t.object("10.0.0.7:80") if fires else None)


def sleep_on_path(t, fires):
    if fires:
        for i in range(4):
            t.get(f"/jobs/{i}", 20)
            t.call("nanosleep", 500)
    else:
        t.get("/jobs", 20, status=500)
        t.call("nanosleep", 200)
        t.get("/jobs", 900)


def on_wait(name, ms=40):
    def case(t, fires):
        for _ in range(5):
            t.call(name, ms if fires else 0.4)
            t.get("/x", 50 if fires else 20)
            t.wait(20)
    return case


lock_wait = on_wait("sem_wait")
gil_wait = on_wait("take_gil")
cpu_starved = on_wait("run queue", 140)
fault_bound = on_wait("page fault")


def cold_load(t, fires):
    obj = t.object("/srv/model.safetensors", 1)
    if fires:
        t.serve(1500)
    t.folded("read", obj, 400, 800, 400_000_000)
    t.wait(900)
    if not fires:
        t.serve(600)
    t.get("/x", 500)


def small_reads(t, fires):
    t.folded("read", t.object("/srv/index.bin", 1), 20000 if fires else 200, 400, 20_000_000 if fires else 200_000_000)
    t.wait(500)
    t.get("/x", 20)


def import_storm(t, fires):
    t.count("stat_failed", 9000 if fires else 300)
    t.wait(1800)
    t.get("/x", 20)


def slow_stage(t, fires):
    t.embed(500 if fires else 100)
    t.chat(900)
