#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# dist.sh BUILD [FOLDER]: packs what BUILD holds into FOLDER/ragtime-VERSION-linux-x86_64.tar.gz
# (FOLDER: dist). Needs BUILD/ragtime-static, which has its dependencies linked in; the glibc of the
# machine it runs on must be at least as new as the newest symbol that is printed here.
#
# The same sources and compiler give the same bytes: names are sorted, times are SOURCE_DATE_EPOCH
# (by default the last commit's).
set -eu
build=$(realpath "$1")
mkdir -p "${2:-dist}"
dist=$(realpath "${2:-dist}")
cd "$(dirname "$0")/.."
version=$(sed -n 's/.*RAGTIME_VERSION "\(.*\)".*/\1/p' lib/version.h)
name=ragtime-$version-linux-$(uname -m)
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y lib/version.h)}
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
root=$stage/$name

install -d "$root/bin" "$root/lib/ragtime" "$root/share/man/man1" "$root/share/doc/ragtime/licences"
install -m 755 -s "$build/ragtime-static" "$root/bin/ragtime"
install -m 755 "$build/libragtime.so" "$root/lib/ragtime/libragtime.so"
install -m 644 "$build/ragtime-node.cjs" "$root/lib/ragtime/ragtime-node.cjs"
strip --strip-unneeded "$root/lib/ragtime/libragtime.so"
install -m 644 docs/man/*.1 "$root/share/man/man1/"
for file in README.md LICENSE LICENSE-*; do
	[ ! -e "$file" ] || install -m 644 "$file" "$root/share/doc/ragtime/"
done
# Of the libraries that are linked in.
for package in libelf-dev zlib1g-dev libzstd-dev libprotobuf-c-dev libsqlite3-dev libcapstone-dev libstdc++-12-dev; do
	install -m 644 "/usr/share/doc/$package/copyright" "$root/share/doc/ragtime/licences/${package%-dev}"
done

needed=$(objdump -p "$root/bin/ragtime" "$root/lib/ragtime/libragtime.so" | sed -n 's/^ *NEEDED *//p' | sort -u)
for library in $needed; do
	case $library in
	libc.so.6 | libm.so.6 | libdl.so.2 | libpthread.so.0 | ld-linux-x86-64.so.2) ;;
	*) echo "dist: $library is still linked dynamically" >&2; exit 1 ;;
	esac
done
newest() {
	objdump -T "$1" | grep -o 'GLIBC_[0-9.]*' | sed 's/GLIBC_//' | sort -Vu | tail -n 1
}
tar --sort=name --mtime="@$epoch" --owner=0 --group=0 --numeric-owner --format=ustar \
	-C "$stage" -cf - "$name" | gzip -9n >"$dist/$name.tar.gz"
echo "$dist/$name.tar.gz: $(stat -c %s "$dist/$name.tar.gz") bytes"
echo "glibc needed: program $(newest "$root/bin/ragtime"), shim $(newest "$root/lib/ragtime/libragtime.so" | grep . || echo any)"
