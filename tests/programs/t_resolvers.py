# SPDX-License-Identifier: Apache-2.0
"""Resolves names with libraries that speak DNS themselves: dnspython over UDP and TCP, c-ares.

    t_resolvers.py SERVER
"""
import asyncio
import subprocess
import sys

import aiodns
import dns.exception
import dns.resolver

server = sys.argv[1]
resolver = dns.resolver.Resolver(configure=False)
resolver.nameservers = [server]
resolver.lifetime = 10
# a child made by vfork closes what it inherits: its own copies, not ours
subprocess.run(["true"], check=True)
assert [str(rdata) for rdata in resolver.resolve("udp.python.test", "A")] == ["192.0.2.1"]
assert [str(rdata) for rdata in resolver.resolve("tcp.python.test", "A", tcp=True)] == ["192.0.2.1"]
try:
    resolver.resolve("none.python.test", "A")
    raise SystemExit("a name that is none was resolved")
except dns.resolver.NXDOMAIN:
    pass


async def with_cares():
    cares = aiodns.DNSResolver(nameservers=[server], timeout=10, tries=1)
    await asyncio.gather(*(cares.query_dns(f"cares{number}.python.test", "A") for number in range(4)))


asyncio.run(with_cares())
