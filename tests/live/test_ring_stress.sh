#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The real ring under random pauses, plain with signals and under ThreadSanitizer; which must
# complain when the release stores are made relaxed.
set -u
seconds=3
[ "$SIZE" = full ] && seconds=60

# build NAME FLAG...
build() {
	name=$1
	shift
	gcc -std=gnu11 -D_GNU_SOURCE -O1 -g -Wall -Wextra -fno-builtin -I. -include tests/model/delay.h "$@" -o "$TMP/$name" \
		tests/model/stress.c preload/emit.c preload/process.c preload/environment.c preload/raw.c \
		loader/capture/rings.c -lpthread
}

build plain && build thread -fsanitize=thread &&
	build relaxed -fsanitize=thread -U__ATOMIC_RELEASE -D__ATOMIC_RELEASE=__ATOMIC_RELAXED || exit 1
"$TMP/plain" $seconds || { echo "plain: failed"; exit 1; }
"$TMP/thread" $seconds || { echo "under ThreadSanitizer: failed"; exit 1; }
if "$TMP/relaxed" 1 >"$TMP/relaxed.log" 2>&1; then
	echo "ThreadSanitizer passed relaxed stores: the test proves nothing"
	exit 1
fi
