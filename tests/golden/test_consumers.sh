#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# OpenTelemetry's, Perfetto's and Prometheus' own classes and pprof read our exports, of fixtures and
# of a real run.
set -eu
python=$(sh tests/python/venv.sh "$BUILD" consumers)
for fixture in tests/golden/fixtures/*.sql; do
	python3 tests/golden/fixture.py "$fixture" "$TMP/$(basename "$fixture" .sql).db"
done
"$BUILD/ragtime" run -o "$TMP/real.rtrace" -- python3 -c 'import json, subprocess; subprocess.run(["true"])'
"$BUILD/ragtime" decode --rows all -o "$TMP/real.db" "$TMP/real.rtrace"
"$python" tests/golden/consumers.py "$BUILD/ragtime" "$TMP"/*.db
