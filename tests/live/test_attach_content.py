# SPDX-License-Identifier: Apache-2.0
"""`attach --with-content` stores what a service is told, without credentials; attach alone does not."""
import subprocess
import sys
import urllib.request

from attached import Attached, skip_unless_allowed, spans_of
from runs import check, finish

SERVICE = """
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "text/plain")
        self.end_headers()
        self.wfile.write(b"PLANTED-ANSWER")
    def log_message(self, *_):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


def bodies(service, port, *options):
    with Attached(service.pid, *options, name="content.rtrace") as traced:
        request = urllib.request.Request(f"http://127.0.0.1:{port}/notes", b"PLANTED-NOTE password=PLANTED-WORD",
                                         {"content-type": "text/plain", "authorization": "Bearer PLANTED-WORD"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            answer.read()
    spans = [span["attrs"] for span in spans_of(traced.path) if span["attrs"].get("http.request.method")]
    check(len(spans) == 1 and "PLANTED-WORD" not in str(spans), f"{options}: {spans}")
    return [(attrs.get("ragtime.request.body"), attrs.get("ragtime.response.body")) for attrs in spans]


skip_unless_allowed()
with subprocess.Popen([sys.executable, "-c", SERVICE], stdout=subprocess.PIPE, text=True) as process:
    number = int(process.stdout.readline())
    for how in ((), ("--inject",)):
        check(bodies(process, number, *how) == [(None, None)], f"{how}: content is stored, and nobody asked for it")
        said = bodies(process, number, "--with-content", *how)
        check(said == [("PLANTED-NOTE password=***", "PLANTED-ANSWER")], f"{how}: {said}")
    process.terminate()
finish()
