#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs through apt what `make bench` compares against. A peer that cannot be installed is named
# as not measured; nothing else depends on it.
set -u
missing=
for package in uftrace ltrace strace lttng-tools liblttng-ust1 linux-perf bpftrace; do
	dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
echo "installing for the benchmark:$missing"
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
$sudo apt-get update -qq
for package in $missing; do
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" >/dev/null ||
		echo "could not install $package: its rows will be missing" >&2
done
exit 0
