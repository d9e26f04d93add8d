#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# env.sh BUILD: the packages of tests/node/package-lock.json in BUILD/node; prints that folder. Made anew
# when the lock changed, otherwise in no time.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mkdir -p "$1/node" && realpath "$1/node")
command -v npm >/dev/null || { echo "env.sh: npm is not installed" >&2; exit 1; }
exec 9>"$folder/.lock"
flock 9
if ! cmp -s "$here/package-lock.json" "$folder/stamp"; then
	echo "installing the packages of tests/node into $folder (once)" >&2
	cp "$here/package.json" "$here/package-lock.json" "$folder/"
	(cd "$folder" && npm ci --silent --no-audit --no-fund >&2)
	cp "$here/package-lock.json" "$folder/stamp"
fi
echo "$folder"
