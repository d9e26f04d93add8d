# SPDX-License-Identifier: Apache-2.0
"""Names that programs resolve by themselves, past getaddrinfo: dnspython over UDP and TCP, c-ares in
Python and in Node, against a server of our own on a loopback address."""
import collections
import shutil
import socket
import struct
import subprocess
import sys
import threading

from far_ends import TESTS, python_of, requests_of
from runs import check, command, finish, trace

SERVER = "127.0.0.77"
NODE = """
const { Resolver } = require("dns").promises;
const resolver = new Resolver({ tries: 1 });
resolver.setServers([process.argv[1]]);
Promise.all([1, 2, 3].map((n) => resolver.resolve4(`cares${n}.node.test`)))
	.then(() => resolver.resolve4("none.node.test")).catch((error) => process.exit(error.code === "ENOTFOUND" ? 0 : 1));
"""


def answer(query):
    """One address for every name but those called none."""
    name = query[12:query.index(b"\0", 12) + 5]
    found = not name.startswith(b"\4none") and name[-4:-2] == b"\0\1"
    head = query[:2] + (b"\x81\x80" if not name.startswith(b"\4none") else b"\x81\x83")
    record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1" if found else b""
    return head + struct.pack(">HHHH", 1, 1 if found else 0, 0, 0) + name + record


def serve_udp(listener):
    while True:
        query, peer = listener.recvfrom(4096)
        listener.sendto(answer(query), peer)


def serve_tcp(listener):
    while True:
        with listener.accept()[0] as peer:
            while (query := peer.recv(4096)):
                reply = answer(query[2:])
                peer.sendall(struct.pack(">H", len(reply)) + reply)


try:
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((SERVER, 53))
    tcp = socket.create_server((SERVER, 53))
except PermissionError:
    print("may not listen on port 53")
    sys.exit(77)
for serve, listener in ((serve_udp, udp), (serve_tcp, tcp)):
    threading.Thread(target=serve, args=(listener,), daemon=True).start()


def lookups(label, *args):
    path = trace(label + ".rtrace")
    done = subprocess.run(command(path, *args), capture_output=True, text=True, timeout=120)
    check(done.returncode == 0, f"{label}: status {done.returncode}\n{done.stderr}")
    told = collections.Counter()
    for span in requests_of(path):
        attrs = span["attrs"]
        if attrs.get("network.protocol.name") == "dns" and attrs["ragtime.dns_type"] == "A":
            told[attrs["dns.question.name"], attrs.get("ragtime.dns_rcode"), attrs.get("ragtime.dns_answers"),
                 span["status"]] += 1
            check(0 < span["end_ns"] - span["start_ns"], f"{label}: {span}")
    return told


def good(name):
    return name, "NOERROR", 1, "ok"


wanted = collections.Counter([good("udp.python.test"), good("tcp.python.test"),
                              ("none.python.test", "NXDOMAIN", 0, "error")] +
                             [good(f"cares{number}.python.test") for number in range(4)])
told = lookups("python", python_of("talkers"), str(TESTS / "programs/t_resolvers.py"), SERVER)
check(told == wanted, f"python: {told}")
if shutil.which("node"):
    wanted = collections.Counter([good(f"cares{number}.node.test") for number in (1, 2, 3)] +
                                 [("none.node.test", "NXDOMAIN", 0, "error")])
    told = lookups("node", "node", "-e", NODE, SERVER)
    check(told == wanted, f"node: {told}")
finish()
