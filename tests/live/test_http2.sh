#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# HTTP/2 between real programs, client and server both under trace: eight streams at once, plain and
# under TLS, a large file, a missing one.
set -eu
for program in nghttpd nghttp curl openssl; do
	command -v $program >/dev/null || PATH=$PATH:/usr/sbin
	command -v $program >/dev/null || {
		echo "no $program"
		exit 77
	}
done
ragtime=$BUILD/ragtime
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true' EXIT
fail() {
	echo "$*"
	cat "$TMP"/*.tree
	exit 1
}
free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# Starts the server under trace; its files are /one ... /eight and /big.
serve() {
	name=$1
	shift
	"$ragtime" run --output="$TMP/$name.rtrace" -- nghttpd --htdocs="$TMP/files" "$@" >"$TMP/$name.log" 2>&1 &
	server=$!
	tries=0
	until python3 -c "import socket; socket.create_connection(('127.0.0.1', $port))" 2>/dev/null; do
		tries=$((tries + 1))
		[ $tries -lt 100 ] || fail "the server does not listen: $(cat "$TMP/$name.log")"
		sleep 0.1
	done
}
stop() {
	kill "$server"
	wait "$server" || true
	server=
	"$ragtime" tree "$TMP/$1.rtrace" >"$TMP/$1.tree"
}
has() {
	count=$(grep -cE "$2" "$TMP/$1.tree" || true)
	[ "$count" = "$3" ] || fail "$1: $count lines with '$2', not $3"
}

mkdir "$TMP/files"
names='one two three four five six seven eight'
for name in $names; do echo "$name" >"$TMP/files/$name"; done
head -c 3000000 /dev/zero >"$TMP/files/big"

port=$(free_port)
base=http://127.0.0.1:$port
serve server --no-tls "$port"
# shellcheck disable=SC2046
"$ragtime" run --output="$TMP/client.rtrace" -- nghttp --null-out --max-concurrent-streams=100 \
	$(for name in $names big none; do echo "$base/$name"; done) >"$TMP/client.log" 2>&1
"$ragtime" tree "$TMP/client.rtrace" >"$TMP/client.tree"
stop server
for side in client server; do
	for name in $names big; do has $side "GET /$name( |\$)" 1; done
	has $side 'GET /none .*404' 1
	has $side 'connection_closed' 0
done

port=$(free_port)
base=https://localhost:$port
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$TMP/key" -out "$TMP/cert" -days 2 -subj /CN=localhost 2>/dev/null
serve server-tls "$port" "$TMP/key" "$TMP/cert"
"$ragtime" run --output="$TMP/client-tls.rtrace" -- curl --silent --http2 --cacert "$TMP/cert" \
	--parallel "$base/one" "$base/two" "$base/none" >"$TMP/client-tls.log"
"$ragtime" tree "$TMP/client-tls.rtrace" >"$TMP/client-tls.tree"
stop server-tls
for side in client-tls server-tls; do
	for name in one two; do has $side "GET /$name( |\$)" 1; done
	has $side 'GET /none .*404' 1
done
