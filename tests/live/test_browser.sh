#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The HTML report in Chromium: both themes, wide and narrow, by keyboard, checked by axe, with hostile
# names, and with many spans. Full size: it needs a browser.
set -eu
[ "$SIZE" = full ] || { echo "only in the full size: needs Chromium"; exit 77; }
browser=$(command -v chromium || command -v chromium-browser || true)
[ -n "$browser" ] || { echo "needs Chromium: apt install chromium"; exit 77; }
command -v npm >/dev/null || { echo "needs npm"; exit 77; }
modules=$BUILD/browser
if [ ! -d "$modules/node_modules/axe-core" ]; then
	mkdir -p "$modules"
	cp tests/browser/package.json tests/browser/package-lock.json "$modules"
	(cd "$modules" && npm ci --silent --ignore-scripts) || { echo "playwright-core and axe-core cannot be had"; exit 77; }
fi
python3 tests/golden/fixture.py tests/golden/fixtures/rag.sql "$TMP/rag.db"
"$BUILD/ragtime" report --format html -o "$TMP/rag.html" "$TMP/rag.db"
cp "$TMP/rag.db" "$TMP/hostile.db"
python3 - "$TMP/hostile.db" <<'END'
import sqlite3, sys
text = "</script><script>document.title='broken'</script><img src=x onerror=\"document.title='broken'\">"
db = sqlite3.connect(sys.argv[1])
db.execute("UPDATE run SET command = ?", (text,))
db.execute("UPDATE operation SET name = ? WHERE id >= 32", (text,))
db.execute("UPDATE object SET name = ?", (text,))
db.commit()
END
"$BUILD/ragtime" report --format html -o "$TMP/hostile.html" "$TMP/hostile.db"
"$BUILD/tests/make_trace" threads 150000 "$TMP/many.rtrace"
"$BUILD/ragtime" decode --rows all -o "$TMP/many.db" "$TMP/many.rtrace"
"$BUILD/ragtime" report --format html -o "$TMP/many.html" "$TMP/many.db"
cat >"$TMP/start.py" <<'END'
import http.server, json, time
class SentenceTransformer:
    def encode(self, texts):
        time.sleep(0.05)
SentenceTransformer().encode("a")
END
mkdir -p "$TMP/<img src=x onerror=alert(1)>"
mv "$TMP/start.py" "$TMP/<img src=x onerror=alert(1)>/start.py"
"$BUILD/ragtime" coldstart -n 2 -o "$TMP/before.json" -- python3 "$TMP/<img src=x onerror=alert(1)>/start.py" >"$TMP/out"
"$BUILD/ragtime" coldstart -n 2 --baseline "$TMP/before.json" --html "$TMP/start.html" -- python3 \
	"$TMP/<img src=x onerror=alert(1)>/start.py" >"$TMP/out" || [ $? -eq 3 ]
cp tests/browser/report.mjs "$modules"
node "$modules/report.mjs" "$browser" "$modules" "$TMP/rag.html" "$TMP/hostile.html" "$TMP/many.html" "$TMP/start.html"
