# SPDX-License-Identifier: Apache-2.0
"""What a trace says of the functions of installed Python packages, held against what was called.

A function is told right when it is there once for each call, under its whole name, with the line of
its file where it is defined, and with the class that is expected of it.
"""
import collections
import json
import os
import re
import subprocess

from runs import BUILD, RAGTIME, check

HEAD = """# Functions of Python packages

What `ragtime run` sees of Python servers and RAG libraries by its default rules (`data/python.rules`). `SIZE=full` of
`tests/live/test_{stem}.py` runs each of them and writes this table (`make docs-tables`): a row is here because all of it held.
"""


def spans_of(path):
    out = subprocess.run([RAGTIME, "export", "--to", "json", path], check=True, stdout=subprocess.PIPE, timeout=300).stdout
    return {line["id"]: line for line in map(json.loads, out.splitlines()) if line.get("type") == "span"}


def name_of(span):
    return span["attrs"].get("code.function.name", "")


def installed(spans):
    """Spans of functions of packages: not the program's own, no imports."""
    return [span for span in spans.values() if "/site-packages/" in span["attrs"].get("code.file.path", "")]


def chain_of(span, spans):
    """The names of what is around a span, from within."""
    while span:
        if span["kind"] not in ("process", "thread"):
            yield span["name"]
        span = spans.get(span["parent"])


def is_defined_there(span):
    """From the line on, past decorators, there is the definition."""
    attrs = span["attrs"]
    short = name_of(span).rsplit(".", 1)[1]
    try:
        with open(attrs["code.file.path"], encoding="utf-8") as file:
            lines = file.read().splitlines()[attrs["code.line.number"] - 1:]
    except (KeyError, OSError):
        return False
    return any(re.match(rf"\s*(async\s+)?def {re.escape(short)}\b", line) for line in lines[:40])


def check_functions(title, spans, wanted):
    """wanted: names without the module's middle, as 'openai Completions.create': (class, how many)"""
    found = collections.Counter()
    for span in installed(spans):
        attrs = span["attrs"]
        package, _, rest = name_of(span).partition(".")
        short = ".".join(rest.split(".")[-2:]) if re.search(r"[A-Z]|<locals>", rest) else rest.rsplit(".", 1)[-1]
        found[f"{package} {short.replace('<locals>.', '')}", span["class"]] += 1
        check(is_defined_there(span), f"{title}: {name_of(span)} is not at {attrs.get('code.file.path')}:{attrs.get('code.line.number')}")
    expected = collections.Counter({(name, kind): count for name, (kind, count) in wanted.items()})
    return check(found == expected, f"{title}: the trace says more {dict(found - expected)}, less {dict(expected - found)}")


def write_table(stem, head, lines):
    path = os.path.join(BUILD, f"tables/python-{stem}.md")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(HEAD.format(stem=stem) + "\n")
        file.write("| " + " | ".join(head) + " |\n|" + " --- |" * len(head) + "\n")
        file.writelines("| " + " | ".join(line) + " |\n" for line in lines)
