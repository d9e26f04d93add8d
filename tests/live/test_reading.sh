#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The reading commands on real traces: by name, from a pipe, from the state folder, torn, and by way
# of a database all say the same; nothing stays behind.
set -eu
ragtime=$BUILD/ragtime
export TMPDIR="$TMP/tmp" XDG_STATE_HOME="$TMP/state"
mkdir "$TMPDIR" "$XDG_STATE_HOME"
cat >"$TMP/work.py" <<'END'
import socket, threading, time
def serve(listener):
    connection, _ = listener.accept()
    while data := connection.recv(100):
        connection.sendall(data)
listener = socket.create_server(("127.0.0.1", 0))
thread = threading.Thread(target=serve, args=(listener,))
thread.start()
with socket.create_connection(listener.getsockname()) as client:
    client.settimeout(10)  # so that it polls before it reads
    for _ in range(300):
        client.sendall(b"question")
        client.recv(100)
thread.join()
time.sleep(0.05)
for _ in range(200):
    open("/etc/hostname").read()
END
"$ragtime" run -o "$TMP/work.rtrace" -- python3 "$TMP/work.py"
trace=$TMP/work.rtrace

"$ragtime" report "$trace" >"$TMP/report"
grep -q '^Where the wall time went' "$TMP/report"
grep -q 'Nothing was lost' "$TMP/report"
# sums are the same whichever calls are rows; what was waited for is told the finer the more there are
sums=waits,exchanges,phases,llm,stores,operations,connections,files,names,locks,threads,processes,counted,cost,losses
"$ragtime" report -s $sums "$trace" >"$TMP/sums"
for rows in all auto none; do
	"$ragtime" decode --rows $rows -o "$TMP/$rows.db" "$trace" 2>/dev/null >&2
	"$ragtime" report -s $sums "$TMP/$rows.db" >"$TMP/out"
	cmp "$TMP/sums" "$TMP/out"
done
"$ragtime" report "$TMP/none.db" >"$TMP/out"
cmp "$TMP/report" "$TMP/out"
# shellcheck disable=SC2002
cat "$trace" | "$ragtime" report - >"$TMP/out"
cmp "$TMP/report" "$TMP/out"
"$ragtime" report "$trace" "$trace" >"$TMP/out" # parts of one run are one run
cmp "$TMP/report" "$TMP/out"
TMPDIR=/no/such/folder "$ragtime" report "$trace" >"$TMP/out"
cmp "$TMP/report" "$TMP/out"
"$ragtime" tree "$trace" >"$TMP/tree"
"$ragtime" tree "$TMP/auto.db" >"$TMP/out"
cmp "$TMP/tree" "$TMP/out"
grep -q 'nanosleep' "$TMP/tree"
"$ragtime" tree --grep '127.0.0.1:' "$trace" >"$TMP/out"
grep -q 'recv' "$TMP/out"
grep -q 'poll.*127\.0\.0\.1:' "$TMP/out" # what was waited for is named
! grep -q 'nanosleep' "$TMP/out"
python3 tests/golden/test_exports.py "$TMP/all.db" "$TMP/auto.db" "$TMP/none.db"

# the figures themselves
"$ragtime" report --json "$trace" | python3 -c '
import json, sys
report = json.load(sys.stdin)["runs"][0]
sections = report["sections"]
calls = {row["name"]: row["calls"] for row in sections["operations"]}
hostname = [row for row in sections["files"] if row["path"] == "/etc/hostname"][0]
assert hostname["opens"] == 200, hostname
sends = sum(row["sends"] for row in sections["connections"])
received = sum(row["bytes_in"] for row in sections["connections"])
assert sends == 600 and received == 2 * 300 * 8, sections["connections"]
assert calls["nanosleep"] == 1
waits = sections["waits"]
total = waits.pop()
assert total["wait"] == "total"
assert abs(sum(row["time_ns"] for row in waits) - total["time_ns"]) <= len(waits), waits
assert sum(row["wall_ns"] for row in sections["threads"]) == total["time_ns"]
assert report["calls"] == sum(calls.values())
'

# without a name: the newest of the state folder
"$ragtime" run -- python3 -c 'pass'
"$ragtime" tree >"$TMP/out"
grep -q '^process' "$TMP/out"

# torn in the middle: what is whole is told, and that it is torn
size=$(wc -c <"$trace")
head -c $((size * 2 / 3)) "$trace" >"$TMP/torn.rtrace"
"$ragtime" report "$TMP/torn.rtrace" >"$TMP/out"
grep -q 'the trace has no end' "$TMP/out"

[ -z "$(ls -A "$TMPDIR")" ] || { echo "left behind: $(ls -A "$TMPDIR")"; exit 1; }

# by SQL
"$ragtime" sql --json "SELECT calls FROM operations WHERE name = 'nanosleep'" "$trace" >"$TMP/out"
grep -q '"calls": 1' "$TMP/out"
"$ragtime" sql --csv "SELECT 'a,\"b' AS x, NULL AS y" "$TMP/auto.db" >"$TMP/out"
printf 'x,y\n"a,""b",\n' | cmp - "$TMP/out"
"$ragtime" sql 'SELECT * FROM performance_bottlenecks' "$TMP/auto.db" >"$TMP/out"
grep -q '^id.operation_type.avg_duration_ms.p95_duration_ms.p99_duration_ms.occurrence_count.impact_score.suggested' "$TMP/out"
"$ragtime" sql --json 'SELECT * FROM performance_profiles' "$TMP/auto.db" | python3 -c '
import json, sys
rows = json.load(sys.stdin)
assert set(rows[0]) == {"id", "query_id", "profile_data", "total_duration_ms", "bottleneck_operations",
                        "optimization_suggestions", "created_at"}, rows[0]
profile = json.loads(rows[0]["profile_data"])
assert abs(profile["duration_ms"] - rows[0]["total_duration_ms"]) < 1e-6 and profile["children"], profile
assert json.loads(rows[0]["bottleneck_operations"]) and json.loads(rows[0]["optimization_suggestions"]) is not None
'
for wrong in 'SELECT nothing FROM span' 'DELETE FROM span' 'ATTACH "/tmp/other.db" AS o'; do
	status=0
	"$ragtime" sql "$wrong" "$TMP/auto.db" >"$TMP/out" 2>"$TMP/err" || status=$?
	[ "$status" = 1 ] && grep -q 'schema sql' "$TMP/err"
done
