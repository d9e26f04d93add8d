#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# demo.sh BUILD: runs a small real RAG program under `ragtime run` beside the servers it needs, and
# shows where its time went. What it starts, servers.py stops again.
set -eu
build=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
trace=$build/demo/rag.rtrace

step() {
	printf '\n\033[1m== %s\033[0m\n' "$*"
}
[ -t 1 ] || step() { printf '\n== %s\n' "$*"; }

python=$(sh "$here/../python/venv.sh" "$build")
mkdir -p "$build/demo"
rm -f "$trace" "$build/demo/stand-in.jsonl"

step "rag.py under ragtime, beside PostgreSQL with pgvector, Redis and a stand-in for the OpenAI API"
echo "The first two are real servers. The third is a local program without a model, in the API's true"
echo "wire format over TLS: its delays and its answers are made up, all client libraries are real."
echo
"$python" "$here/servers.py" --log "$build/demo/stand-in.jsonl" -- \
	"$build/ragtime" run -o "$trace" -- "$python" "$here/rag.py"

step "ragtime tree: what it asked its servers and what they answered"
"$build/ragtime" tree --requests --top 40 "$trace"

step "ragtime report: where the wall time went"
"$build/ragtime" report "$trace"

ragtime=$build/ragtime
case $PWD/ in "${build%/*}/"*) ragtime=${ragtime#"$PWD"/} trace=${trace#"$PWD"/} ;; esac
cat <<END

The trace is $trace, $(wc -c <"$trace") bytes. Try next:

  $ragtime info $trace
      what is in it, what it cost, what was lost
  $ragtime tree --min 20ms $trace
      calls of 20 ms and longer
  $ragtime export --to chrome $trace >trace.json
      for Perfetto or chrome://tracing
  $ragtime run -- python3 your_program.py
      your own program; then: $ragtime report
END
