# SPDX-License-Identifier: Apache-2.0
"""Streams of more than 5 MB keep their usage, which stands in the last frame, when they are compressed
and over HTTP/2 as well; plain ones over HTTP/1.1 are live-meaning's."""
import os
import shutil
import subprocess
import sys

from far_ends import TESTS, certificate, python_of, requests_of
from runs import check, command, finish, trace

LONG = 5 << 20
FRAMES = 9000
NODE = shutil.which("node")


def record(port):
    """What the client said of each stream, and the spans of its requests in order."""
    path = trace("long.rtrace")
    done = subprocess.run(
        command(path, python_of("clients"), str(TESTS / "programs/t_long_streams.py"), port), capture_output=True,
        text=True, timeout=300, check=False, env={**os.environ, "SSL_CERT_FILE": certificate()})
    check(done.returncode == 0, f"status {done.returncode}\n{done.stderr[-3000:]}")
    spans = [span for span in requests_of(path) if span["attrs"].get("gen_ai.operation.name") == "chat"]
    return [line.split() for line in done.stdout.splitlines()], sorted(spans, key=lambda span: span["start_ns"])


def main():
    if not NODE:
        print("no node")
        sys.exit(77)
    path = certificate()
    server = subprocess.Popen([NODE, str(TESTS / "far_ends/long_stream.mjs"), path, path + ".key"], text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        lines, spans = record(server.stdout.readline().strip())
    finally:
        server.stdin.close()
        server.wait(10)
        server.stdout.close()
    check(len(lines) == len(spans) == 4, f"{len(spans)} of 4 streams: {lines}")
    check([line[0] for line in lines] == ["HTTP/1.1"] + ["HTTP/2"] * 3, f"{lines}")
    for (version, encoding, size), span in zip(lines, spans):
        attrs, label = span["attrs"], f"{version} {encoding}"
        check(int(size) > LONG, f"{label}: {size} bytes")
        told = attrs.get("gen_ai.usage.input_tokens"), attrs.get("gen_ai.usage.output_tokens")
        check(told == (321, FRAMES), f"{label}: {told} tokens")
        check("ragtime.tokens_estimated" not in attrs and span["status"] == "ok", f"{label}: {span}")
    finish()


main()
