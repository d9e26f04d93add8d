#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `ragtime attach` counts of threads and asks of connections, against the system's own accounts: page faults
by getrusage, bytes read from disks by /proc/PID/io, round trips of TCP."""
import os
import sqlite3
import subprocess
import sys

from attached import Attached, skip_unless_allowed
from runs import RAGTIME, TMP, check, finish, trace, wait_until

# Touches memory for the first time, reads a file past the page cache, and talks over TCP.
TARGET = """
import mmap, os, resource, socket, sys
def disk():
    with open("/proc/self/io") as file:
        return int(next(line for line in file if line.startswith("read_bytes")).split()[1])
path = sys.argv[1]
sys.stdin.readline()
faults, read = resource.getrusage(resource.RUSAGE_SELF), disk()
for _ in range(4):
    memory = mmap.mmap(-1, 4096 * 4096)
    memory.madvise(mmap.MADV_NOHUGEPAGE)
    for page in range(4096):
        memory[page * 4096] = 1
    memory.close()
file = os.open(path, os.O_RDONLY)
os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
while os.read(file, 65536):
    pass
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname())
peer, _ = server.accept()
for _ in range(20):
    client.send(b"hello\\n")
    peer.send(peer.recv(100))
    client.recv(100)
client.close()
after = resource.getrusage(resource.RUSAGE_SELF)
print(after.ru_minflt + after.ru_majflt - faults.ru_minflt - faults.ru_majflt, disk() - read)
"""


def main():
    skip_unless_allowed()
    path = os.path.join(os.path.dirname(RAGTIME), "attach-counts.bytes")
    with open(path, "wb") as file:
        file.write(os.urandom(4 << 20))
        file.flush()
        os.fsync(file.fileno())
    target = subprocess.Popen([sys.executable, "-c", TARGET, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True)
    wait_until(lambda: open(f"/proc/{target.pid}/syscall").read().startswith("0 "))
    with Attached(target.pid, name="counts.rtrace") as traced:
        out, _ = target.communicate("go\n", timeout=120)
        wait_until(lambda: traced.process.poll() is not None)
    os.unlink(path)
    faults, read = map(int, out.split())
    database = trace("counts.db")
    subprocess.run([RAGTIME, "decode", traced.path, "-o", database], check=True, stdout=subprocess.DEVNULL, timeout=60)
    rows = sqlite3.connect(database)
    counted = {name: (calls, count) for name, calls, count in rows.execute(
        "SELECT o.name, SUM(c.calls), SUM(c.bytes) FROM counter c JOIN operation o ON o.id = c.operation GROUP BY 1")}
    seen, seen_read = counted.get("page_fault", (0, 0))[0], counted.get("disk_read", (0, 0))[1]
    print(f"page faults {faults} by getrusage, {seen} counted; {read} bytes read from disks, {seen_read} counted")
    check(faults <= seen * 1.02 and seen <= faults * 1.1 + 500, f"{seen} page faults, {faults} by getrusage")
    if not read:
        print("the file system here reads from no disk")
    check(abs(seen_read - read) <= 0.05 * read, f"{seen_read} bytes of disks, {read} by /proc/PID/io")
    times = [row[0] for row in rows.execute("SELECT rtt_ns FROM connection WHERE rtt_ns IS NOT NULL")]
    print(f"round trips {times}")
    check(any(0 < time < 1_000_000_000 for time in times), "no connection has its round trip")


main()
finish()
