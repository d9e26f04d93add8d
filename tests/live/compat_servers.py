# SPDX-License-Identifier: Apache-2.0
"""The servers that docs/compatibility.md is made against: real ones, and stand-ins in true wire
format for what cannot run here. Each function starts some until the stack ends, and returns the
environment variables that say where they are."""
import contextlib
import os
import pwd
import shutil
import socket
import subprocess

from compat_rows import LLM, PYTHON
from far_ends import KEY, StandIn, TESTS, certificate
from runs import TMP, wait_until

FAR_ENDS = TESTS / "far_ends"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(where):
    """A port, or the path of a Unix socket."""
    with socket.socket(socket.AF_UNIX if isinstance(where, str) else socket.AF_INET) as probe:
        return probe.connect_ex(where if isinstance(where, str) else ("127.0.0.1", where)) == 0


@contextlib.contextmanager
def server(argv, where, **options):
    """A server, until the block ends."""
    argv = [str(word) for word in argv]
    with open(os.path.join(TMP, os.path.basename(argv[0]) + f".{where}.log".replace("/", "-")), "w") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, **options)
    try:
        if not wait_until(lambda: listens(where) or process.poll() is not None, 90) or process.poll() is not None:
            raise RuntimeError(f"{argv[0]} did not come up, its log:\n" + open(log.name).read()[-2000:])
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def certified():
    return [certificate(), certificate() + ".key"]


def http2_front(port, backend):
    path, key = certified()
    return ["nghttpx", "--conf=/dev/null", f"--frontend=127.0.0.1,{port}", f"--backend=127.0.0.1,{backend};;tls",
            "--insecure", "--no-ocsp", "--workers=1", key, path]


def models(stack, names):
    """Stand-ins of paid APIs over TLS, the first of them also behind HTTP/2."""
    fars = {name: stack.enter_context(StandIn(name, name, PYTHON)) for name in names}
    front = free_port()
    stack.enter_context(server(http2_front(front, fars[names[0]].port()), front))
    where = {"FAR_" + name.upper(): f"https://localhost:{far.port()}" for name, far in fars.items()}
    return {**where, "FAR_OPENAI_H2": f"https://localhost:{front}", "OPENAI_BASE_URL": where["FAR_OPENAI"] + "/v1"}


def trust():
    path = certificate()
    return {"OPENAI_API_KEY": KEY, "ANTHROPIC_API_KEY": KEY, "SSL_CERT_FILE": path, "REQUESTS_CA_BUNDLE": path,
            "AWS_CA_BUNDLE": path, "NODE_EXTRA_CA_CERTS": path, "CURL_CA_BUNDLE": path,
            "PYTHONDONTWRITEBYTECODE": "1"}


def databases(stack, servers):
    """PostgreSQL and Redis, with TLS and without."""
    postgres, postgres_tls, redis, redis_tls = (free_port() for _ in range(4))
    stack.callback(servers.stop)
    servers.postgres("-c", "listen_addresses=127.0.0.1", "-c", f"port={postgres}")
    front = [PYTHON, FAR_ENDS / "postgres_tls.py", postgres_tls, postgres, *certified()]
    stack.enter_context(server(front, postgres_tls))
    path, key = certified()
    secured = ["--tls-port", redis_tls, "--tls-cert-file", path, "--tls-key-file", key, "--tls-ca-cert-file", path,
               "--tls-auth-clients", "no"]
    stack.enter_context(server(["redis-server", "--port", redis, "--save", "", *secured], redis, cwd=TMP))
    ports = {"POSTGRES": postgres, "POSTGRES_TLS": postgres_tls, "REDIS": redis, "REDIS_TLS": redis_tls}
    return {"FAR_" + name: str(port) for name, port in ports.items()}


def mariadb(stack, folder):
    """As root it serves as another user, in a folder which that one reaches."""
    home, owner = os.path.join(folder, "mariadb"), []
    os.mkdir(home)
    if os.geteuid() == 0:
        os.chown(home, pwd.getpwnam("nobody").pw_uid, -1)
        owner = ["--user=nobody"]
    subprocess.run(["mariadb-install-db", "--no-defaults", f"--datadir={home}/data", "--auth-root-authentication-method=normal",
                    *owner], check=True, capture_output=True)
    path = home + "/socket"
    stack.enter_context(server([shutil.which("mariadbd") or "/usr/sbin/mariadbd", "--no-defaults",
                                f"--datadir={home}/data", f"--socket={path}", "--skip-networking", *owner], path))
    return {"FAR_MARIADB": path}


def stores(stack, folder):
    """Memcached, Chroma, Milvus, MariaDB; stand-ins of what has no server here; MCP."""
    names = ("memcached", "chroma", "milvus", "mongo", "grpc", "grpc_tls", "qdrant_grpc", "mcp")
    port = {name: free_port() for name in names}
    port["qdrant_grpc"] = port["grpc"]
    bin_folder = os.path.dirname(PYTHON)
    for name, argv in {
        "memcached": ["memcached", "-u", "nobody", "-l", "127.0.0.1", "-p", port["memcached"]],
        "chroma": [bin_folder + "/chroma", "run", "--path", TMP + "/chroma", "--host", "127.0.0.1", "--port", port["chroma"]],
        "milvus": [bin_folder + "/milvus-lite", "server", "--data-dir", TMP + "/milvus", "--host", "127.0.0.1",
                   "--port", port["milvus"]],
        "mongo": [PYTHON, FAR_ENDS / "mongo_server.py", port["mongo"]],
        "grpc": [PYTHON, FAR_ENDS / "grpc_server.py", port["grpc"], port["grpc_tls"], *certified()],
        "mcp": [*LLM, "mcp_server", "streamable-http", port["mcp"]],
    }.items():
        stack.enter_context(server(argv, port[name]))
    for name in ("qdrant", "elasticsearch"):
        port[name] = stack.enter_context(StandIn(name, name, PYTHON, plain=True)).port()
    where = {"FAR_" + name.upper(): str(number) for name, number in port.items()}
    return {**where, "FAR_MILVUS": f"http://localhost:{port['milvus']}", **mariadb(stack, folder)}
