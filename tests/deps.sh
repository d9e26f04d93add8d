#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs through apt what is missing of the packages that ragtime is built and tested with. Says what
# it installs; says nothing and takes no time where nothing is missing.
set -eu
build='gcc g++ make clang pkgconf libc6-dev libbpf-dev libelf-dev zlib1g-dev libzstd-dev libprotobuf-c-dev
	protobuf-c-compiler protobuf-compiler libsqlite3-dev libcapstone-dev libxxhash-dev libnghttp2-dev libyaml-dev libbrotli-dev'
tests='clang-format codespell universal-ctags libclang-rt-14-dev python3 python3-venv python3-pip ca-certificates
	sqlite3 redis-server memcached openssl libssl-dev libgnutls28-dev strace curl wget git musl-tools busybox-static groff
	libpython3.11-testsuite libjemalloc2 nghttp2-client nghttp2-server nghttp2-proxy libtcmalloc-minimal4 procps nodejs binutils file spin zstd'

# A tool that is there by other means needs no package.
by_other_means() {
	case $1 in
	nodejs) command -v node ;;
	universal-ctags) command -v ctags ;;
	*) false ;;
	esac >/dev/null
}

command -v dpkg-query >/dev/null || {
	echo "deps: this is no Debian: install by hand what these packages hold:" $build $tests >&2
	exit 1
}
present=$(dpkg-query -W -f='${binary:Package} ${db:Status-Status}\n' | sed -n 's/^\([^: ]*\).* installed$/\1/p')
missing=
for package in $build $tests; do
	printf '%s\n' "$present" | grep -qxF "$package" || by_other_means "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

echo "deps: installing$missing"
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() {
	# shellcheck disable=SC2086
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >"$log" 2>&1
}
# The lists of packages are fetched where apt has none, or old ones that lead nowhere any more.
if ! install; then
	$sudo apt-get update -qq
	install || {
		tail -n 20 "$log"
		echo "deps: apt-get could not install all of it" >&2
		exit 1
	}
fi
