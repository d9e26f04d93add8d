#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs through apt what is missing of the packages that ragtime is built and tested with.
set -eu
build='gcc g++ make clang pkgconf libbpf-dev libelf-dev zlib1g-dev libzstd-dev libprotobuf-c-dev protobuf-c-compiler protobuf-compiler libsqlite3-dev libcapstone-dev libxxhash-dev libnghttp2-dev libyaml-dev libbrotli-dev'
tests='clang-format codespell libclang-rt-14-dev python3 python3-venv python3-pip sqlite3 redis-server openssl libssl-dev libgnutls28-dev strace curl git musl-tools busybox-static groff libpython3.11-testsuite libjemalloc2 libtcmalloc-minimal4 procps nodejs binutils file spin zstd'
missing=
for package in $build $tests; do
	dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' && continue
	# A tool that is there by other means needs no package.
	case $package in
	nodejs) command -v node >/dev/null && continue ;;
	esac
	missing="$missing $package"
done
if [ -z "$missing" ]; then
	exit 0
fi
echo "installing:$missing"
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq
# shellcheck disable=SC2086
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
