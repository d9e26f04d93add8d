#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# venv.sh BUILD [NAME]: a virtual environment with the packages of tests/python/NAME.lock (default
# requirements), in BUILD/venv (BUILD/venv-NAME for another); prints the path of its python.
# Made anew when the lock or the interpreter changed, otherwise in no time. PYTHON= names the
# interpreter to build on.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$(mkdir -p "$1" && realpath "$1")
name=${2:-requirements}
lock=$here/$name.lock
venv=$build/venv
[ "$name" = requirements ] || venv=$build/venv-$name
[ -r "$lock" ] || { echo "venv.sh: no lock file $lock" >&2; exit 2; }

# The lock is made for 3.11 and later: take the first such interpreter that can make environments.
usable() {
	"$1" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null
}
python=
for candidate in ${PYTHON:-} python3 /usr/bin/python3 python3.11 python3.12 python3.13; do
	if usable "$candidate"; then
		python=$("$candidate" -c 'import os, sys; print(os.path.realpath(sys.executable))')
		break
	fi
done
[ -n "$python" ] || { echo "venv.sh: no Python 3.11 to 3.13 with the venv module: apt install python3-venv" >&2; exit 1; }

exec 9>"$build/.venv.lock"
flock 9
stamp=$(cat "$lock" "$here/venv.sh" | sha256sum | cut -c1-64)\ $python
if [ "$(cat "$venv/stamp" 2>/dev/null)" != "$stamp" ]; then
	echo "installing the packages of $name.lock into $venv (once)" >&2
	rm -rf "$venv"
	"$python" -m venv "$venv"
	if command -v uv >/dev/null && uv --version >/dev/null 2>&1; then
		VIRTUAL_ENV=$venv uv pip install --quiet --require-hashes -r "$lock" >&2
	else
		"$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$lock" >&2
	fi
	echo "$stamp" >"$venv/stamp"
fi
echo "$venv/bin/python"
