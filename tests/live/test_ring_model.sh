#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every interleaving of the ring within small bounds; and each planted defect must be found.
set -u
command -v spin >/dev/null || { echo "spin is not installed"; exit 77; }
model=$PWD/tests/model/ring.pml

# check NAME OPTIMISATION DEFINE...: prints the number of errors that the checker found
check() {
	mkdir -p "$TMP/$1" && cd "$TMP/$1" || exit 1
	level=$2
	shift 2
	spin -a "$@" "$model" >spin.log && gcc "$level" -w -DSAFETY -DCOLLAPSE -DMEMLIM=4000 -o pan pan.c || { cat spin.log; exit 1; }
	./pan -m1000000 >pan.log
	! grep -q 'max search depth too small\|out of memory' pan.log || { cat pan.log; exit 1; }
	sed -n 's/.*errors: \([0-9]*\)$/\1/p' pan.log
	sed -n 's/^ *\([0-9]* states, stored\)/\1/p' pan.log >&2
}

sends=3
[ "$SIZE" = full ] && sends=4
errors=$(check right -O2 -DSENDS=$sends)
[ "$errors" = 0 ] || { echo "the model has errors: '$errors'"; tail -n 30 "$TMP/right/pan.log"; exit 1; }
for defect in 1 2 3 4 5 6; do
	errors=$(check "defect$defect" -O0 -DSENDS=3 -DDEFECT=$defect)
	[ "$errors" = 1 ] || { echo "defect $defect was not found: the model proves nothing"; exit 1; }
done
echo "every interleaving of $sends calls is right; 6 planted defects were found"
