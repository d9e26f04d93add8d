#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the reading commands take, what they refuse, with which status, and that nothing stays behind.
set -eu
ragtime=$BUILD/ragtime
export TMPDIR="$TMP/tmp" XDG_STATE_HOME="$TMP/state"
mkdir "$TMPDIR" "$XDG_STATE_HOME"
python3 tests/golden/fixture.py tests/golden/fixtures/rag.sql "$TMP/rag.db"
python3 tests/golden/fixture.py tests/golden/fixtures/torn.sql "$TMP/torn.db"

# expect STATUS PATTERN COMMAND...: the status, and a line of standard error
expect() {
	want=$1 pattern=$2
	shift 2
	status=0
	"$@" >"$TMP/out" 2>"$TMP/err" </dev/null || status=$?
	[ "$status" = "$want" ] || { echo "$*: status $status, not $want"; cat "$TMP/err"; exit 1; }
	grep -q -- "$pattern" "$TMP/err" || { echo "$*: no '$pattern' in:"; cat "$TMP/err"; exit 1; }
}

# usage is 2, failure is 1
for command in report tree classify 'export --to json'; do
	# shellcheck disable=SC2086
	{
		expect 2 'unrecognized option' "$ragtime" $command --no-such
		expect 1 'No such file' "$ragtime" $command "$TMP/missing.rtrace"
		expect 1 'none in the state folder' "$ragtime" $command
		expect 1 'neither a trace nor a database' "$ragtime" $command Makefile
		expect 1 'it is empty' "$ragtime" $command /dev/null
		expect 1 'it is empty' "$ragtime" $command -
	}
done
expect 2 'takes a number' "$ragtime" report --top many
expect 2 'no section' "$ragtime" report --section waits,nothing
expect 2 'takes a time' "$ragtime" tree --min soon
expect 2 'no regular expression' "$ragtime" tree --grep '('
expect 2 'takes a number' "$ragtime" tree --depth -1
expect 2 'there is no format' "$ragtime" export --to pdf
expect 2 'is missing' "$ragtime" export
expect 1 'cannot write' "$ragtime" export --to json -o /no/such/folder/x "$TMP/rag.db"
expect 1 'No space left' sh -c '"$0" report "$1" >/dev/full' "$ragtime" "$TMP/rag.db"

# databases: a newer schema, another program's, a damaged one
cp "$TMP/rag.db" "$TMP/newer.db"
sqlite3 "$TMP/newer.db" 'PRAGMA user_version = 99'
expect 1 'newer ragtime (schema 99' "$ragtime" report "$TMP/newer.db"
sqlite3 "$TMP/other.db" 'CREATE TABLE recipe (name)'
expect 1 'not one that ragtime wrote' "$ragtime" report "$TMP/other.db"
head -c 8192 "$TMP/rag.db" >"$TMP/cut.db"
expect 1 'cut.db' "$ragtime" report "$TMP/cut.db"
head -c 3000 Makefile >"$TMP/odd.rtrace"
printf 'RTRACE\r\n' | cat - Makefile >"$TMP/odd.rtrace"
expect 1 'odd.rtrace' "$ragtime" report "$TMP/odd.rtrace"

# several at once, and from a pipe: the same bytes as one after the other, from a file
"$ragtime" report "$TMP/rag.db" >"$TMP/one"
"$ragtime" report - <"$TMP/rag.db" >"$TMP/piped"
cmp "$TMP/one" "$TMP/piped"
# shellcheck disable=SC2002
cat "$TMP/rag.db" | "$ragtime" report - >"$TMP/piped"
cmp "$TMP/one" "$TMP/piped"
"$ragtime" report --json "$TMP/rag.db" "$TMP/torn.db" | python3 -c '
import json, sys
runs = json.load(sys.stdin)["runs"]
assert [run["run"]["command"] for run in runs] == ["rag.py", None, "true"], runs
assert [run["run"]["torn"] for run in runs] == [False, True, False]'

# a reading command never writes
sum=$(cksum <"$TMP/rag.db")
chmod 400 "$TMP/rag.db"
"$ragtime" tree "$TMP/rag.db" >"$TMP/out"
[ "$sum" = "$(cksum <"$TMP/rag.db")" ]
[ -z "$(ls -A "$TMPDIR")" ] || { echo "left behind: $(ls -A "$TMPDIR")"; exit 1; }
