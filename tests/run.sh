#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh BUILD SIZE [PATTERN]: runs the tests, one line each, and a table of counts at the end.
#
# A test is an executable: build/tests/test_X (from tests/unit), build/tests/fuzz_X over its corpus,
# or tests/{golden,live,truth,faults}/test_X.{sh,py}. Exit 0 passed, 77 skipped (its last line says
# why), all else failed. Tests find: BUILD (the build folder), SIZE (quick or full), TMP (an empty
# folder of their own).
set -u
BUILD=$(realpath "$1")
SIZE=${2:-quick}
PATTERN=${3:-}
export BUILD SIZE
cd "$(dirname "$0")/.." || exit 2
logs=$BUILD/logs
mkdir -p "$logs" "$BUILD/tables"
# The interpreter's test suite, four times over, takes most of an hour.
[ "$SIZE" = full ] && limit=14400 || limit=900
passed=0 failed=0 skipped=0

run_one() {
	name=$1
	shift
	case $name in *"$PATTERN"*) ;; *) return ;; esac
	TMP=$(mktemp -d "${TMPDIR:-/tmp}/ragtime-test.XXXXXX")
	export TMP
	begin=$(date +%s)
	timeout -k 10 "${TEST_TIMEOUT:-$limit}" "$@" >"$logs/$name.log" 2>&1 </dev/null
	status=$?
	took=$(($(date +%s) - begin))
	chmod -R u+rwX "$TMP" 2>/dev/null
	rm -rf "$TMP"
	case $status in
	0) passed=$((passed + 1)); printf 'ok    %-40s %4ds\n' "$name" "$took" ;;
	77) skipped=$((skipped + 1)); printf 'skip  %-40s %4ds  %s\n' "$name" "$took" "$(tail -n 1 "$logs/$name.log")" ;;
	*) failed=$((failed + 1)); printf 'FAIL  %-40s %4ds  status %d, see %s\n' "$name" "$took" "$status" "$logs/$name.log"
	   tail -n 25 "$logs/$name.log" | sed 's/^/      | /' ;;
	esac
}

for file in tests/unit/test_*.c; do
	stem=$(basename "$file" .c)
	run_one "unit-${stem#test_}" "$BUILD/tests/$stem"
done
for file in tests/fuzz/fuzz_*.c; do
	[ -e "$file" ] || continue
	stem=$(basename "$file" .c)
	run_one "fuzz-${stem#fuzz_}" "$BUILD/tests/$stem" "tests/fuzz/corpus/${stem#fuzz_}"
done
for kind in golden live truth faults; do
	for file in tests/$kind/test_*.sh tests/$kind/test_*.py; do
		[ -e "$file" ] || continue
		stem=$(basename "$file")
		stem=${stem%.*}
		case $file in
		*.py) run_one "$kind-${stem#test_}" python3 "$file" ;;
		*) run_one "$kind-${stem#test_}" sh "$file" ;;
		esac
	done
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
