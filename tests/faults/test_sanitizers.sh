#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every parser over its corpus, whole, cut and flipped, under AddressSanitizer (leaks too) and UBSan.
set -u
out=$BUILD/sanitized
MAKEFLAGS= make -s -j2 OUT="$out" SAN=address,undefined fuzzers || exit 1
bad=0
for source in tests/fuzz/fuzz_*.c; do
	stem=$(basename "$source" .c)
	if "$out/tests/$stem" "tests/fuzz/corpus/${stem#fuzz_}" >"$TMP/$stem.log" 2>&1; then
		echo "$stem: $(tail -n 1 "$TMP/$stem.log")"
	else
		echo "$stem failed:"
		tail -n 40 "$TMP/$stem.log"
		bad=1
	fi
done
exit $bad
