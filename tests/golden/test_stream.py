# SPDX-License-Identifier: Apache-2.0
"""A block of a trace is what trace.proto says, to a protobuf that is not ours: protoc unpacks it and
the numbers that the comments promise come out. And info and the JSON export keep their schema."""
import json
import os
import re
import shutil
import struct
import subprocess
import sys

BUILD, TMP = os.environ["BUILD"], os.environ["TMP"]
RAGTIME, MAKE = f"{BUILD}/ragtime", f"{BUILD}/tests/make_trace"
CALLS = 5000


def run(*command, **more):
    return subprocess.run(command, check=True, capture_output=True, timeout=120, **more).stdout


def blocks(path):
    data = open(path, "rb").read()
    at = struct.unpack_from("<I", data, 12)[0]
    while at < len(data):
        magic, _, _, packed, raw = struct.unpack_from("<IHHII", data, at)
        assert magic == 0x4B4C4252
        frame = data[at + 48:at + 48 + packed]
        batch = run("zstd", "-dc", input=frame)
        assert len(batch) == raw
        yield batch
        at += 48 + packed


def sections(text):
    """The columns of each `calls { ... }` of protoc's text form."""
    for body in re.findall(r"^calls \{\n(.*?)^\}", text, re.M | re.S):
        columns = {}
        for key, value in re.findall(r"^  (\w+): (-?\d+)$", body, re.M):
            columns.setdefault(key, []).append(int(value))
        yield columns


def undo(columns):
    """The rules as trace.proto states them, written down once more."""
    count = columns["count"][0]
    shift = columns.get("tick_shift", [0])[0]
    end, last_depth = columns["base_ticks"][0] >> shift, 0
    args, results = {}, {}
    for i in range(count):
        kind, duration = columns["kind"][i], columns["duration"][i]
        depth = columns["depth"][i] if "depth" in columns else 0
        start = end + columns["start"][i]
        if depth < last_depth:
            start -= duration
        end, last_depth = start + duration, depth
        slot = kind % 64
        args[slot] = args.get(slot, 0) + columns["arg"][i] & (1 << 64) - 1
        results[slot] = results.get(slot, 0) + columns["result"][i]
        yield kind, start << shift, duration << shift, args[slot], results[slot], depth


def check_nested():
    """make_trace nested: level d has kind 4096 + d and depth d, and its arg is d."""
    path = f"{TMP}/nested.rtrace"
    run(MAKE, "nested", str(CALLS), path)
    seen, last_end = 0, 0
    for batch in blocks(path):
        text = run("protoc", "--decode=ragtime.trace.v1.Batch", "wire/trace.proto", input=batch).decode()
        assert not re.search(r"^ *\d+:", text, re.M), "a field that trace.proto does not know"
        for columns in sections(text):
            for kind, start, duration, arg, result, depth in undo(columns):
                assert kind - 4096 == depth == arg and result == 0
                assert start + duration >= last_end and 0 < duration < 1 << 40
                last_end, seen = start + duration, seen + 1
    assert seen >= CALLS, seen
    print(f"protoc read {seen} calls")


class Schema:
    """As much of JSON Schema as output.schema.json uses."""

    def __init__(self, root):
        self.root = root
        known = {"$schema", "title", "description", "oneOf", "$defs", "$ref", "type", "required", "properties",
                 "enum", "const", "items", "minItems", "maxItems", "minimum", "maximum", "additionalProperties"}
        self.refuse_unknown(root, known)

    def refuse_unknown(self, schema, known):
        for key, value in schema.items():
            assert key in known, f"the test does not know '{key}'"
            for inner in value.values() if key in ("properties", "$defs") else value if key == "oneOf" else [value]:
                if isinstance(inner, dict):
                    self.refuse_unknown(inner, known)

    def check(self, value, schema, where):
        if "$ref" in schema:
            schema = self.root["$defs"][schema["$ref"].rsplit("/", 1)[1]]
        types = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float),
                 "boolean": bool, "null": type(None)}
        wanted = schema.get("type", [])
        wanted = [wanted] if isinstance(wanted, str) else wanted
        if wanted:
            fits = any(isinstance(value, types[t]) and (t == "boolean" or not isinstance(value, bool)) for t in wanted)
            assert fits, f"{where}: {value!r} is no {wanted}"
        assert "const" not in schema or value == schema["const"], where
        assert "enum" not in schema or value in schema["enum"], f"{where}: {value!r}"
        if isinstance(value, dict):
            for key in schema.get("required", []):
                assert key in value, f"{where} lacks {key}"
            for key, inner in value.items():
                rule = schema.get("properties", {}).get(key, schema.get("additionalProperties"))
                assert rule is not None or "properties" not in schema, f"{where}.{key} is not in the schema"
                if rule:
                    self.check(inner, rule, f"{where}.{key}")
        if isinstance(value, list) and "items" in schema:
            for i, inner in enumerate(value):
                self.check(inner, schema["items"], f"{where}[{i}]")


def check_schema():
    schema = Schema(json.loads(run(RAGTIME, "schema", "json")))
    lines = 0
    for kind in ("python", "nested", "processes"):
        path = f"{TMP}/{kind}.rtrace"
        run(MAKE, kind, str(CALLS), path)
        told = json.loads(run(RAGTIME, "info", "--json", path))
        schema.check(told, {"type": "array", "items": {"$ref": "#/$defs/info"}}, "info")
        for line in run(RAGTIME, "export", "--to", "json", path).decode().splitlines():
            value = json.loads(line)
            schema.check(value, {"$ref": f"#/$defs/{value['type']}"}, value["type"])
            lines += 1
    with open(f"{TMP}/python.rtrace", "rb+") as file:
        file.truncate(1000)
    schema.check(json.loads(run(RAGTIME, "info", "--json", f"{TMP}/python.rtrace"))[0], {"$ref": "#/$defs/info"}, "torn")
    print(f"{lines} lines fit the schema")


def check_contracts():
    sql = run(RAGTIME, "schema", "sql").decode()
    assert sql.startswith(open("wire/schema.sql").read()), "not the schema of the tree"
    assert run(RAGTIME, "schema", "proto").decode() == open("wire/trace.proto").read()
    wrong = subprocess.run([RAGTIME, "schema", "xml"], capture_output=True, text=True)
    assert wrong.returncode == 2 and "xml" in wrong.stderr, wrong


def check_info():
    path = f"{TMP}/loop.rtrace"
    run(MAKE, "loop", "50000", path, "12000")
    parts = [f"{TMP}/loop.rtrace", f"{TMP}/loop.1.rtrace"]
    assert os.path.exists(parts[1]) and not os.path.exists(f"{TMP}/loop.3.rtrace")
    if os.path.exists(f"{TMP}/loop.2.rtrace"):
        parts.append(f"{TMP}/loop.2.rtrace")
    text = run(RAGTIME, "info", path).decode()
    for line in (r"^trace +\S+ \(finished, [23] parts\)$", r"^ended +exit, status 0$",
                 r"^holds +50,000 calls, of 1 thread in 1 process$", r"^lost +nothing$",
                 r"^cost +1.00 ms CPU of the tracer, 20 ns a call"):
        assert re.search(line, text, re.M), f"no line {line} in:\n{text}"
    # Any order, twice, through a pipe: the same run.
    told = [json.loads(run(RAGTIME, "info", "--json", *given))[0] for given in
            (parts, parts[::-1], [parts[1]])]
    joined = b"".join(open(part, "rb").read() for part in parts)
    told.append(json.loads(run(RAGTIME, "info", "--json", "-", input=joined))[0])
    assert all(t["calls"] == 50000 and t["parts"] == len(parts) and t["state"] == "finished" for t in told), told
    missing = subprocess.run([RAGTIME, "info", f"{TMP}/none.rtrace", path], capture_output=True, text=True)
    assert missing.returncode == 1 and "none.rtrace" in missing.stderr and "50,000 calls" in missing.stdout


def check_losses():
    path = f"{TMP}/losses.rtrace"
    run(MAKE, "losses", "9000", path)
    text = run(RAGTIME, "info", path).decode()
    for line in (r"^lost +1,000  records dropped: no free ring memory: main \(1000\)$",
                 r"^ +4,000  records unreadable in shared memory$",
                 r"^ +9,000  calls not written: the output failed: main \(1000\)$",
                 r"^ +1  calls still running when tracing ended$",
                 r"^holds +9,000 calls and 9,000 that are counted only, "):
        assert re.search(line, text, re.M), f"no line {line} in:\n{text}"
    data = bytearray(open(path, "rb").read())
    data[200] ^= 4
    open(path, "wb").write(data)
    text = run(RAGTIME, "info", path).decode()
    for line in (r"\(damaged\)$", r"^ +1  blocks of the trace missing or damaged$", r"^ +1 blocks damaged: checksum$",
                 r"^ +\d+ bytes skipped, 0 bytes of a torn block$"):
        assert re.search(line, text, re.M), f"no line {line} in:\n{text}"


if not shutil.which("zstd"):
    print("zstd is not installed")
    sys.exit(77)
check_nested()
check_schema()
check_contracts()
check_info()
check_losses()
