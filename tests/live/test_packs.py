# SPDX-License-Identifier: Apache-2.0
"""Function packs: calls of libraries that are known by heart are there with class and attributes and
without literals; packs of the user's own; functions of every shape give the same with arguments
captured as without."""
import collections
import json
import os
import pathlib
import shutil
import subprocess

from far_ends import python_of
from runs import BUILD, FULL, RAGTIME, TMP, check, command, finish, trace

PROGRAMS = os.path.join(os.path.abspath(BUILD), "programs")
CONFIG = pathlib.Path(TMP) / "config"
SECRET = "lantern-orchard"
SQLITE = f"""
import sqlite3
base = sqlite3.connect(":memory:")
base.execute("CREATE TABLE shelf (name TEXT, place INTEGER)")
base.executemany("INSERT INTO shelf VALUES (?, ?)", [("{SECRET}", place) for place in range(50)])
for place in range(3):
    rows = base.execute("SELECT name FROM shelf WHERE name = '{SECRET}' AND place > " + str(place)).fetchall()
    print(len(rows))
print(base.execute('SELECT count(*) FROM shelf WHERE name = "{SECRET}" -- {SECRET}').fetchone())
"""
FAISS = """
import faiss, numpy
data = numpy.random.RandomState(1).rand(2000, 24).astype("float32")
for index in (faiss.IndexFlatL2(24), faiss.IndexHNSWFlat(24, 16), faiss.index_factory(24, "IVF16,Flat")):
    if not index.is_trained:
        index.train(data)
    index.add(data)
    print(index.search(data[:7], 5)[1].sum())
"""
OWN = """
pack: probes
libraries: ["func_lib"]
functions:
  - symbol: "probe::nine*"
    class: reranking
    attributes: {probe.fixed: here}
    arguments: [{at: 0, as: probe.first}, {at: 5, as: probe.sixth}]
  - symbol: "probe::*"
    arguments: [{at: 0, as: probe.first}, {at: 1, bits: 32, as: probe.second}]
"""


def environment():
    return {**os.environ, "XDG_CONFIG_HOME": str(CONFIG), "PYTHONDONTWRITEBYTECODE": "1"}


def spans_of(path):
    done = subprocess.run([RAGTIME, "export", "--to", "json", path], capture_output=True, timeout=120, check=True)
    return [line for line in map(json.loads, done.stdout.splitlines()) if line["type"] == "span"], done.stdout


def same(name, program, options=()):
    """What it does is what it does alone. Its spans."""
    path = trace(name + ".rtrace")
    plain = subprocess.run(program, capture_output=True, timeout=120, env=environment())
    done = subprocess.run(command(path, *program, options=options), capture_output=True, timeout=120, env=environment())
    for part in ("returncode", "stdout", "stderr"):
        wanted, told = getattr(plain, part), getattr(done, part)
        check(wanted == told, f"{name}: {part} is {told!r}, not {wanted!r}")
    return spans_of(path)


def check_sqlite():
    spans, text = same("sqlite", ["python3", "-c", SQLITE])
    prepared = [span for span in spans if span["name"] == "sqlite3_prepare_v2"]
    statements = collections.Counter(span["attrs"]["db.query.text"] for span in prepared)
    check(statements["SELECT name FROM shelf WHERE name = ? AND place > ?"] == 3, f"statements: {statements}")
    check(statements["INSERT INTO shelf VALUES(?, ?)"] == 1, f"statements: {statements}")
    check(all(span["class"] == "database_query" and span["attrs"]["db.system.name"] == "sqlite" for span in prepared),
          f"{prepared[:1]}")
    steps = sum(span["name"] == "sqlite3_step" for span in spans)
    folded = json.loads(subprocess.run([RAGTIME, "report", "--json", "--top", "0", os.path.join(TMP, "sqlite.rtrace")],
                                       capture_output=True, check=True, timeout=60).stdout)
    calls = {row["name"]: row["calls"] for row in folded["runs"][0]["sections"]["operations"]}
    check(calls["sqlite3_step"] >= 50 and steps > 0, f"steps: {steps} spans, {calls.get('sqlite3_step')} calls")
    check(SECRET.encode() not in text, "a literal is in the export")
    if shutil.which("sqlite3"):
        script = f"CREATE TABLE t (a); INSERT INTO t VALUES ('{SECRET}'); SELECT count(*) FROM t;"
        spans, text = same("shell", ["sqlite3", ":memory:", script])
        check(any(span["attrs"].get("db.query.text", "").startswith("INSERT INTO t VALUES(?)") for span in spans) and
              SECRET.encode() not in text, "the shell's statements")
    spans, _ = same("without", ["python3", "-c", SQLITE], ["--no-packs"])
    check(not any(span["name"].startswith("sqlite3_") for span in spans), "--no-packs")


def check_own():
    (CONFIG / "ragtime/packs").mkdir(parents=True)
    (CONFIG / "ragtime/packs/own.yaml").write_text(OWN)
    os.environ["FUNC_COUNTS"] = "1"
    spans, _ = same("own", [f"{PROGRAMS}/func_main"])
    nine = [span["attrs"] for span in spans if span["name"] == "probe::nine"]
    check(nine and all(attrs["probe.fixed"] == "here" and isinstance(attrs["probe.sixth"], int) for attrs in nine), f"{nine[:2]}")
    check({span["class"] for span in spans if span["name"] == "probe::nine"} == {"reranking"}, "the class of a pack")
    names = {span["name"] for span in spans if "probe.first" in span["attrs"]}
    check(len(names) > 10, f"captured: {sorted(names)}")
    listed = subprocess.run([RAGTIME, "packs", "--json"], capture_output=True, check=True, timeout=60, env=environment())
    packs = {pack["pack"]: pack for pack in json.loads(listed.stdout)}
    check(packs["probes"]["origin"].endswith("own.yaml") and {"sqlite", "faiss", "llama"} <= set(packs), f"{list(packs)}")
    check(any(function["py"] == "hnswlib.Index.knn_query" for function in packs["hnswlib"]["functions"]), "py: entries")


def check_faults():
    """Told by file and line; the others stay."""
    (CONFIG / "ragtime/packs/wrong.yaml").write_text("pack: wrong\nfunctions:\n  - symbol: f\n    clas: reranking\n")
    done = subprocess.run([RAGTIME, "packs"], capture_output=True, text=True, timeout=60, env=environment())
    check(done.returncode == 0 and "wrong.yaml is left out: line 4" in done.stderr and "sqlite3_step" in done.stdout,
          f"{done.stderr}")


def check_faiss():
    spans, _ = same("faiss", [python_of("engines"), "-c", FAISS])
    searches = [span for span in spans if span["class"] == "vector_search" and span["attrs"].get("ragtime.k") == 5]
    names = {span["name"] for span in searches}
    check({"faiss::IndexFlat::search", "faiss::IndexHNSW::search", "faiss::IndexIVF::search"} <= names, f"{names}")
    check(all(span["attrs"]["ragtime.queries"] == 7 and span["attrs"]["ragtime.dimension"] == 24 for span in searches),
          f"{[span['attrs'] for span in searches]}")


check_sqlite()
if FULL:
    check_faiss()
check_own()
check_faults()
finish()
