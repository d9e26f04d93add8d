#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Exports, read as their consumers read them: nesting, references, sums, against the database."""
import json
import os
import pathlib
import sqlite3
import subprocess
import sys

BUILD = pathlib.Path(os.environ["BUILD"])
TMP = pathlib.Path(os.environ["TMP"])
HERE = pathlib.Path(__file__).resolve().parent
SPAN_KEYS = {
    "type", "trace", "id", "parent", "evidence", "confidence", "class", "name", "kind", "pid", "tid",
    "start_ns", "end_ns", "cpu_ns", "status", "attrs", "waits",
}


def export(database, form):
    done = subprocess.run([BUILD / "ragtime", "export", "--to", form, database], capture_output=True, check=True)
    return done.stdout.decode()


def query(database, sql):
    connection = sqlite3.connect(database)
    rows = connection.execute(sql).fetchall()
    connection.close()
    return rows


def check_chrome(database):
    events = json.loads(export(database, "chrome"))["traceEvents"]
    shown = {}
    open_around = {}
    pairs = {}
    for event in events:
        assert event["ph"] in "MXbe", event
        thread = event["pid"], event["tid"]
        if event["ph"] == "X":
            start = round(event["ts"] * 1000)
            end = start + round(event["dur"] * 1000)
            stack = open_around.setdefault(thread, [])
            while stack and stack[-1] <= start:
                stack.pop()
            assert not stack or end <= stack[-1], f"does not nest: {event}"
            stack.append(end)
        elif event["ph"] in "be":
            pairs[event["id"]] = pairs.get(event["id"], 0) + (1 if event["ph"] == "b" else -1)
        if event["ph"] in "Xb":
            shown[event["args"]["id"]] = event["args"]["parent"]
    assert not any(pairs.values()), pairs
    assert shown == dict(query(database, "SELECT id, parent FROM span")), "spans missing or astray"
    for parent in shown.values():
        assert parent is None or parent in shown
    return len(shown)


def check_folded(database):
    total = 0
    for line in export(database, "folded").splitlines():
        stack, _, count = line.rpartition(" ")
        frames = stack.split(";")
        assert len(frames) >= 2 and all(frames), line
        assert int(count) > 0, line
        total += int(count)
    # the stacks of a thread add up to its life
    wall = query(
        database,
        "SELECT SUM(COALESCE(t.end_ns, p.end_ns, r.end_ns) - t.start_ns) FROM thread t"
        " JOIN process p ON p.id = t.process JOIN run r ON r.id = p.run",
    )[0][0]
    assert abs(total - wall / 1000) <= 100, (total, wall)


def check_json(database):
    spans, folded, headers = {}, 0, 0
    trace = None
    for line in export(database, "json").splitlines():
        item = json.loads(line)
        if item["type"] == "header":
            headers += 1
            trace = item["trace"]
            assert "epoch_ns" in item
        assert item["trace"] == trace
        if item["type"] == "span":
            assert set(item) == SPAN_KEYS, set(item) ^ SPAN_KEYS
            assert item["id"] not in spans
            spans[item["id"]] = item
        if item["type"] == "folded":
            folded += item["count"]
            assert sum(count for _, count in item["histogram"]) == item["count"], item
            assert item["min_ns"] * item["count"] <= item["sum_ns"] <= item["max_ns"] * item["count"]
    assert headers == query(database, "SELECT COUNT(*) FROM run")[0][0]
    assert set(spans) == {row[0] for row in query(database, "SELECT id FROM span")}
    assert folded == (query(database, "SELECT SUM(folded) FROM fold WHERE operation >= 32")[0][0] or 0)
    for span in spans.values():
        parent = spans.get(span["parent"])
        assert span["parent"] is None or parent
        end = span["end_ns"]
        if end is None:
            continue
        assert end >= span["start_ns"]
        if span["kind"] != "process":
            assert sum(span["waits"].values()) <= end - span["start_ns"] + 1000, span
        if parent and parent["kind"] not in ("process", "thread") and span["evidence"] == "exact":
            assert parent["start_ns"] <= span["start_ns"], (parent, span)
            assert parent["end_ns"] is None or end <= parent["end_ns"], (parent, span)


def main():
    databases = sys.argv[1:]
    for fixture in sorted(HERE.glob("fixtures/*.sql")) if not databases else []:
        database = TMP / (fixture.stem + ".db")
        subprocess.run([sys.executable, HERE / "fixture.py", fixture, database], check=True)
        databases.append(database)
    for database in databases:
        count = check_chrome(database)
        check_folded(database)
        check_json(database)
        print(f"{database}: {count} spans")


main()
