#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make install and uninstall under DESTDIR and PREFIX: what is there works, and all of it goes.
set -u
failures=0
check() {
	if ! eval "$1"; then
		failures=$((failures + 1))
		echo "FAILED: $2"
	fi
}

root=$TMP/stage
out=$(realpath --relative-to=. "$BUILD")
make -s OUT="$out" DESTDIR="$root" PREFIX=/opt/tools install >"$TMP/install.log" 2>&1 || { cat "$TMP/install.log"; exit 1; }

program=$root/opt/tools/bin/ragtime
check '[ -x "$program" ]' "the program is under PREFIX/bin"
check '[ -f "$root/opt/tools/lib/ragtime/ragtime-node.cjs" ]' "what Node loads lies beside it"
check '[ -f "$root/opt/tools/include/ragtime.h" ]' "the header is under PREFIX/include"
check '[ -f "$root/opt/tools/lib/ragtime/libragtime.so" ]' "the shim is under PREFIX/lib/ragtime"
check '[ "$(ls "$root/opt/tools/share/man/man1" | wc -l)" = "$(ls docs/man/*.1 | wc -l)" ]' "all man pages"
check '[ -z "$(find "$root" -type f -not -path "$root/opt/tools/*")" ]' "nothing outside PREFIX"
check '"$program" --version | grep -q "^ragtime "' "it says its version"

# With no shim beside it: it must find the installed one.
(cd / && "$program" run -o "$TMP/t.rtrace" -- /bin/cat /etc/passwd) >"$TMP/cat.out" 2>"$TMP/cat.err"
check '[ $? = 0 ] && cmp -s /etc/passwd "$TMP/cat.out"' "run works as installed"
check '"$program" report "$TMP/t.rtrace" | grep -q /etc/passwd' "and it recorded the file: $(cat "$TMP/cat.err")"

make -s OUT="$out" DESTDIR="$root" PREFIX=/opt/tools uninstall >"$TMP/uninstall.log" 2>&1
check '[ -z "$(find "$root" -type f -o -type l)" ]' "uninstall leaves no file: $(find "$root" -type f)"

make -s OUT="$out" DESTDIR="$root" install >"$TMP/default.log" 2>&1
check '[ -x "$root/usr/local/bin/ragtime" ]' "PREFIX is /usr/local where it is not given"
echo "$failures failures"
[ "$failures" = 0 ]
