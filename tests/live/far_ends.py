# SPDX-License-Identifier: Apache-2.0
"""Starting the stand-ins for paid APIs, and reading what a trace says of requests."""
import json
import os
import pathlib
import signal
import subprocess

from runs import BUILD, RAGTIME, TMP, size_of, wait_until

TESTS = pathlib.Path(__file__).parent.parent
KEY = "sk-" + "standin" * 4 + "4711"


def python_of(lock):
    made = subprocess.run(["sh", TESTS / "python/venv.sh", BUILD, lock], check=True,
                          stdout=subprocess.PIPE, text=True)
    return made.stdout.strip()


def certificate():
    path = os.path.join(TMP, "cert.pem")
    if not os.path.exists(path):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                        "-nodes", "-days", "2", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                        "-keyout", path + ".key", "-out", path], check=True, capture_output=True)
    return path


class StandIn:
    """with StandIn() as far: far.command() is how another would start it; far.log() what it did."""

    def __init__(self, name="openai", service="openai", python="python3", plain=False):
        self.service, self.python, self.plain = service, python, plain
        self.log_path = os.path.join(TMP, name + ".jsonl")
        self.ready = os.path.join(TMP, name + ".port")
        self.process = None

    def command(self):
        path = certificate()
        secured = [] if self.plain else ["--cert", path, "--key", path + ".key"]
        return [self.python, str(TESTS / f"far_ends/{self.service}_server.py"), *secured,
                "--ready", self.ready, "--log", self.log_path]

    def port(self):
        return pathlib.Path(self.ready).read_text()

    def __enter__(self):
        self.process = subprocess.Popen(self.command(), stdout=subprocess.DEVNULL)
        if not wait_until(lambda: size_of(self.ready)):
            raise RuntimeError("the stand-in did not come up")
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)

    def environment(self, port=None):
        path = certificate()
        port = port or self.port()
        return {**os.environ, "OPENAI_BASE_URL": f"https://localhost:{port}/v1", "OPENAI_API_KEY": KEY,
                "SSL_CERT_FILE": path, "REQUESTS_CA_BUNDLE": path, "PYTHONDONTWRITEBYTECODE": "1"}

    def log(self):
        """By the number of the request."""
        if not os.path.exists(self.log_path):
            return {}
        with open(self.log_path) as file:
            return {entry["request"]: entry for entry in map(json.loads, file)}


def requests_of(path):
    """Spans of kind request as `ragtime export --to json` tells them."""
    done = subprocess.run([RAGTIME, "export", "--to", "json", path], capture_output=True, timeout=120, check=True)
    lines = map(json.loads, done.stdout.splitlines())
    return [line for line in lines if line["type"] == "span" and line["kind"] == "request"]


def number_of(span):
    """Of a request to the stand-in: what its answer's x-request-id says, or None."""
    name = span["attrs"].get("ragtime.request_id", "")
    return int(name[4:], 16) if name.startswith("req_") else None
