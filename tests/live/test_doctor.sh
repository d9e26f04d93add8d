#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# doctor ends with 0 whatever the host allows, and says what gives more; with rights and without.
set -eu
ragtime=$BUILD/ragtime

check() {
	python3 - "$1" <<'END'
import json, sys
report = json.load(open(sys.argv[1]))
checks = report["checks"]
groups = {check["group"] for check in checks}
assert groups == {"shim", "clock", "memory", "bpf", "probes", "ptrace", "runtimes"}, groups
assert report["host"]["processors"] > 0
for check in checks:
    assert check["verdict"] in ("yes", "no", "unknown"), check
    assert check["detail"], check
    assert check["verdict"] != "no" or check["advice"], check
verdict = {(check["group"], check["name"]): check["verdict"] for check in checks}
print(verdict)
# a traced program really ran
assert verdict["shim", "run"] == "yes"
assert verdict["memory", "rings"] == "yes"
if not report["host"]["root"]:
    assert verdict["bpf", "rights"] == "no"
    assert verdict["bpf", "raw tracepoint"] == "no"
END
}

"$ragtime" doctor >"$TMP/text"
grep -q '^Launch under trace' "$TMP/text"
"$ragtime" doctor --json >"$TMP/json"
check "$TMP/json"

if [ "$(id -u)" = 0 ]; then
	chmod 755 "$TMP"
	cp "$BUILD/ragtime" "$BUILD/libragtime.so" "$TMP/"
	setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=/nonexistent PATH=/usr/bin:/bin \
		"$TMP/ragtime" doctor --json >"$TMP/poor"
	check "$TMP/poor"
fi

status=0
"$ragtime" doctor --no-such 2>"$TMP/err" || status=$?
[ $status = 2 ]
status=0
"$ragtime" doctor something 2>"$TMP/err" || status=$?
[ $status = 2 ]
