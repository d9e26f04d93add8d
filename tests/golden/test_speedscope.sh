#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# speedscope's own importer reads the chrome and folded exports, and finds in them what is there.
set -eu
version=1.13.0 # the last whose importer is a file of its own, apart from its page
sum=62e54f6e30753033fe6d485d5855b0b1356c169a69479939048d75ad7e6aaa8e
package=$BUILD/speedscope
if [ ! -d "$package/dist" ]; then
	command -v npm >/dev/null || { echo "npm is not installed"; exit 77; }
	(cd "$TMP" && npm pack --silent "speedscope@$version" >/dev/null) ||
		{ echo "speedscope $version cannot be had from the package registry"; exit 77; }
	echo "$sum  $TMP/speedscope-$version.tgz" | sha256sum -c --quiet
	mkdir -p "$package"
	tar xzf "$TMP/speedscope-$version.tgz" -C "$package" --strip-components=1
fi

for fixture in rag torn; do
	python3 tests/golden/fixture.py "tests/golden/fixtures/$fixture.sql" "$TMP/$fixture.db"
	"$BUILD/ragtime" export --to chrome -o "$TMP/$fixture.json" "$TMP/$fixture.db"
	"$BUILD/ragtime" export --to folded -o "$TMP/$fixture.txt" "$TMP/$fixture.db"
	node tests/golden/speedscope_import.cjs "$package" "$TMP/$fixture.json" "$TMP/$fixture.txt" >"$TMP/found"
	python3 - "$TMP/$fixture.json" "$TMP/$fixture.txt" "$TMP/found" <<'END'
import json, sys
events = [event for event in json.load(open(sys.argv[1]))["traceEvents"] if event["ph"] == "X"]
stacks = open(sys.argv[2]).read().splitlines()
chrome, folded = (json.loads(line) for line in open(sys.argv[3]))
print(chrome, folded)
assert chrome["profiles"] == len({(event["pid"], event["tid"]) for event in events})
# it draws no call of no length
assert chrome["calls"] == sum(event["dur"] > 0 for event in events), (chrome, len(events))
assert folded["profiles"] == 1
assert folded["weight"] == sum(int(line.rpartition(" ")[2]) for line in stacks)
END
done
