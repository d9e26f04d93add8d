# SPDX-License-Identifier: Apache-2.0
"""A program for tools to watch: functions, threads, a database, an HTTP request to itself."""

import http.server
import sqlite3
import threading
import urllib.request


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.path.encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


def rows():
    database = sqlite3.connect(":memory:")
    database.execute("create table t(a)")
    database.executemany("insert into t values (?)", ((i,) for i in range(1000)))
    total = database.execute("select sum(a) from t").fetchone()[0]
    database.close()
    return total


def main():
    results = []
    threads = [threading.Thread(target=lambda i=i: results.append(fibonacci(i))) for i in range(10, 16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(sorted(results), rows())
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for i in range(5):
        with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/{i}") as answer:
            print(answer.status, answer.read())
    server.shutdown()
    server.server_close()


main()
