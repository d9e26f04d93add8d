#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""shop.py READY: a web service whose paths say what it does: /wait/MS/anything, /size/BYTES/anything,
the latter in pieces with a pause between. Writes its address to the file READY."""
import http.server
import os
import sys
import time

PIECE = 100_000


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self):
        _, verb, amount, _ = self.path.split("/", 3)
        size = int(amount) if verb == "size" else 2
        if verb == "wait":
            time.sleep(int(amount) / 1000)
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(size))
        self.end_headers()
        for at in range(0, size, PIECE):
            self.wfile.write(b"1" * min(PIECE, size - at))
            self.wfile.flush()
            time.sleep(0.01 if size > PIECE else 0)
        self.wfile.flush()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
with open(sys.argv[1] + ".new", "w") as ready:
    ready.write("127.0.0.1:%d" % server.server_address[1])
os.rename(sys.argv[1] + ".new", sys.argv[1])
server.serve_forever()
