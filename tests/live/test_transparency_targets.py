# SPDX-License-Identifier: Apache-2.0
"""Real programs, and programs built in surprising ways: each must run as if nothing were there."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from transparency import BUILD, PROGRAMS, ROOT, SOURCES, TMP, Suite, build_variant

suite = Suite("targets")
PLAIN = PROGRAMS / "t_plain"
DEBIAN_LIBS = Path("/usr/lib/x86_64-linux-gnu")
ROOT_USER = os.geteuid() == 0
quiet_git = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(TMP)}
for who in ("AUTHOR", "COMMITTER"):
    quiet_git.update({f"GIT_{who}_NAME": "T", f"GIT_{who}_EMAIL": "t@example.org", f"GIT_{who}_DATE": "2020-01-01T00:00:00Z"})


def shells():
    suite.compare("bash script", ["bash", SOURCES / "t_bash.sh"], hide=[r"process \d+$", r" \d+ Segmentation"])
    suite.compare("bash from stdin", ["bash", "-s"], stdin=b"echo one; exec ls /; echo never")
    # A terminal of its own: job control takes it from and gives it to process groups.
    control = "set -m; sleep 0.1 & jobs -r | wc -l; fg >/dev/null; (sleep 0.1; exit 3) | cat; echo $?; tty | cut -c1-8; stty size"
    suite.compare("bash with job control on a terminal", ["script", "-qec", f"bash -c '{control}'", "/dev/null"])


def git():
    def repository(folder):
        run = lambda *command: subprocess.run(["git", *command], cwd=folder, env=quiet_git, check=True, capture_output=True)
        run("init", "-q", "-b", "main", "origin")
        for number in range(30):
            (folder / "origin" / f"file-{number}.txt").write_text(f"text {number}\n" * number)
        run("-C", "origin", "add", ".")
        run("-C", "origin", "commit", "-qm", "all")

    work = "git clone -q --no-local origin copy && git -C copy log --format=%H && cd copy && echo x >new && git add new && git commit -qm new && git status -s && git fsck"
    suite.compare("git clone, commit and fsck", ["sh", "-c", work], env=quiet_git, setup=repository, contents=False)


def tools():
    build = f"gcc -D_GNU_SOURCE -o plain {SOURCES}/t_plain.c -lpthread && ./plain 7; echo $?; nm plain | grep -c main"
    suite.compare("the compiler and what it made", ["sh", "-c", build])
    packed = "seq 50000 >numbers; tar -cf - numbers | gzip -9 | (mkdir out; tar -C out -xzf -); cmp numbers out/numbers && echo equal"
    suite.compare("tar and gzip in a pipeline", ["sh", "-c", packed], contents=False)
    suite.compare("xargs in parallel", ["sh", "-c", "seq 60 | xargs -P 8 -n 1 sh -c 'exit $(($1 % 3))' x; echo $?"])
    suite.compare("find and perl", ["sh", "-c", f"find {SOURCES} -name 't_*' | sort | perl -ne 'print length, qq(\\n)'; perl -e 'die qq(gone\\n)'"])
    suite.compare("timeout, nohup and setsid", ["sh", "-c", "timeout 0.2 sleep 9; echo $?; nohup echo kept; setsid -w sh -c 'exit 3'; echo $?"])
    suite.compare("strace of a program", ["strace", "-f", "-qq", "-o", "/dev/null", PLAIN, "3"])


def with_server(name, make):
    """Runs make(url, certificate) beside the TLS far end."""
    if not suite.wanted(name):
        return
    certificate, key, ready = TMP / "cert.pem", TMP / "key.pem", TMP / "port"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
        + ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    command = [sys.executable, ROOT / "tests/far_ends/openai_server.py", "--cert", certificate, "--key", key, "--ready", ready]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        while not ready.exists():
            time.sleep(0.02)
            assert server.poll() is None, "the far end did not come up"
        make(f"https://localhost:{ready.read_text()}", certificate)
    finally:
        server.terminate()
        server.wait()
        ready.unlink(missing_ok=True)


def venv_python():
    made = subprocess.run(["sh", ROOT / "tests/python/venv.sh", BUILD], capture_output=True, text=True, check=True)
    return made.stdout.strip()


def network():
    def curl(url, certificate):
        body = '{"model":"stand-in-384","input":["the great refractor"]}'
        command = ["curl", "-sS", "--cacert", certificate, f"{url}/v1/models", "-d", body, f"{url}/v1/embeddings"]
        suite.compare("curl over TLS", command)
        suite.compare("curl that fails", ["curl", "-sS", "--cacert", "/dev/null", url])

    with_server("curl", curl)

    def two_ssl(url, certificate):
        suite.compare("two libssl in one process", [venv_python(), SOURCES / "t_two_ssl.py", url, certificate])

    with_server("two libssl in one process", two_ssl)
    if suite.wanted("PostgreSQL"):
        ask = "import os, psycopg; print(psycopg.connect(os.environ['RAG_POSTGRES']).execute('select 6 * 7').fetchall())"
        command = [venv_python(), ROOT / "tests/demo/servers.py", "--", venv_python(), "-c", ask]
        suite.compare("PostgreSQL, Redis and a TLS server with a client", command)
    redis = (
        "redis-server --port 0 --unixsocket $PWD/s --save '' --daemonize no >/dev/null & server=$!\n"
        "until redis-cli -s s ping 2>/dev/null; do sleep 0.05; done\n"
        "for i in 1 2 3; do redis-cli -s s set key$i value$i; done; redis-cli -s s keys '*' | sort; redis-cli -s s nosuch\n"
        "redis-cli -s s eval 'return redis.call(\"dbsize\")' 0; redis-cli -s s shutdown nosave; wait $server; echo $?"
    )
    suite.compare("redis-server and redis-cli", ["sh", "-c", redis])


def runtimes():
    pythons = {os.path.realpath("/usr/bin/python3"): "Debian's python", os.path.realpath(sys.executable): "this python"}
    for python, label in pythons.items():
        if not Path(python).exists():
            suite.skip(label, "not there")
            continue
        for script in ("t_asyncio", "t_processes"):
            suite.compare(f"{label}: {script}.py", [python, SOURCES / f"{script}.py"])
    if shutil.which("node"):
        suite.compare("node", ["node", SOURCES / "t_node.mjs"])
    else:
        suite.skip("node", "no node here")
    sql = b"create table t(a, b); insert into t select value, hex(value) from generate_series(1, 2000);\n"
    sql += b"select count(*), sum(a), max(b) from t; select * from nosuch;\n"
    suite.compare("sqlite3", ["sqlite3", "file.db"], stdin=sql)


def builds():
    suite.compare("a plain program", [PLAIN, "3"])
    compilers = [
        ("static", "gcc", ["-static"]),
        ("with musl", "musl-gcc", []),
        ("static with musl", "musl-gcc", ["-static"]),
        ("with ASan", "gcc", ["-fsanitize=address"]),
        ("with ASan linked in", "gcc", ["-fsanitize=address", "-static-libasan"]),
        ("with TSan", "gcc", ["-fsanitize=thread"]),
        ("without PIE, all bound at start", "gcc", ["-no-pie", "-Wl,-z,now"]),
        ("32-bit", "gcc", ["-m32"]),
    ]
    for label, compiler, flags in compilers:
        try:
            name = "t_plain_" + "_".join(part.strip("-").replace("=", "_").replace(",", "_") for part in [compiler, *flags])
            program = build_variant(name, "t_plain.c", compiler, *flags)
        except subprocess.CalledProcessError:
            program = None
        if not program:
            suite.skip(f"a program built {label}", f"{compiler} {' '.join(flags)} does not build here")
            continue
        refused = label.startswith("static") or label == "with ASan"
        told = "is not traceable by the shim" if refused else None
        suite.compare(f"a program built {label}", [program, "3"], told=told)
        suite.compare(f"a program built {label}, from a shell", ["sh", "-c", f"{program} 3; echo $?; {program} 5 ls /no/such"])
    go = shutil.which("go")
    if not go:
        suite.skip("a static Go program", "no go here")
    elif suite.wanted("a static Go program"):
        program = PROGRAMS / "t_go"
        source = SOURCES / "t_go.go"
        if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
            subprocess.run([go, "build", "-o", program, source], check=True, env={**os.environ, "CGO_ENABLED": "0"}, cwd=TMP)
        suite.compare("a static Go program", [program], told="is not traceable by the shim")


def allocators():
    for library in ("libjemalloc.so.2", "libtcmalloc_minimal.so.4"):
        path = DEBIAN_LIBS / library
        if not path.exists():
            suite.skip(f"preloading {library}", "not installed")
            continue
        environment = {**os.environ, "LD_PRELOAD": str(path)}
        for program in ("t_plain", "t_threads", "t_forks", "t_exec", "t_view"):
            command = [PROGRAMS / program, *(["start"] if program == "t_exec" else [])]
            suite.compare(f"{program} preloading {library}", command, env=environment)
        shell = f"LD_PRELOAD={path} {PLAIN} 4 {PROGRAMS / 't_view'}; env LD_PRELOAD={path} python3 -c 'print(open(\"/proc/self/maps\").read().count(\"{library}\") > 0)'"
        suite.compare(f"a shell that preloads {library}", ["sh", "-c", shell])


def identities():
    if not ROOT_USER:
        for name in ("a set user id program", "another user", "a chrooted child"):
            suite.skip(name, "needs root")
        return
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    open_build = TMP / "open"
    shutil.rmtree(open_build, ignore_errors=True)
    open_build.mkdir(mode=0o755)
    shutil.copy(PLAIN, open_build / "plain")
    shutil.copy(PLAIN, open_build / "suid")
    os.chmod(open_build / "suid", 0o4755)
    suite.compare("another user", [*nobody, open_build / "plain", "3"])
    suite.compare("a set user id program", [*nobody, open_build / "suid", "3"])
    suite.compare("su, which drops to another user", ["su", "-s", "/bin/sh", "nobody", "-c", f"{open_build}/plain 3; id -u; exit 5"])
    suite.compare("a shell starting a set user id program", [*nobody, "sh", "-c", f"{open_build}/suid 4 {open_build}/plain; id -u"])

    def bare_root(folder):
        root = folder / "root"
        for name in ("bin", "proc", "tmp"):
            (root / name).mkdir(parents=True)
        shutil.copy("/bin/busybox", root / "bin/busybox")
        shutil.copy(PLAIN, root / "bin/plain")
        listed = subprocess.run(["ldd", PLAIN], capture_output=True, text=True, check=True).stdout
        for path in (word for line in listed.splitlines() for word in line.split() if word.startswith("/")):
            (root / path.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, root / path.lstrip("/"))

    if shutil.which("busybox"):
        suite.compare("a chrooted child", ["chroot", "root", "/bin/plain", "3"], setup=bare_root)
        work = "/bin/plain 5; echo $?; /bin/busybox ls /"
        suite.compare("a chrooted static shell", ["chroot", "root", "/bin/busybox", "sh", "-c", work], setup=bare_root)
        inside = "import os; os.chroot('root'); os.chdir('/'); os.spawnv(os.P_WAIT, '/bin/plain', ['plain', '6'])"
        suite.compare("python that goes into a chroot", ["/usr/bin/python3", "-c", inside], setup=bare_root)
    else:
        suite.skip("a chrooted child", "no static busybox here")


shells()
git()
tools()
network()
runtimes()
builds()
allocators()
identities()
suite.finish()
