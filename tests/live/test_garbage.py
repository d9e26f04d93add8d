# SPDX-License-Identifier: Apache-2.0
"""A thousand connections that talk nonsense, break off or stay half-closed, beside one that does not:
that one's requests are all there, each with its own tokens, and the tracer's memory stays bounded."""
import collections
import json
import random
import socket
import subprocess
import threading

from far_ends import StandIn, TESTS, python_of, requests_of
from runs import RAGTIME, check, command, finish, trace

PYTHON = python_of("clients")
CALLS, CONNECTIONS = 120, 1000
MORE_MEMORY = 64 << 20


def answer(connection, number):
    """Nonsense for nonsense: of any size, at any moment, with any end."""
    dice = random.Random(-number)
    with connection:
        connection.settimeout(5)
        try:
            connection.recv(65536)
            if number % 3:
                connection.sendall(dice.randbytes(dice.choice((1, 40, 3000, 100000))))
            if number % 2:
                while connection.recv(65536):
                    pass
        except OSError:
            pass


def serve(listener):
    number = 0
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        number += 1
        threading.Thread(target=answer, args=(connection, number), daemon=True).start()


def run(name, far, port, connections):
    """The trace of a run, and what its client was told of tokens."""
    path = trace(name + ".rtrace")
    argv = [PYTHON, str(TESTS / "programs/t_garbage.py"), str(port), str(CALLS), str(connections)]
    done = subprocess.run(command(path, *argv), capture_output=True, text=True, timeout=300, env=far.environment())
    check(done.returncode == 0 and done.stderr == "", f"{name}: status {done.returncode}\n{done.stderr[-2000:]}")
    return path, collections.Counter(tuple(json.loads(line)) for line in done.stdout.splitlines())


def info_of(path):
    done = subprocess.run([RAGTIME, "info", "--json", path], capture_output=True, timeout=120, check=True)
    return json.loads(done.stdout)[0]


def check_run(name, path, told):
    seen = collections.Counter()
    for span in requests_of(path):
        attrs = span["attrs"]
        if "gen_ai.usage.input_tokens" in attrs:
            seen[attrs["gen_ai.usage.input_tokens"], attrs["gen_ai.usage.output_tokens"]] += 1
            check(span["status"] == "ok", f"{name}: {span}")
    check(sum(told.values()) == CALLS and seen == told,
          f"{name}: {sum(seen.values())} calls of {sum(told.values())}, wrong: {(seen - told) + (told - seen)}")
    lost = {entry["reason"] for entry in info_of(path)["lost"]} - {"sealed", "unfinished"}
    check(not lost, f"{name}: lost {lost}")


def main():
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    threading.Thread(target=serve, args=(listener,), daemon=True).start()
    port = listener.getsockname()[1]
    with StandIn() as far:
        calm, told = run("calm", far, port, 0)
        check_run("calm", calm, told)
        beside, told = run("beside nonsense", far, port, CONNECTIONS)
        check_run("beside nonsense", beside, told)
    listener.close()
    memory = [info_of(path)["metrics"]["tracer_peak_rss_bytes"] for path in (calm, beside)]
    print("memory of the tracer:", memory)
    check(memory[1] < memory[0] + MORE_MEMORY, f"the tracer took {memory} bytes")


main()
finish()
