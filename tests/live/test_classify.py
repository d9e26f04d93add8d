#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Operation classes of a real program: by parsers, by built in rules, by rules of a user; bad rules; old databases."""
import json
import os
import sqlite3
import subprocess
import sys

BUILD, TMP = os.environ["BUILD"], os.environ["TMP"]
RAGTIME = f"{BUILD}/ragtime"
PROGRAM = """
import http.client, http.server, threading
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
    def log_message(self, *arguments):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = http.client.HTTPConnection("127.0.0.1", server.server_port)
for path in ("/internal/re-rank", "/our/score", "/our/score", "/health"):
    client.request("POST", path, b"{}", {"Content-Type": "application/json"})
    client.getresponse().read()
open(%r).read()
"""
failures = []


def check(condition, text):
    if not condition:
        failures.append(text)
        print("FAILED:", text)


def ragtime(*arguments, rules=""):
    environment = dict(os.environ, RAGTIME_CLASSES=rules)
    return subprocess.run([RAGTIME, *arguments], capture_output=True, text=True, timeout=60, env=environment)


def classes(done):
    """Class and rule by the name of the operation."""
    check(done.returncode == 0, done.stderr)
    rows = json.loads(done.stdout)["runs"][0]["operations"]
    return {row["name"]: (row["class"], row["rule"], row["count"]) for row in rows}


def named(found, part):
    return next((row for name, row in found.items() if part in name), None)


def main():
    model, program, trace = f"{TMP}/tiny.gguf", f"{TMP}/program.py", f"{TMP}/a.rtrace"
    mine, bad, database = f"{TMP}/mine.yaml", f"{TMP}/bad.yaml", f"{TMP}/a.db"
    open(model, "w").write("model")
    open(program, "w").write(PROGRAM % model)
    open(mine, "w").write('- id: our-scores\n  path: "*/score"\n  class: reranking\n')
    open(bad, "w").write("- id: x\n  path: /x\n  class: wrong\n")
    done = ragtime("run", "-o", trace, "--", "python3", program)
    check(done.returncode == 0, done.stderr)

    found = classes(ragtime("classify", "--json", trace))
    # both ends of the connection are the program's
    check(named(found, "/internal/re-rank") == ("reranking", "rerank-path", 2), found)
    check(named(found, "/our/score") == ("api_call", "protocol http1", 4), found)
    check(named(found, "/health") == ("api_call", "protocol http1", 2), found)
    check((named(found, "tiny.gguf") or ())[:2] == ("model_load", "model-file"), found)

    found = classes(ragtime("classify", "--json", trace, rules=mine))
    check(named(found, "/our/score") == ("reranking", "our-scores", 4), found)
    check(named(found, "/internal/re-rank") == ("reranking", "rerank-path", 2), found)

    done = ragtime("decode", trace, "-o", database, rules=mine)
    check(done.returncode == 0, done.stderr)
    span = sqlite3.connect(database).execute(
        "SELECT span FROM attribute WHERE key = 'ragtime.class_rule' AND value = 'our-scores'").fetchone()[0]
    # without the file: the rules travel
    done = ragtime("classify", "--json", "--explain", str(span), database)
    told = json.loads(done.stdout)["runs"][0]["span"]
    check((told["class"], told["given"], told["rule"]) == ("reranking", "api_call", "our-scores"), told)
    check(told["tried"][-1]["rule"] == "our-scores" and told["tried"][-1]["verdict"] == "fits", told)
    check({"field": "path", "value": "/our/score"} in told["facts"], told)
    done = ragtime("classify", "--rules", database)
    check(f"{mine}:1" in done.stdout and "built in:" in done.stdout, done.stdout)

    # a mistake is told before anything is written
    for command in (("decode", trace, "-o", f"{TMP}/none.db"), ("classify", trace), ("tree", trace)):
        done = ragtime(*command, rules=bad)
        check(done.returncode == 2 and f"{bad}:3: key 'class' of rule 'x'" in done.stderr, done)
    check(not os.path.exists(f"{TMP}/none.db"), "bad rules left a database")
    check(ragtime("classify", "--explain", "x", database).returncode == 2, "--explain x")

    # a database from before there were rules
    old = sqlite3.connect(database)
    old.executescript("DROP TABLE rule; DROP TABLE rule_file;")
    old.close()
    done = ragtime("classify", database)
    check(done.returncode == 0 and "holds no rules" in done.stderr, done)
    check("our-scores" in done.stdout, done.stdout)
    other = f"{TMP}/b.rtrace"
    check(ragtime("run", "-o", other, "--", "true").returncode == 0, "second run")
    done = ragtime("decode", "--append", other, "-o", database)
    check(done.returncode == 0, done.stderr)
    done = ragtime("classify", "--rules", database)
    check("rerank-path" in done.stdout, done.stdout)
    print(f"{len(failures)} failures")
    sys.exit(bool(failures))


main()
