#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `make demo` as a newcomer runs it: it ends well, its trace names what the program talked to, agrees
# with the stand-in's own log, and nothing that it started is left.
set -eu
out=$TMP/out
fail() {
	echo "$*"
	tail -n 40 "$out"
	exit 1
}
wants() {
	grep -qE "$1" "$out" || fail "the demo's output lacks: $1"
}

# Its own temporary folder, so that what remains of it is seen.
chmod 755 "$TMP"
mkdir "$TMP/tmp"
TMPDIR=$TMP/tmp sh tests/demo/demo.sh "$BUILD" >"$out" 2>&1 || fail "make demo failed with status $?"
wants '18 chunks embedded and stored'
wants 'from the cache'
wants 'embeddings stand-in-384 .*\[embedding\] +[0-9]+ tokens +1 input +384 dimensions'
wants 'chat gpt-4o-mini .*\[LLM generation\] +[0-9]+ -> [0-9]+ tokens +first token [0-9]'
wants 'SELECT chunk .*\[vector search\] +k 3 +3 rows'
wants 'GET .*\[cache lookup\] +answer:\* +miss'
wants 'GET .*\[cache lookup\] +answer:\* +hit'
wants '^ +openai +gpt-4o-mini +chat +3 '
wants '^ +localhost '
wants 's\.PGSQL\.5432 +[0-9]'
wants '^The trace is '
[ -z "$(ls "$TMP/tmp")" ] || fail "left behind: $(ls "$TMP/tmp")"

trace=$BUILD/demo/rag.rtrace
"$BUILD/ragtime" report --json "$trace" >"$TMP/report.json"
python3 - "$TMP/report.json" <<'PYTHON' >"$out" 2>&1 || fail "the report of the stores is wrong"
import json
import sys

rows = json.load(open(sys.argv[1]))["runs"][0]["sections"]["stores"]
print(json.dumps(rows, indent=1))
store = {(row["system"], row["collection"], row["operation"]): row for row in rows}
search, cache = store["postgresql", "chunk", "SELECT"], store["redis", None, "GET"]
assert (search["calls"], search["rows"], search["k_max"], search["hit_rate"]) == (3, 9, 3, None)
assert (cache["calls"], cache["hits"], cache["misses"], cache["hit_rate"]) == (4, 1, 3, 0.25)
assert store["postgresql", "chunk", "COPY"]["affected_rows"] == 18
PYTHON
"$BUILD/ragtime" info "$trace" >"$out" 2>&1 || fail "info failed"
wants 'lost +nothing'
"$BUILD/ragtime" export --to json "$trace" >"$TMP/spans.json" 2>"$out" || fail "export failed"

# Both clocks are CLOCK_MONOTONIC. A request arrives after the write of its last byte has begun, and
# what the stand-in sent last cannot have been read before it was sent.
python3 - "$TMP/spans.json" "$BUILD/demo/stand-in.jsonl" <<'PYTHON' >"$out" 2>&1 || fail "the trace disagrees with the stand-in"
import json
import sys

spans = [span for span in map(json.loads, open(sys.argv[1])) if span["type"] == "span"]
exchanges = [json.loads(line) for line in open(sys.argv[2])]
writes = [span for span in spans if span["name"] == "SSL_write"]
reads = [span for span in spans if span["name"] == "SSL_read" and (span["attrs"].get("ragtime.result") or 0) > 0]
print(len(exchanges), "exchanges,", len(writes), "writes,", len(reads), "reads that returned data")
assert len(exchanges) == 11, "five batches, three questions, three answers"
assert sum(span["attrs"]["ragtime.result"] for span in writes) > sum(exchange["bytes_in"] for exchange in exchanges)
assert sum(span["attrs"]["ragtime.result"] for span in reads) > sum(exchange["bytes_out"] for exchange in exchanges)
for exchange in exchanges:
    arrived, gone = exchange["request_first_ns"], exchange["response_last_ns"]
    assert any(0 <= arrived - span["start_ns"] < 1e9 for span in writes), f"no write for request {exchange['request']}"
    assert any(span["end_ns"] >= exchange["chunks_ns"][-1] for span in reads), f"no read of answer {exchange['request']}"
    seen = sum(exchange["request_last_ns"] <= span["end_ns"] <= gone + 1e8 for span in reads)
    assert seen >= len(exchange["chunks_ns"]) / 2, f"{seen} reads of {len(exchange['chunks_ns'])} events"
PYTHON
cat "$out"
