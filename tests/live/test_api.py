# SPDX-License-Identifier: Apache-2.0
"""Spans that programs tell by the files of api/: where they stand in the tree, what they carry, and that
they say nothing where nobody listens."""
import json
import os
import shutil
import subprocess
import sys

from runs import RAGTIME, TMP, check, finish, run, trace

API = os.path.realpath(os.path.join(os.path.dirname(__file__), "../../api"))
C_PROGRAM = r"""
#include "ragtime.h"
#include <stdio.h>
#include <time.h>

static void nap(void)
{
	struct timespec time = {0, 2000000};

	nanosleep(&time, NULL);
}

int main(void)
{
	ragtime_span outer = ragtime_begin("rag_query"), inner;

	ragtime_fact(outer, "query.id", "17");
	nap();
	inner = ragtime_begin("rerank");
	nap();
	ragtime_end(inner, 1);
	ragtime_end(outer, 0);
	ragtime_is_off = 1;
	ragtime_end(ragtime_begin("never"), 0);
	nap();
	printf("%s\n", outer ? "traced" : "alone");
	return 0;
}
"""
PYTHON_PROGRAM = """
import asyncio, sys, time
sys.path.insert(0, sys.argv[1])
from ragtime import profiler

def search(text):
    time.sleep(0.002)

@profiler.profile("rerank", model="tiny")
async def rerank():
    await asyncio.sleep(0.002)
    search("again")

async def handle(number):
    with profiler.profile("rag_query", query_id=number) as span:
        search("once")
        await asyncio.sleep(0.005)
        await rerank()
        search("twice")
        span.set("documents", 3)
    search("outside")
    try:
        with profiler.profile("fails"):
            raise KeyError("no")
    except KeyError:
        pass

async def main():
    await asyncio.gather(*(handle(i) for i in range(8)))

asyncio.run(main())
profiler.disable()
with profiler.profile("never") as span:
    pass
print("traced" if span.number or sys.argv[2:] else "alone", profiler.enabled)
"""
NODE_PROGRAM = """
import { setTimeout as sleep } from 'node:timers/promises';
const { profile, profiler } = await import(process.argv[2] + '/ragtime.mjs');
const handle = (number) => profile('rag_query', { query_id: number }, async (span) => {
  await sleep(2);
  await Promise.all([profile('rerank', async () => sleep(2)), profile('embed', () => sleep(1))]);
  span.set('documents', 3);
  return number;
});
console.log(await Promise.all([1, 2, 3, 4].map(handle)));
await profile('fails', async () => { await sleep(1); throw new RangeError('no'); }).catch((e) => console.log(e.message));
try { profile('fails', () => { throw new RangeError('at once'); }); } catch (e) { console.log(e.message); }
profiler.disable();
console.log(profile('never', () => 'run'));
"""


def spans_of(path):
    store = path + ".db"
    subprocess.run([RAGTIME, "decode", "--rows", "all", "-o", store, path], check=True, capture_output=True)
    lines = subprocess.run([RAGTIME, "export", "--to", "json", store], check=True, stdout=subprocess.PIPE, text=True).stdout
    return [each for each in map(json.loads, lines.splitlines()) if each["type"] == "span"]


def parents(spans, name):
    """The names of those above the spans of a name."""
    by_id = {span["id"]: span for span in spans}
    return [by_id[span["parent"]]["name"] for span in spans if span["name"] == name]


def named(spans, name):
    return [span for span in spans if span["name"] == name]


def write(name, text):
    path = os.path.join(TMP, name)
    with open(path, "w") as file:
        file.write(text)
    return path


def quiet(*command):
    """Writes to the descriptor that cannot exist, where nobody listens."""
    log = os.path.join(TMP, "strace")
    done = subprocess.run(["strace", "-f", "-e", "trace=write", "-o", log, *command], capture_output=True, text=True, timeout=60)
    with open(log) as file:
        return done, sum("write(2136097095" in line for line in file)


def check_c():
    binary = os.path.join(TMP, "program")
    subprocess.run(["gcc", "-Wall", "-Wextra", "-Werror", "-std=c11", "-D_GNU_SOURCE", "-I", API, "-o", binary,
                    write("program.c", C_PROGRAM)], check=True)
    subprocess.run(["g++", "-Wall", "-Wextra", "-Werror", "-x", "c++", "-fsyntax-only", "-I", API,
                    os.path.join(API, "ragtime.h")], check=True)
    plain, told = quiet(binary)
    check(plain.stdout == "alone\n" and told == 1, f"C, alone: {plain.stdout!r}, {told} messages")
    path = trace("c.rtrace")
    check(run(path, binary, text=True).stdout == "traced\n", "C, traced")
    spans = spans_of(path)
    check(parents(spans, "rag_query") == ["main"] and parents(spans, "rerank") == ["rag_query"], "C: parents")
    check(parents(spans, "nanosleep") == ["rag_query", "rerank", "main"], f"C: {parents(spans, 'nanosleep')}")
    check(named(spans, "rag_query")[0]["attrs"].get("query.id") == "17", "C: a fact")
    check([named(spans, name)[0]["status"] for name in ("rag_query", "rerank")] == ["ok", "error"], "C: status")
    check(not named(spans, "never"), "C: disabled")


def check_python():
    program = write("program.py", PYTHON_PROGRAM)
    plain, told = quiet(sys.executable, program, API)
    check(plain.stdout == "alone False\n" and told == 0, f"Python, alone: {plain}, {told} messages")
    path = trace("python.rtrace")
    done = run(path, sys.executable, program, API, "traced", text=True)
    check(done.stdout == "traced False\n", f"Python, traced: {done}")
    spans = spans_of(path)
    handles = [name for name in parents(spans, "rag_query")]
    check(len(handles) == 8 and all(name.endswith("handle") for name in handles), f"Python: {handles}")
    check(all(name == "rag_query" or name.endswith("call") for name in parents(spans, "rerank")), f"Python: {parents(spans, 'rerank')}")
    searches = sorted(above(spans, span) for span in spans if span["name"].endswith(".search"))
    check(searches == ["handle"] * 8 + ["rag_query"] * 16 + ["rerank"] * 8, f"Python: searches below {searches}")
    check(sorted(int(span["attrs"]["query_id"]) for span in named(spans, "rag_query")) == list(range(8)), "Python: facts")
    check([span["status"] for span in named(spans, "fails")] == ["error"] * 8, "Python: errors")
    check({span["attrs"].get("error.type") for span in named(spans, "fails")} == {"KeyError"}, "Python: what errors")
    check(not named(spans, "never"), "Python: disabled")


def above(spans, span):
    """The nearest span that was told, or the function that is no part of one."""
    by_id = {each["id"]: each for each in spans}
    while "." in span["name"] and not span["name"].endswith(".handle"):
        span = by_id[span["parent"]]
    return span["name"].rpartition(".")[2]


def check_node():
    node = shutil.which("node")
    program = write("program.mjs", NODE_PROGRAM)
    plain, told = quiet(node, program, API)
    check(told == 0 and "[ 1, 2, 3, 4 ]\nno\nat once\nrun\n" == plain.stdout, f"Node, alone: {plain}, {told}")
    path = trace("node.rtrace")
    done = run(path, node, program, API, text=True)
    check(done.stdout == plain.stdout and done.stderr == plain.stderr, f"Node, traced: {done}")
    spans = spans_of(path)
    check(parents(spans, "rag_query") == ["main"] * 4, f"Node: {parents(spans, 'rag_query')}")
    check(parents(spans, "rerank") + parents(spans, "embed") == ["rag_query"] * 8, "Node: parents")
    roots = {span["id"]: span for span in named(spans, "rag_query")}
    check(len({span["parent"] for span in named(spans, "rerank")}) == 4, "Node: each below its own")
    check(all(roots[span["parent"]]["start_ns"] <= span["start_ns"] for span in named(spans, "rerank")), "Node: times")
    check(sorted(span["attrs"]["query_id"] for span in roots.values()) == [1, 2, 3, 4], "Node: facts")
    check([span["status"] for span in named(spans, "fails")] == ["error"] * 2 and
          {span["attrs"]["error.type"] for span in named(spans, "fails")} == {"RangeError"}, "Node: errors")
    check(not named(spans, "never"), "Node: disabled")


check_c()
check_python()
if shutil.which("node"):
    check_node()
finish()
