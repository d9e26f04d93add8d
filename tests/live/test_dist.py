# SPDX-License-Identifier: Apache-2.0
"""The tarball of `make dist`, unpacked into a root that holds what a slim Python image holds.

Quick: a root of libc, busybox and Python copied by hand. SIZE=full: one made by debootstrap.
"""
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

from runs import BUILD, FULL, TMP, check, finish

ROOT = os.path.join(TMP, "root")
RAGTIME = "/opt/ragtime/bin/ragtime"
PYTHON = "/usr/bin/python3"
TRACE = "/tmp/t.rtrace"

# The half of the standard library that the programs below need.
LIBRARY = ("collections", "encodings", "importlib", "json", "re")

# As PID 1's child: leaves an orphan behind, which PID 1 must reap.
ORPHAN = """
import os, time
read, write = os.pipe()
if os.fork() == 0:
    orphan = os.fork()
    if orphan == 0:
        time.sleep(0.2)
        os._exit(0)
    os.write(write, b"%d" % orphan)
    os._exit(0)
os.wait()
orphan = int(os.read(read, 20))
end = time.monotonic() + 10
while os.path.exists(f"/proc/{orphan}") and time.monotonic() < end:
    time.sleep(0.05)
print("parent", os.getppid(), "orphan", os.path.exists(f"/proc/{orphan}"), flush=True)
raise SystemExit(7)
"""

# Ends on SIGTERM with a status of its own.
SERVICE = """
import os, signal, socket, sys, time
def stop(number, frame):
    os.write(1, b"stopping\\n")
    sys.exit(3)
signal.signal(signal.SIGTERM, stop)
if "NOTIFY_SOCKET" in os.environ:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
os.write(1, b"serving %d\\n" % os.getpid())
while True:
    time.sleep(0.05)
"""

# Binds the root to itself, gives it what a container has, and becomes argv in it.
ENTER = """
set -e
root=$1 readonly=$2; shift 2
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 dev "$root/dev"
for node in null zero urandom; do touch "$root/dev/$node"; mount --bind "/dev/$node" "$root/dev/$node"; done
mount -t tmpfs -o mode=1777 tmp "$root/tmp"
[ "$readonly" = no ] || mount -o remount,bind,ro "$root"
exec chroot "$@"
"""


def need(condition, why):
    if not condition:
        print(why)
        sys.exit(77)


def make(target):
    build = os.path.relpath(BUILD)
    subprocess.run(["make", "-s", f"OUT={build}", f"{build}/{target}"], check=True)


def pack(folder):
    done = subprocess.run(["sh", "tests/dist.sh", BUILD, folder], capture_output=True, text=True, check=True)
    print(done.stdout, end="")
    names = [name for name in os.listdir(folder) if name.endswith(".tar.gz")]
    return os.path.join(folder, names[0])


def copy(path):
    """A file and what it is linked to, at the same place in the root."""
    listed = subprocess.run(["ldd", path], capture_output=True, text=True, check=False).stdout
    for file in [path, *re.findall(r"(/\S+) \(0x", listed)]:
        target = ROOT + file
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if not os.path.exists(target):
            shutil.copy2(file, target)


def make_root_by_hand():
    binary = os.path.realpath(PYTHON)
    version = os.path.basename(binary)
    copy(binary)
    copy("/bin/busybox")
    for name in ("lib-dynload", *LIBRARY):
        shutil.copytree(f"/usr/lib/{version}/{name}", f"{ROOT}/usr/lib/{version}/{name}",
                        ignore=shutil.ignore_patterns("__pycache__"))
    for name in os.listdir(f"/usr/lib/{version}"):
        if name.endswith(".py"):
            shutil.copy2(f"/usr/lib/{version}/{name}", f"{ROOT}/usr/lib/{version}/{name}")
    os.symlink(version, ROOT + PYTHON)
    os.makedirs(f"{ROOT}/bin", exist_ok=True)
    os.symlink("busybox", f"{ROOT}/bin/sh")


def make_root_by_debootstrap():
    need(shutil.which("debootstrap"), "debootstrap is not installed")
    subprocess.run(["debootstrap", "--variant=minbase", "--include=python3", "bookworm", ROOT],
                   stdout=subprocess.DEVNULL, check=True)


def make_root(tarball):
    (make_root_by_debootstrap if FULL else make_root_by_hand)()
    for name in ("proc", "dev", "tmp", "opt", "root"):
        os.makedirs(f"{ROOT}/{name}", exist_ok=True)
    subprocess.run(["tar", "xzf", tarball, "-C", f"{ROOT}/opt"], check=True)
    os.symlink(os.path.basename(tarball).removesuffix(".tar.gz"), f"{ROOT}/opt/ragtime")


def enter(*argv, user=None, readonly=False, **keywords):
    """Starts argv as PID 1 of a new PID namespace in the root."""
    options = [f"--userspec={user}:{user}"] if user else []
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", ENTER, "sh", ROOT,
               "yes" if readonly else "no", *options, ROOT, *argv]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin"}, **keywords)


def outcome(process):
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def shell(script, **keywords):
    return outcome(enter("/bin/sh", "-c", script, **keywords))


def test_reads_and_reports():
    code, out, err = shell(f"{RAGTIME} run -o {TRACE} -- {PYTHON} -c 'import json; print(json.dumps([1]))' && "
                           f"{RAGTIME} info {TRACE} && {RAGTIME} report {TRACE} && {RAGTIME} tree {TRACE}")
    check(code == 0 and out.startswith("[1]\n"), f"a traced Python in the bare root: {code} {err}")
    check("(finished)" in out and re.search(r"[1-9][0-9,]* calls", out), f"the trace has calls: {out[:400]}")


def test_as_pid_1():
    code, out, err = outcome(enter(RAGTIME, "run", "-o", TRACE, "--", PYTHON, "-c", ORPHAN))
    check(code == 7, f"as PID 1 the status is the target's: {code} {err}")
    check(out == "parent 1 orphan False\n", f"as PID 1 it reaps: {out!r}")


def child_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return int(file.read().split()[0])


def test_signal_as_pid_1():
    process = enter(RAGTIME, "run", "-o", TRACE, "--", PYTHON, "-c", SERVICE)
    check(process.stdout.readline().startswith("serving"), "the service starts")
    os.kill(child_of(process.pid), signal.SIGTERM)
    code, out, err = outcome(process)
    check(code == 3 and out == "stopping\n", f"PID 1 forwards SIGTERM: {code} {out!r} {err}")


def test_other_user_readonly_no_home():
    script = (f"{RAGTIME} run -o {TRACE} -- {PYTHON} -c 'import os; print(os.getuid())' && {RAGTIME} info {TRACE};"
              f" {RAGTIME} run -- {PYTHON} -c 'print(1)'; echo status $?")
    code, out, err = shell(script, user="65534", readonly=True)
    check(code == 0 and out.startswith("65534\n") and "(finished)" in out,
          f"as nobody, read-only root, no /dev/shm, no HOME: {code} {out!r} {err}")
    check(out.endswith("status 125\n") and "name a file with -o" in err,
          f"without -o and HOME it says what to do: {out[-200:]!r} {err!r}")


def notified(server):
    """PID of the sender of READY=1."""
    server.settimeout(20)
    data, ancillary, _, _ = server.recvmsg(64, socket.CMSG_SPACE(12))
    check(data == b"READY=1", f"the service says that it is ready: {data!r}")
    return struct.unpack("iii", ancillary[0][2])[0]


def test_systemd_rules():
    """No terminal, no input, --exec keeps the main PID, the whole group is signalled at the end."""
    address, trace = os.path.join(TMP, "notify"), os.path.join(TMP, "service.rtrace")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        server.bind(address)
        service = subprocess.Popen(
            [ROOT + RAGTIME, "run", "--exec", "-o", trace, "--", PYTHON, "-c", SERVICE],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True, env={"NOTIFY_SOCKET": address, "PATH": "/usr/bin:/bin"})
        check(notified(server) == service.pid, "NotifyAccess=main: READY=1 comes from the main PID")
    check(service.stdout.readline() == f"serving {service.pid}\n", "--exec keeps the PID")
    tracers = subprocess.run(["pgrep", "-f", trace], capture_output=True, text=True, check=False).stdout.split()
    group = {service.pid, *map(int, tracers)}
    check(len(group) >= 2, f"there is a tracer beside the service: {group}")
    for pid in group:
        os.kill(pid, signal.SIGTERM)
    out, _ = service.communicate(timeout=30)
    check(service.returncode == 3 and out == "stopping\n", f"the service ends its own way: {service.returncode}")
    end = time.monotonic() + 10
    while state(trace) != "finished" and time.monotonic() < end:
        time.sleep(0.1)
    check(state(trace) == "finished", f"its trace is whole: {state(trace)}")


def state(trace):
    done = subprocess.run([ROOT + RAGTIME, "info", "--json", trace], capture_output=True, text=True, check=False)
    found = re.search(r'"state": "(\w+)"', done.stdout)
    return found[1] if found else done.stderr


def main():
    need(os.getuid() == 0, "needs root: makes namespaces and a root of its own")
    need("-" not in os.path.basename(BUILD), "the tarball is made of a plain build")
    need(subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"], check=False).returncode == 0,
         "namespaces are not allowed here")
    make("ragtime-static")
    tarball = pack(os.path.join(TMP, "first"))
    with open(tarball, "rb") as one, open(pack(os.path.join(TMP, "second")), "rb") as two:
        check(one.read() == two.read(), "packed twice, the bytes are the same")
    make_root(tarball)
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            print(name, flush=True)
            test()
    finish()


main()
