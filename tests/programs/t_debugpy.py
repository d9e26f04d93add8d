# SPDX-License-Identifier: Apache-2.0
"""t_debugpy.py PROGRAM: debugs PROGRAM with debugpy, as an editor does: waits for it to connect, sets a
breakpoint in rows(), prints the stack where it stops, and goes on."""

import json
import os
import socket
import subprocess
import sys

program = sys.argv[1]
line = next(number for number, text in enumerate(open(program), 1) if "database.close()" in text)


class Client:
    """The Debug Adapter Protocol over a socket."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.file = self.socket.makefile("rb")
        self.sequence = 0
        self.events = []

    def receive(self):
        size = 0
        while (header := self.file.readline().strip()) or not size:
            size = int(header.split(b":")[1]) if header.lower().startswith(b"content-length") else size
        return json.loads(self.file.read(size))

    def send(self, command, **arguments):
        self.sequence += 1
        body = json.dumps({"seq": self.sequence, "type": "request", "command": command, "arguments": arguments}).encode()
        self.socket.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        return self.sequence

    def answer(self, sequence):
        while True:
            message = self.receive()
            if message["type"] == "response" and message["request_seq"] == sequence:
                return message
            self.events.append(message)

    def ask(self, command, **arguments):
        return self.answer(self.send(command, **arguments))

    def event(self, name):
        while True:
            message = self.events.pop(0) if self.events else self.receive()
            if message.get("event") == name:
                return message.get("body")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


port = free_port()
environment = {**os.environ, "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
command = [sys.executable, "-m", "debugpy", "--listen", str(port), "--wait-for-client", program]
target = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)
while True:
    try:
        client = Client(port)
        break
    except ConnectionRefusedError:
        if target.poll() is not None:
            sys.exit(f"debugpy ended with {target.returncode}")
client.ask("initialize", adapterID="test", clientID="test")
attach = client.send("attach", justMyCode=False)
client.event("initialized")
client.ask("setBreakpoints", source={"path": program}, breakpoints=[{"line": line}])
client.ask("configurationDone")
print("attached", client.answer(attach)["success"])
stopped = client.event("stopped")
frames = client.ask("stackTrace", threadId=stopped["threadId"])["body"]["stackFrames"]
print("stopped by a", stopped["reason"], [frame["name"] for frame in frames][:2], frames[0]["line"] == line)
variables = client.ask("evaluate", expression="total", frameId=frames[0]["id"])["body"]
print("total is", variables["result"])
client.ask("continue", threadId=stopped["threadId"])
client.event("terminated")
# The adapter, which shares the program's streams, goes with the last client.
client.ask("disconnect")
client.socket.close()
print(target.stdout.read().decode(), target.wait())
