#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the reading commands print of known databases, byte for byte. `make regold` rewrites what is
# expected (REGOLD=1); look at the difference before it is committed.
set -eu
here=tests/golden
failed=0
for fixture in "$here"/fixtures/*.sql; do
	python3 "$here/fixture.py" "$fixture" "$TMP/$(basename "$fixture" .sql).db"
done
[ -z "${REGOLD:-}" ] || rm -f "$here"/expect/*.expect
while read -r name fixture command; do
	case $name in '#'*) continue ;; esac
	expect=$here/expect/$name.expect
	# the words of a case hold no spaces
	# shellcheck disable=SC2086
	"$BUILD/ragtime" $command "$TMP/$fixture.db" >"$TMP/out" || {
		echo "$name: ended with status $?"
		failed=1
		continue
	}
	if [ -n "${REGOLD:-}" ]; then
		cp "$TMP/out" "$expect"
	elif ! cmp -s "$expect" "$TMP/out"; then
		echo "$name: not as expected"
		diff -u "$expect" "$TMP/out" || :
		failed=1
	fi
done <"$here/cases.in"
# every expectation has its case
for expect in "$here"/expect/*.expect; do
	grep -q "^$(basename "$expect" .expect) " "$here/cases.in" || {
		echo "$expect has no case"
		failed=1
	}
done
exit $failed
