#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# score_venv.sh BUILD VERSION PYTHON: an environment on PYTHON with the packages of
# tests/python/score.lock, in BUILD/score/VERSION; prints the path of its interpreter. Made anew when
# the lock changed, otherwise in no time.
set -eu
lock=$(cd "$(dirname "$0")/../python" && pwd)/score.lock
venv=$(mkdir -p "$1/score" && realpath "$1/score")/$2
stamp=$(sha256sum <"$lock" | cut -c1-64)\ $3
if [ "$(cat "$venv/stamp" 2>/dev/null)" != "$stamp" ]; then
	rm -rf "$venv"
	"$3" -m venv "$venv"
	if command -v uv >/dev/null && uv --version >/dev/null 2>&1; then
		VIRTUAL_ENV=$venv uv pip install --quiet --require-hashes -r "$lock" >&2
	else
		"$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$lock" >&2
	fi
	echo "$stamp" >"$venv/stamp"
fi
echo "$venv/bin/python"
