# SPDX-License-Identifier: Apache-2.0
"""Exports as their consumers' own classes read them, against the database they were made from.
consumers.py RAGTIME DATABASE...; runs in the environment of tests/python/consumers.lock."""
import base64
import collections
import gzip
import json
import shutil
import sqlite3
import subprocess
import sys
import tempfile

from google.protobuf import json_format
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData
from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace, TrackEvent
from prometheus_client.openmetrics.parser import text_string_to_metric_families

RAGTIME, DATABASES = sys.argv[1], sys.argv[2:]


def export(database, form):
    """The bytes, the same twice."""
    command = [RAGTIME, "export", "--to", form, database]
    first, second = (subprocess.run(command, capture_output=True, check=True).stdout for _ in range(2))
    assert first == second, f"{form} of {database} differs from one time to the next"
    return first


def rows(database, sql):
    connection = sqlite3.connect(database)
    found = connection.execute(sql).fetchall()
    connection.close()
    return found


def check_otlp(database):
    data = json.loads(export(database, "otlp"))
    for resource in data["resourceSpans"]:  # hexadecimal in OTLP, base64 in protobuf's own JSON
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                assert len(span["traceId"]) == 32 and len(span["spanId"]) == 16, span
                for key in ("traceId", "spanId", "parentSpanId"):
                    span[key] = base64.b64encode(bytes.fromhex(span.get(key, ""))).decode()
    told = json_format.ParseDict(data, TracesData())
    spans = {}
    for resource in told.resource_spans:
        assert any(item.key == "service.name" for item in resource.resource.attributes)
        for span in resource.scope_spans[0].spans:
            assert span.end_time_unix_nano >= span.start_time_unix_nano, span
            spans[int.from_bytes(span.span_id, "big")] = int.from_bytes(span.parent_span_id, "big") or None
            keys = [item.key for item in span.attributes]
            assert len(keys) == len(set(keys)), keys
    assert spans == dict(rows(database, "SELECT id, parent FROM span")), "spans missing or astray"


def check_perfetto(database):
    trace = Trace()
    trace.ParseFromString(export(database, "perfetto"))
    tracks, seen, open_slices = set(), {}, collections.defaultdict(list)
    for packet in trace.packet:
        if packet.HasField("track_descriptor"):
            track = packet.track_descriptor
            assert not track.parent_uuid or track.parent_uuid in tracks, track
            tracks.add(track.uuid)
            continue
        event = packet.track_event
        stack = open_slices[event.track_uuid]
        assert event.track_uuid in tracks, event
        assert not stack or packet.timestamp >= stack[-1], "time runs back on a track"
        if event.type == TrackEvent.TYPE_SLICE_BEGIN:
            stack.append(packet.timestamp)
            notes = {note.name: note for note in event.debug_annotations}
            seen[notes["id"].int_value] = notes["parent"].int_value if "parent" in notes else None
        else:
            assert event.type == TrackEvent.TYPE_SLICE_END, event
            stack.pop()
    assert not any(open_slices.values()), "slices left open"
    wanted = dict(rows(database, "SELECT id, parent FROM span WHERE thread IS NOT NULL"))
    assert seen == wanted, "spans missing or astray"


def check_openmetrics(database):
    samples = collections.defaultdict(dict)
    for family in text_string_to_metric_families(export(database, "openmetrics").decode()):
        for sample in family.samples:
            samples[sample.name][tuple(sorted(sample.labels.items()))] = sample.value
    calls = rows(database, "SELECT SUM(calls) FROM fold WHERE operation >= 32")[0][0] or 0
    assert sum(samples["ragtime_calls_total"].values()) == calls
    losses = rows(database, "SELECT SUM(count) FROM loss")[0][0] or 0
    assert sum(samples["ragtime_lost_total"].values()) == losses
    for labels, count in samples["ragtime_request_seconds_count"].items():
        last = tuple(sorted((*labels, ("le", "+Inf"))))
        assert samples["ragtime_request_seconds_bucket"][last] == count, labels


def check_timing_records(database):
    found = {}
    todo = [(record, None) for record in json.loads(export(database, "timing-records"))]
    while todo:
        record, parent = todo.pop()
        assert set(record) == {"operation_name", "start_time", "end_time", "duration_ms", "metadata",
                               "children", "error"}, record
        found[record["metadata"]["id"]] = parent
        todo += [(child, record["metadata"]["id"]) for child in record["children"]]
    assert found == dict(rows(database, "SELECT id, parent FROM span")), "spans missing or astray"


def self_time(database):
    folded = subprocess.run([RAGTIME, "export", "--to", "folded", database], capture_output=True, text=True, check=True)
    return sum(int(line.rpartition(" ")[2]) for line in folded.stdout.splitlines())


def check_speedscope(database):
    data = json.loads(export(database, "speedscope"))
    frames = data["shared"]["frames"]
    for profile in data["profiles"]:
        assert len(profile["samples"]) == len(profile["weights"])
        assert sum(profile["weights"]) == profile["endValue"]
        assert all(0 <= frame < len(frames) for sample in profile["samples"] for frame in sample)
    total = sum(profile["endValue"] for profile in data["profiles"])
    assert abs(total / 1000 - self_time(database)) <= 100, (total, self_time(database))


def check_pprof(database):
    packed = export(database, "pprof")
    assert gzip.decompress(packed)
    if not shutil.which("go"):
        print("no go here: pprof's own reader did not see it")
        return
    with tempfile.NamedTemporaryFile(suffix=".pb.gz") as file:
        file.write(packed)
        file.flush()
        done = subprocess.run(["go", "tool", "pprof", "-raw", file.name], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "calls/count wall/nanoseconds" in done.stdout, done.stdout[:500]
    section = done.stdout.split("Samples:\n")[1].split("Locations\n")[0].splitlines()[1:]
    total = sum(int(line.split(":")[0].split()[1]) for line in section if ":" in line)
    assert abs(total / 1000 - self_time(database)) <= 100, (total, self_time(database))


for path in DATABASES:
    for check in (check_otlp, check_perfetto, check_openmetrics, check_timing_records, check_speedscope, check_pprof):
        check(path)
    print(f"{path}: read by all")
