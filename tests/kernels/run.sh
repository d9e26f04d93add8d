#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# kernels/run.sh BUILD: boots other kernels than this machine's, under software emulation, and has ragtime load
# every program there and trace a process. Kernels are packages of this machine's Debian; what cannot be had is
# said, and counted as skipped. Slow: not among the tests of `make test`.
set -eu
build=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
work=$build/kernels
packages=${KERNELS:-"linux-image-cloud-amd64 linux-image-6.12-cloud-amd64"}
limit=${LIMIT:-600} # seconds a kernel

missing=
for tool in qemu-system-x86_64:qemu-system-x86 busybox:busybox-static dpkg-deb:dpkg; do
	command -v "${tool%%:*}" >/dev/null || missing="$missing ${tool#*:}"
done
[ -z "$missing" ] || { echo "kernels: skipped: install$missing"; exit 77; }
mkdir -p "$work"

# The package that a name stands for: meta packages depend on the one with the kernel.
real_package() {
	apt-get install --simulate --reinstall "$1" 2>/dev/null |
		sed -n 's/^Inst \(linux-image-[0-9]*\.[0-9]*\.[0-9][^ ]*\).*/\1/p' | head -n 1
}

fetch() { # package: prints the path of its kernel
	folder=$work/$1
	if [ ! -d "$folder/boot" ]; then
		mkdir -p "$folder"
		(cd "$folder" && apt-get download -q "$1" >/dev/null 2>&1 && dpkg-deb -x ./*.deb . && rm -f ./*.deb) || return 1
	fi
	ls "$folder"/boot/vmlinuz-* 2>/dev/null
}

# busybox, ragtime with the libraries that it needs, and what is to be done.
make_root() {
	root=$work/root
	rm -rf "$root"
	mkdir -p "$root/bin" "$root/proc" "$root/sys" "$root/tmp" "$root/dev" "$root/lib64"
	cp "$(command -v busybox)" "$root/bin/busybox"
	cp "$build/ragtime" "$build/libragtime.so" "$root/bin/"
	ldd "$build/ragtime" | grep -o '/[^ ]*' | while read -r library; do
		mkdir -p "$root$(dirname "$library")"
		cp -L "$library" "$root$library"
	done
	cp "$here/init" "$root/init"
	chmod 755 "$root/init"
	(cd "$root" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) >"$work/root.gz"
}

passed=0 failed=0 skipped=0
make_root
for package in $packages; do
	real=$(real_package "$package")
	kernel=$([ -n "$real" ] && fetch "$real" || true)
	if [ -z "$kernel" ]; then
		echo "skip  $package: not to be had from this machine's package sources"
		skipped=$((skipped + 1))
		continue
	fi
	log=$work/$real.log
	timeout "$limit" qemu-system-x86_64 -accel tcg -cpu max -m 1024 -kernel "$kernel" -initrd "$work/root.gz" \
		-append "console=ttyS0 quiet panic=-1" -nographic -no-reboot </dev/null >"$log" 2>&1 || true
	if grep -q '^KERNEL PASSED' "$log"; then
		echo "ok    $real: $(sed -n 's/^KERNEL SAW //p' "$log" | tr -d '\r' | tr '\n' ' ')"
		passed=$((passed + 1))
	else
		echo "FAIL  $real: see $log"
		tail -n 20 "$log"
		failed=$((failed + 1))
	fi
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
