# SPDX-License-Identifier: Apache-2.0
"""docs/python-libraries.md: what the default rules see of RAG libraries, once for each call.

Full size only: torch and what rides on it are 6 GB. Words on the command line choose cases.
"""
import contextlib
import http.server
import json
import os
import subprocess
import sys
import threading
import time

from far_ends import TESTS, python_of
from functions import check_functions, installed, name_of, spans_of, write_table
from library_rows import CASES
from runs import FULL, check, command, failures_so_far, finish, trace

QUIET = {"HF_HUB_OFFLINE": "1", "ANONYMIZED_TELEMETRY": "False", "HAYSTACK_TELEMETRY_ENABLED": "False",
         "TOKENIZERS_PARALLELISM": "false"}


class Nobody(http.server.BaseHTTPRequestHandler):
    """Says that it is a store of some version, and has nothing."""

    def do_GET(self):
        body = json.dumps({"version": "1.31.0"}).encode()
        self.send_response(200 if self.path == "/v1/meta" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def nobody():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Nobody)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


def versions(python, packages):
    script = "import sys, importlib.metadata as m; print(', '.join(f'{n} {m.version(n)}' for n in sys.argv[1:]))"
    return subprocess.run([python, "-c", script, *packages.split()], check=True, text=True, stdout=subprocess.PIPE).stdout.strip()


def told(spans):
    """For the reader of the table: each function, how often, and its class."""
    counts = {}
    for span in installed(spans):
        name = ".".join(name_of(span).replace("<locals>.", "").split(".")[-2:]) + (f" [{span['class']}]" if span["class"] else "")
        counts[name] = counts.get(name, 0) + 1
    return ", ".join(f"`{name}`" + (f" x {count}" if count > 1 else "") for name, count in sorted(counts.items()))


def main():
    if not FULL:
        print("the libraries are for SIZE=full")
        sys.exit(77)
    import compat_servers  # makes an environment of its own
    python, lines = python_of("libraries"), []
    with contextlib.ExitStack() as stack:
        environment = {**os.environ, **QUIET, **compat_servers.trust(),
                       **compat_servers.models(stack, ["openai", "anthropic"]), "FAR_NOBODY": stack.enter_context(nobody())}
        for case in sys.argv[1:] or CASES:
            packages, wanted = CASES[case]
            begin, path = time.monotonic(), trace(f"{case}.rtrace")
            done = subprocess.run(command(path, python, str(TESTS / "programs/t_libraries.py"), case), text=True,
                                  capture_output=True, timeout=900, env=environment)
            good = check(done.returncode == 0, f"{case}: status {done.returncode}\n{done.stderr[-2000:]}")
            spans = spans_of(path)
            good &= check_functions(case, spans, wanted)
            print("ok" if good else "WRONG", case, f"{time.monotonic() - begin:.1f} s", flush=True)
            lines.append((case.replace("_", " "), versions(python, packages), told(spans)))
    if len(sys.argv) < 2 and not failures_so_far():
        write_table("libraries", ("what was called", "versions", "seen"), lines)
    finish()


main()
